/** What settle-created-transfer.ts and trip-breaker.ts do, on the rows of the simulator. */
import { BREAKER_RECORDS, platformPause } from '../../src/domain/breaker';
import { attemptLedgerKey, lateAttemptLedgerKey, overpaidLedgerKey } from '../../src/domain/ids';
import { overpaidPosting, payoutPosting, type LedgerEntry } from '../../src/domain/ledger';
import { BREAKER_WINNERS } from '../../src/domain/limits';
import { isAlarm } from '../../src/domain/next-state';
import type { ReasonCode } from '../../src/domain/reasons';
import type { PauseRow, TransferRow } from './records';
import { CURRENCY, type System } from './system';

export interface CreatedTransfer {
  readonly stripeTransferId: string;
  readonly attemptNumber: number;
  readonly generation: number;
  readonly amountMinor?: number;
}

export function settleCreatedTransfer(
  system: System,
  row: TransferRow,
  created: CreatedTransfer,
): void {
  const { generation, stripeTransferId } = created;
  const unresolved = row.attempts.filter(({ resolution }) => resolution === null);
  for (const attempt of unresolved) {
    if (attempt.generation === generation) {
      attempt.resolution = 'created';
      attempt.stripeTransferId = stripeTransferId;
    }
  }
  if (row.stripeTransferId === stripeTransferId && system.rules.isSettled(row.status)) {
    return;
  }
  if (unresolved.some((attempt) => attempt.generation !== generation)) {
    raiseAlarm(system, `duplicate_stripe_transfer:${row.id}`);
  }
  if (system.rules.isSettled(row.status)) {
    recordOverpaid(system, row, created);
    raiseAlarm(system, `duplicate_stripe_transfer:${row.id}`);
    return;
  }
  system.records.closeGeneration(row, generation, 'paid', system.nowMs);
  const refusedKey = attemptLedgerKey(row.id, created.attemptNumber);
  const wasRefused = system.records.ledger.some(
    ({ key, kind }) => key === refusedKey && kind === 'refusal',
  );
  if (row.status === 'voided') {
    recordOverpaid(system, row, created);
    raiseAlarm(system, `paid_after_void:${row.id}`);
    system.records.complete(row, stripeTransferId);
    return;
  }
  postPayment(system, row, created, {
    key: wasRefused ? lateAttemptLedgerKey(row.id, created.attemptNumber) : refusedKey,
    kind: 'payout',
    entries: payoutPosting(row.amountMinor, CURRENCY),
  });
  if (row.status === 'cancelled') {
    raiseAlarm(system, `paid_after_cancel:${row.id}`);
  }
  system.records.complete(row, stripeTransferId);
}

interface Payment {
  readonly key: string;
  readonly kind: 'payout' | 'overpaid';
  readonly entries: readonly LedgerEntry[];
}

/** One that is booked already stays as it is. */
export function recordOverpaid(system: System, row: TransferRow, created: CreatedTransfer): void {
  const isBooked = system.records.ledger.some(
    ({ kind, stripeTransferId }) =>
      stripeTransferId === created.stripeTransferId && (kind === 'payout' || kind === 'overpaid'),
  );
  if (!isBooked) {
    postPayment(system, row, created, overpaid(row, created));
  }
}

function overpaid(row: TransferRow, { amountMinor, stripeTransferId }: CreatedTransfer): Payment {
  return {
    key: overpaidLedgerKey(stripeTransferId),
    kind: 'overpaid',
    entries: overpaidPosting(amountMinor ?? row.amountMinor, CURRENCY),
  };
}

function postPayment(
  system: System,
  row: TransferRow,
  { stripeTransferId }: CreatedTransfer,
  posting: Payment,
): void {
  system.records.post({
    ...posting,
    transferId: row.id,
    stripeTransferId,
    reason: null,
    postedAtMs: system.nowMs,
  });
}

export function raiseAlarm(system: System, cause: string): void {
  pauseByAutomation(system, {
    isOfEverything: false,
    cause,
    isLiftedByItself: false,
    neededMinor: undefined,
  });
}

function pauseByAutomation(
  { records }: System,
  pause: Pick<PauseRow, 'isOfEverything' | 'cause' | 'isLiftedByItself' | 'neededMinor'>,
): void {
  const isInForce = records.pauses.some(
    ({ cause, isOfEverything, liftedAtMs }) =>
      liftedAtMs === null && cause === pause.cause && isOfEverything === pause.isOfEverything,
  );
  if (!isInForce) {
    records.pauses.push({ ...pause, owner: 'automation', liftedAtMs: null });
  }
}

export function tripBreaker(system: System, row: TransferRow, reason: ReasonCode): void {
  const ofPlatform = platformPause(reason);
  if (ofPlatform !== undefined) {
    pauseByAutomation(system, {
      isOfEverything: ofPlatform.scope === 'everything',
      cause: reason,
      isLiftedByItself: ofPlatform.isLiftedByItself,
      neededMinor: reason === 'platform_balance_insufficient' ? row.amountMinor : undefined,
    });
    return;
  }
  const cause = repeatedCause(system, row, reason);
  if (cause !== undefined) {
    pauseByAutomation(system, {
      isOfEverything: false,
      cause,
      isLiftedByItself: cause === 'transient_rate_limited',
      neededMinor: undefined,
    });
  }
}

function repeatedCause(
  { records, rules }: System,
  row: TransferRow,
  reason: ReasonCode,
): ReasonCode | undefined {
  if (isAlarm(reason)) {
    const others = records.transfers.filter(
      (other) => other !== row && other.failureReason === reason,
    );
    return others.length + 1 >= BREAKER_WINNERS ? reason : undefined;
  }
  const liftedAtMs = records.pauses.reduce(
    (newest, pause) =>
      pause.isOfEverything ? newest : Math.max(newest, pause.liftedAtMs ?? -Infinity),
    -Infinity,
  );
  const ends = records.ledger
    .filter(
      ({ kind, postedAtMs }) =>
        (kind === 'payout' || kind === 'refusal') && postedAtMs > liftedAtMs,
    )
    .reverse()
    .slice(0, BREAKER_RECORDS)
    .map(({ reason: why, transferId }) => ({ transferId: transferId ?? '', reason: why }));
  return rules.breakerCause(ends);
}

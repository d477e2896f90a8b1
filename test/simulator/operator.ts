/** What people and automation do beside the runs: readiness, pauses, retry, resolve, cancel. */
import { ATTEMPTS_MAX_DEFAULT, EMPTY_LOOK_AFTER_SEND_MS } from '../../src/domain/limits';
import { voidLedgerKey } from '../../src/domain/ids';
import { voidPosting } from '../../src/domain/ledger';
import { giveUpOldKey } from './looks';
import { hasUnresolved, type TransferRow } from './records';
import { cancelUnpaid, honourCancelRequest } from './sends';
import { recordOverpaid, settleCreatedTransfer } from './settle';
import { CURRENCY, type System } from './system';

/** ask-payee-readiness.ts: where Stripe says that the account is not ready nothing changes. */
export function askPayeeReadiness({ records, stripe }: System, row: TransferRow): void {
  const account = records.accounts.get(row.userId);
  if (account === undefined) {
    return;
  }
  const state = stripe.accounts.get(account.stripeAccountId);
  if (state !== 'inactive') {
    account.readiness = state === 'active' ? 'ready' : 'not_asked';
  }
}

/** look-at-pauses.ts: automation lifts what it set itself when the cause is gone. */
export function lookAtPauses({ nowMs, records, stripe }: System): void {
  for (const pause of records.pauses) {
    if (
      pause.liftedAtMs === null &&
      pause.isLiftedByItself &&
      stripe.balanceMinor >= (pause.neededMinor ?? 0)
    ) {
      pause.liftedAtMs = nowMs;
    }
  }
}

export function pauseByOperator({ records }: System): void {
  records.pauses.push({
    isOfEverything: false,
    cause: 'operator',
    owner: 'operator',
    neededMinor: undefined,
    isLiftedByItself: false,
    liftedAtMs: null,
  });
}

export function resumeByOperator({ nowMs, records }: System): void {
  for (const pause of records.pauses) {
    pause.liftedAtMs ??= nowMs;
  }
}

/** A retry by a person who sees the row as it is: a new allowance of attempts. @returns whether it was accepted */
export function retryByOperator(system: System, row: TransferRow): boolean {
  const { records, rules } = system;
  const { attemptCount, failureReason, status } = row;
  const refusal = rules.retryRefusal(
    {
      status,
      attemptCount,
      failureReason,
      updatedAtMs: system.nowMs,
      hasUnresolvedSend: hasUnresolved(row),
      isCancelRequested: row.cancelledAtAttempt !== null,
      isPaused: records.isPaused(),
      hasAccount: records.accounts.has(row.userId),
    },
    { seenStatus: status, seenAttemptCount: attemptCount, seenReason: failureReason },
  );
  if (refusal !== undefined) {
    return false;
  }
  if (status === 'blocked') {
    records.move(row, 'pending', null);
  } else {
    records.move(row, 'retryable', 'transient_retried_by_operator');
  }
  row.maxAttempts = row.countedAttemptCount + ATTEMPTS_MAX_DEFAULT;
  row.payeeWaitSinceMs = null;
  return true;
}

/** A person who knows that nothing was paid: only where that is so, and the 24th hour is over. */
export function resolveUnpaid(system: System, row: TransferRow): boolean {
  const { nowMs, stripe, stripeNowMs } = system;
  const lastSentAtMs = row.attempts.at(-1)?.sentAtMs ?? -Infinity;
  const isTrue =
    row.status === 'unknown' &&
    nowMs >= lastSentAtMs + EMPTY_LOOK_AFTER_SEND_MS &&
    stripe.isSurelyUnpaid(row.id, stripeNowMs);
  if (isTrue) {
    giveUpOldKey(system, row, 'resolved_unpaid');
    system.records.move(row, 'retryable', 'transient_resolved_unpaid');
    honourCancelRequest(system, row);
  }
  return isTrue;
}

/** cancel-transfer.ts: the row as it is, and what the operator saw of it. */
function cancellationFacts(system: System, row: TransferRow) {
  const { attemptCount, failureReason, status } = row;
  const facts = {
    status,
    attemptCount,
    failureReason,
    updatedAtMs: system.nowMs,
    isCancelRequested: row.cancelledAtAttempt !== null,
    hasUnresolvedSend: hasUnresolved(row),
  };
  const seen = { seenStatus: status, seenAttemptCount: attemptCount, seenReason: failureReason };
  return [facts, seen] as const;
}

/** @returns what became of the order */
export function cancelByOperator(system: System, row: TransferRow): string {
  const decision = system.rules.decideCancel(...cancellationFacts(system, row));
  if (decision === 'cancel') {
    cancelUnpaid(system, row);
  } else if (decision === 'request') {
    row.cancelledAtAttempt = row.attemptCount;
  }
  return decision;
}

export function restoreByOperator(system: System, row: TransferRow): string {
  const decision = system.rules.decideRestore(...cancellationFacts(system, row));
  if (decision === 'restore' || decision === 'withdraw') {
    row.cancelledAtAttempt = null;
  }
  if (decision === 'restore') {
    system.records.move(row, 'pending', null);
    row.maxAttempts = row.countedAttemptCount + ATTEMPTS_MAX_DEFAULT;
  }
  return decision;
}

export function voidByOperator(system: System, row: TransferRow): string {
  const decision = system.rules.decideVoid(...cancellationFacts(system, row));
  if (decision === 'void') {
    system.records.post({
      key: voidLedgerKey(row.id),
      kind: 'void',
      transferId: row.id,
      stripeTransferId: null,
      reason: null,
      postedAtMs: system.nowMs,
      entries: voidPosting(row.amountMinor, CURRENCY),
    });
    system.records.move(row, 'voided', null);
  }
  return decision;
}

/** A person who has found the one payment of an unknown transfer. */
export function resolvePaid(system: System, row: TransferRow): boolean {
  const [made, second] = system.stripe.unreversedOf(row.id);
  if (row.status !== 'unknown' || made === undefined || second !== undefined) {
    return false;
  }
  const { generation = 0 } =
    row.generations.findLast(({ request }) => request.destination === made.request.destination) ??
    {};
  settleCreatedTransfer(system, row, { stripeTransferId: made.id, attemptNumber: 0, generation });
  return true;
}

/** accept-transfer.ts: a person who lets be what Stripe shows beside a debt that is paid or voided. */
export function acceptByOperator(system: System, row: TransferRow): void {
  if (row.status !== 'completed' && row.status !== 'voided') {
    return;
  }
  for (const { id: stripeTransferId, request } of system.stripe.unreversedOf(row.id)) {
    if (stripeTransferId !== row.stripeTransferId) {
      const { amountMinor } = request;
      recordOverpaid(system, row, {
        stripeTransferId,
        amountMinor,
        attemptNumber: 0,
        generation: 0,
      });
      system.records.accepted.add(stripeTransferId);
    }
  }
}

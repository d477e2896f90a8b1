/**
 * What reconcile-transfer.ts, read-stripe-list.ts and adopt-listed-transfer.ts do, on the rows of the simulator. A look
 * is two calls, what is asked and what is made of the answer, so that anything may happen between them.
 */
import { isDistrusted } from '../../src/domain/claim-rules';
import { isAlarm } from '../../src/domain/next-state';
import { isAllBack, type StripeMatch } from '../../src/domain/reconciliation';
import { isTerminal } from '../../src/domain/transfer-state';
import { markDistrusted } from './claims';
import { openGenerationOf, type TransferRow } from './records';
import { concludeClaim, honourCancelRequest, proveUnpaid } from './sends';
import { raiseAlarm, settleCreatedTransfer } from './settle';
import type { MadeTransfer } from './stripe-model';
import { CURRENCY, type System } from './system';

/** Stripe's list as it was asked for one transfer. */
export interface Look {
  readonly transferId: string;
  readonly status: TransferRow['status'];
  readonly beganAtMs: number;
  readonly attemptCount: number;
  readonly matches: readonly StripeMatch[];
}

function matchOf({ amountReversedMinor, id, request }: MadeTransfer): StripeMatch {
  const { amountMinor, currency, destination } = request;
  return { id, amountMinor, amountReversedMinor, currency, destination, livemode: false };
}

/** Ends the claim of another run; undefined when nothing has to be looked up. */
export function beginLook(system: System, row: TransferRow, runId: string): Look | undefined {
  if (row.status === 'processing' && row.claimRunId !== runId) {
    concludeClaim(system, row);
  }
  const { nowMs, rules, stripe, stripeNowMs } = system;
  const isBusy = isTerminal(row.status) || row.status === 'processing';
  if (isBusy || (row.status !== 'unknown' && !rules.isLookedAtBetweenKeys())) {
    return undefined;
  }
  const destinations =
    row.generations.length === 0 || isDistrusted(row.failureReason)
      ? [undefined]
      : [...new Set(row.generations.map(({ request }) => request.destination))];
  const matches = destinations
    .flatMap((destination) => stripe.list(stripeNowMs, destination))
    .filter(({ debtId }) => debtId === row.id)
    .map(matchOf);
  const { attemptCount, id: transferId, status } = row;
  return { transferId, status, beganAtMs: nowMs, attemptCount, matches };
}

export function endLook(system: System, look: Look): void {
  const row = system.records.transfer(look.transferId);
  if (row.status !== look.status || row.attemptCount !== look.attemptCount) {
    return;
  }
  if (adoptMatches(system, row, look.matches) !== 'not_seen') {
    return;
  }
  if (row.status === 'unknown') {
    notSeen(system, row, look);
  } else {
    row.notSeenSinceMs = look.beganAtMs;
  }
}

function notSeen(system: System, row: TransferRow, { beganAtMs }: Look): void {
  const { nowMs, records, rules } = system;
  if (isAlarm(row.failureReason)) {
    return;
  }
  const isRefuted =
    row.attempts.length > 0 && row.attempts.every(({ resolution }) => resolution !== null);
  if (isRefuted && !isDistrusted(row.failureReason)) {
    records.move(row, 'retryable', 'transient_not_sent');
    honourCancelRequest(system, row);
    return;
  }
  const look = {
    beganAtMs,
    notSeenSinceMs: row.notSeenSinceMs,
    lastSentAtMs: isDistrusted(row.failureReason) ? null : (row.attempts.at(-1)?.sentAtMs ?? null),
    nowMs,
  };
  if (rules.isProvenAbsent(look)) {
    giveUpOldKey(system, row, 'not_found_at_stripe');
    records.move(row, 'retryable', 'transient_not_found_at_stripe');
    honourCancelRequest(system, row);
    return;
  }
  row.notSeenSinceMs = rules.isFirstEmptyLook(look) ? beganAtMs : row.notSeenSinceMs;
  const open = openGenerationOf(row);
  if (open !== undefined && !rules.isKeySendable(open, nowMs) && !isDistrusted(row.failureReason)) {
    records.move(row, 'unknown', 'unknown_key_too_old');
  }
}

/** Every send is proven unpaid, and the open key ends for ever. */
export function giveUpOldKey(system: System, row: TransferRow, reason: string): void {
  proveUnpaid(system, row);
  const open = openGenerationOf(row);
  if (open !== undefined) {
    system.records.closeGeneration(row, open.generation, reason, system.nowMs);
  }
}

function adoptMatches(
  system: System,
  row: TransferRow,
  matches: readonly StripeMatch[],
): 'not_seen' | 'payment' | 'alarm' {
  const account = system.records.accounts.get(row.userId);
  const known = row.generations
    .map(({ generation, request }) => ({ generation, ...request, livemode: false }))
    .reverse();
  const lost = account && {
    generation: 0,
    amountMinor: row.amountMinor,
    currency: CURRENCY,
    destination: account.stripeAccountId,
    livemode: false,
  };
  const verdict = system.rules.judgeMatches(matches, lost === undefined ? known : [...known, lost]);
  if (verdict.is === 'payment') {
    const { send, stripeTransferId } = verdict;
    const { generation } = send;
    const open = row.attempts.filter(
      (attempt) => attempt.generation === generation && attempt.resolution === null,
    );
    const attemptNumber = open.at(-1)?.attemptNumber ?? 0;
    settleCreatedTransfer(system, row, { stripeTransferId, attemptNumber, generation });
  } else if (verdict.is === 'alarm') {
    if (verdict.reason === 'unknown_second_transfer') {
      raiseAlarm(system, `duplicate_stripe_transfer:${row.id}`);
    }
    markDistrusted(system, row, verdict.reason);
  }
  return verdict.is;
}

/** Stripe's list of the whole settlement as it was asked before the first send. */
export interface ListReading {
  readonly beganAtMs: number;
  readonly listed: readonly MadeTransfer[];
}

export function beginReading({ nowMs, stripe, stripeNowMs }: System): ListReading {
  return { beganAtMs: nowMs, listed: stripe.list(stripeNowMs).map((made) => ({ ...made })) };
}

export function endReading(system: System, { beganAtMs, listed }: ListReading): void {
  const { records } = system;
  for (const row of records.transfers) {
    const matches = listed.filter(({ debtId }) => debtId === row.id).map(matchOf);
    if (matches.length > 0 && system.rules.isListCompared()) {
      compare(system, row, matches);
    }
  }
  records.listReadAtMs = Math.max(records.listReadAtMs ?? beganAtMs, beganAtMs);
}

function compare(system: System, row: TransferRow, matches: readonly StripeMatch[]): void {
  if (row.status === 'unknown' && isAlarm(row.failureReason)) {
    return;
  }
  const stillToJudge = matches.filter(
    (match) => !isAllBack(match) && !system.records.accepted.has(match.id),
  );
  if (row.status === 'completed') {
    for (const { amountMinor, id: stripeTransferId } of stillToJudge) {
      const created = { stripeTransferId, amountMinor, attemptNumber: 0, generation: 0 };
      settleCreatedTransfer(system, row, created);
    }
    return;
  }
  const judged = row.status === 'voided' ? stillToJudge : matches;
  if (judged.length > 0 && adoptMatches(system, row, judged) === 'alarm') {
    raiseAlarm(system, `stripe_list_mismatch:${row.id}`);
  }
}

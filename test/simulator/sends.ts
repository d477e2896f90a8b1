/**
 * What beginSend, create-stripe-transfer.ts, record-outcome.ts and conclude-claim.ts do, on the rows of the simulator.
 * Each call is one transaction; whoever calls may die between any two of them.
 */
import type { TransferClaim } from '../../src/domain/contracts';
import { isPayeeNotReady } from '../../src/domain/claim-rules';
import { attemptLedgerKey } from '../../src/domain/ids';
import type { SendRefusal } from '../../src/domain/next-state';
import type { SendOutcome, StripeAnswer } from '../../src/domain/outcome';
import type { ReasonCode } from '../../src/domain/reasons';
import { isHeldByRiskControl } from '../../src/domain/claim-rules';
import { canTransition } from '../../src/domain/transfer-state';
import { markAccountNotReady, markBlocked, sendsOf } from './claims';
import { openGenerationOf, type AttemptRow, type GenerationRow, type TransferRow } from './records';
import { settleCreatedTransfer, tripBreaker } from './settle';
import type { System } from './system';

/** One attempt under way: its row is committed, the POST may be made. */
export interface BegunSend {
  readonly claim: TransferClaim;
  readonly attemptNumber: number;
  readonly key: string;
  readonly request: GenerationRow['request'];
  /** By the clock that is never set back. */
  readonly begunAtMs: number;
}

/** The gate before a POST; the SQL asks what sendRefusal says, which test/db/send-gate.test.ts compares. */
export function beginSend(system: System, claim: TransferClaim): BegunSend | undefined {
  const { nowMs, records, rules, stripeNowMs } = system;
  const row = records.transfer(claim.transferId);
  const generation = row.generations.find((candidate) => candidate.generation === claim.generation);
  if (generation === undefined || refusalOf(system, row, generation, claim) !== undefined) {
    return undefined;
  }
  if (generation.firstSentAtMs === null) {
    generation.firstSentAtMs = nowMs;
    generation.listReadAtMs = records.listReadAtMs;
  }
  row.attemptCount += 1;
  row.notSeenSinceMs = null;
  row.attempts.push({
    attemptNumber: row.attemptCount,
    generation: generation.generation,
    claimNumber: claim.claimNumber,
    sentAtMs: nowMs,
    isAnswered: false,
    outcome: null,
    resolution: null,
    reason: null,
    replayed: false,
    leadsTo: null,
    closesGeneration: false,
    stripeTransferId: null,
  });
  const key = rules.stripeIdempotencyKey(row.id, generation.generation);
  const { request } = generation;
  return { claim, attemptNumber: row.attemptCount, key, request, begunAtMs: stripeNowMs };
}

function refusalOf(
  { nowMs, records, rules }: System,
  row: TransferRow,
  generation: GenerationRow | undefined,
  claim: TransferClaim | undefined,
): SendRefusal | undefined {
  return rules.sendRefusal({
    isClaimValid:
      claim === undefined
        ? generation !== undefined
        : row.status === 'processing' &&
          row.stripeTransferId === null &&
          row.generation === claim.generation &&
          row.claimNumber === claim.claimNumber &&
          row.claimRunId === claim.runId &&
          generation?.closedAtMs === null,
    isCancelRequested: row.cancelledAtAttempt !== null,
    isPaused: records.isPaused(),
    isApprovalMissing: false,
    heldUntilMs: null,
    accountIsConfirmed: true,
    isOfThisPlatform: true,
    hasUnresolvedSend: row.attempts.some(
      (attempt) => attempt.generation === generation?.generation && attempt.resolution === null,
    ),
    attemptsAreUsedUp: row.countedAttemptCount >= row.maxAttempts,
    destinationIsPayee:
      generation !== undefined &&
      generation.request.destination === records.accounts.get(row.userId)?.stripeAccountId,
    key: generation ?? { firstSentAtMs: null, listReadAtMs: null },
    list: { readAtMs: records.listReadAtMs, isWanted: false },
    nowMs,
  });
}

/** The answer of one attempt, and with it the payment if it says so. */
export function keepAnswer(system: System, begun: BegunSend, answer: StripeAnswer): SendOutcome {
  const row = system.records.transfer(begun.claim.transferId);
  const outcome = system.rules.classifyAnswer(answer, begun.request, { livemode: false });
  recordAnswer(row, begun.attemptNumber, answer, outcome);
  if (outcome.kind === 'created') {
    settleCreatedTransfer(system, row, {
      stripeTransferId: outcome.stripeTransferId,
      attemptNumber: begun.attemptNumber,
      generation: begun.claim.generation,
    });
  }
  return outcome;
}

function recordAnswer(
  row: TransferRow,
  attemptNumber: number,
  answer: StripeAnswer,
  outcome: SendOutcome,
): void {
  const attempt = row.attempts.find((candidate) => candidate.attemptNumber === attemptNumber);
  if (attempt === undefined || attempt.isAnswered) {
    return;
  }
  attempt.isAnswered = true;
  attempt.outcome = outcome.kind;
  attempt.replayed = answer.replayed;
  if (outcome.kind === 'created') {
    attempt.resolution = 'created';
    attempt.stripeTransferId = outcome.stripeTransferId;
    return;
  }
  attempt.reason = outcome.reason;
  if (outcome.kind === 'not_created') {
    attempt.resolution ??= 'not_created';
    attempt.leadsTo = outcome.leadsTo;
    attempt.closesGeneration = outcome.closesGeneration;
    row.countedAttemptCount += outcome.counted ? 1 : 0;
  }
}

/** Ends a claim; one that is no longer the row's own changes nothing. */
export function recordOutcome(system: System, claim: TransferClaim): void {
  const row = system.records.transfer(claim.transferId);
  if (row.status === 'processing' && row.claimNumber === claim.claimNumber) {
    concludeClaim(system, row);
  }
}

export function concludeClaim(system: System, row: TransferRow): void {
  const { nowMs, records, rules } = system;
  const sends = sendsOf(row, row.generation);
  const paid = sends.find(({ resolution }) => resolution === 'created');
  if (paid !== undefined && paid.stripeTransferId !== null) {
    const { attemptNumber, generation, stripeTransferId } = paid;
    settleCreatedTransfer(system, row, { stripeTransferId, attemptNumber, generation });
    return;
  }
  resolveAllUnpaid(rules.sendsProvenUnpaid(sends));
  recordRefusals(system, row, sends);
  const claimed = sends.filter((send) => send.claimNumber === row.claimNumber);
  const next = rules.nextState(
    sends,
    claimed,
    { countedAttempts: row.countedAttemptCount, maxAttempts: row.maxAttempts },
    claimed.length > 0 ? 'transient_not_sent' : whyNothingWasSent(system, row),
  );
  if (next.closeGeneration) {
    records.closeGeneration(row, row.generation, next.reason, nowMs);
  }
  tellOthers(system, row, next.reason);
  if (next.to === 'blocked') {
    markBlocked(system, row, next.reason);
  } else {
    records.move(row, next.to, next.reason);
  }
  honourCancelRequest(system, row);
}

/** honour-cancel-request.ts: what is proven unpaid and wanted cancelled is cancelled in the same transaction. */
export function honourCancelRequest(system: System, row: TransferRow): void {
  if (
    row.cancelledAtAttempt !== null &&
    system.rules.isCancelHonoured() &&
    canTransition(row.status, 'cancelled') &&
    !isHeldByRiskControl(row)
  ) {
    cancelUnpaid(system, row);
  }
}

export function cancelUnpaid({ nowMs, records }: System, row: TransferRow): void {
  const open = openGenerationOf(row);
  if (open !== undefined) {
    records.closeGeneration(row, open.generation, 'cancelled', nowMs);
  }
  records.move(row, 'cancelled', null);
  row.cancelledAtAttempt ??= row.attemptCount;
  row.payeeWaitSinceMs = null;
}

function whyNothingWasSent(system: System, row: TransferRow): SendRefusal {
  return refusalOf(system, row, openGenerationOf(row), undefined) ?? 'transient_not_sent';
}

/** Every send is proven to have paid nothing, by a look at Stripe or by a person. */
export function proveUnpaid(system: System, row: TransferRow): void {
  resolveAllUnpaid(row.attempts);
  recordRefusals(system, row, row.attempts);
}

function resolveAllUnpaid(attempts: readonly AttemptRow[]): void {
  for (const attempt of attempts) {
    attempt.resolution ??= 'not_created';
  }
}

function tellOthers(system: System, row: TransferRow, reason: ReasonCode): void {
  const newest = row.generations.at(-1);
  if (isPayeeNotReady(reason) && newest !== undefined) {
    markAccountNotReady(system, row.userId, newest.request.destination);
  }
  tripBreaker(system, row, reason);
}

function recordRefusals(
  { nowMs, records }: System,
  row: TransferRow,
  attempts: readonly AttemptRow[],
): void {
  for (const { attemptNumber, reason, resolution } of attempts) {
    if (resolution === 'not_created') {
      records.post({
        key: attemptLedgerKey(row.id, attemptNumber),
        kind: 'refusal',
        transferId: row.id,
        stripeTransferId: null,
        reason,
        postedAtMs: nowMs,
        entries: [],
      });
    }
  }
}

/** What claim-transfer.ts and claim-facts.ts do, on the rows of the simulator. One call is one transaction. */
import type { ClaimDecision, ClaimFacts } from '../../src/domain/claim-rules';
import type { SeenSends, TransferClaim } from '../../src/domain/contracts';
import { freezeRequest } from '../../src/domain/generation';
import { doubledMs } from '../../src/domain/doubling';
import { ASK_WAITS, PAYEE_WAIT_MS } from '../../src/domain/limits';
import { failureClassOf, type ReasonCode } from '../../src/domain/reasons';
import {
  openGenerationOf,
  type AccountRow,
  type AttemptRow,
  type GenerationRow,
  type TransferRow,
} from './records';
import { CURRENCY, INSTALLATION_ID, SETTLEMENT_ID, type System } from './system';

export interface Run {
  readonly runId: string;
  seen: SeenSends | undefined;
}

export type Claimed =
  | { readonly next: 'rest'; readonly wantsList: boolean }
  | { readonly next: 'reconcile' | 'ask' }
  | { readonly next: 'send'; readonly claim: TransferClaim };

const REST: Claimed = { next: 'rest', wantsList: false };
const RECONCILE: Claimed = { next: 'reconcile' };

export function claimTransfer(system: System, row: TransferRow, run: Run): Claimed {
  return carryOut(system, row, run, system.rules.decideClaim(readClaimFacts(system, row, run)));
}

function readClaimFacts(system: System, row: TransferRow, run: Run): ClaimFacts {
  const { nowMs, records, rules } = system;
  const account = records.accounts.get(row.userId);
  const open = openGenerationOf(row);
  return {
    status: row.status,
    failureReason: row.failureReason,
    isClaimOfThisRun: row.status === 'processing' && row.claimRunId === run.runId,
    runHasSeenMore:
      run.seen !== undefined &&
      (run.seen.generation > row.generation ||
        run.seen.attemptCount > row.attemptCount ||
        (run.seen.claimNumber ?? 0) > row.claimNumber),
    isCancelRequested: row.cancelledAtAttempt !== null,
    closedGate: records.isPaused() ? 'platform_paused' : undefined,
    payee: account && {
      isConfirmed: true,
      isNotReady: account.readiness === 'not_ready',
      askIsDue: account.nextAskAtMs === null || account.nextAskAtMs <= nowMs,
    },
    openGeneration: open && {
      isKeySendable: rules.isKeySendable(open, nowMs),
      wasSent: open.firstSentAtMs !== null,
      destinationIsPayee: open.request.destination === account?.stripeAccountId,
    },
    sends: sendsOf(row, open?.generation),
    lookedSinceClosing: !rules.isLookedAtBetweenKeys() || hasLookedSinceClosing(row),
    lookedSinceSend: row.notSeenSinceMs !== null,
    listIsFresh: rules.isListFresh({ readAtMs: records.listReadAtMs, isWanted: false }, nowMs),
    payeeWaitIsOver: isPayeeWaitOver(row, nowMs),
  };
}

function hasLookedSinceClosing({ generations, notSeenSinceMs }: TransferRow): boolean {
  const closedAtMs = generations.at(-1)?.closedAtMs ?? null;
  return closedAtMs === null || (notSeenSinceMs !== null && notSeenSinceMs >= closedAtMs);
}

export function sendsOf(row: TransferRow, generation: number | undefined): AttemptRow[] {
  return row.attempts.filter((attempt) => attempt.generation === generation);
}

function isPayeeWaitOver(
  { failureReason, payeeWaitSinceMs, status }: TransferRow,
  nowMs: number,
): boolean {
  return (
    status === 'blocked' &&
    failureReason !== null &&
    failureClassOf(failureReason) === 'payee' &&
    payeeWaitSinceMs !== null &&
    nowMs >= payeeWaitSinceMs + PAYEE_WAIT_MS
  );
}

function carryOut(system: System, row: TransferRow, run: Run, decision: ClaimDecision): Claimed {
  const { records } = system;
  switch (decision.do) {
    case 'rest':
      return REST;
    case 'hold':
      return heldClaim(row, run);
    case 'reconcile':
      return RECONCILE;
    case 'distrust':
      markDistrusted(system, row, 'unknown_records_older');
      return RECONCILE;
    case 'ask':
      return beginAsk(records.accounts.get(row.userId), system.nowMs) ? { next: 'ask' } : REST;
    case 'wait_for_list':
      unblock(system, row);
      return { next: 'rest', wantsList: true };
    case 'block':
      if (row.status !== 'blocked' || row.failureReason !== decision.reason) {
        unblock(system, row);
        markBlocked(system, row, decision.reason);
      }
      return REST;
    case 'end_payee_wait':
      records.move(row, 'failed_terminal', 'payee_wait_over');
      return REST;
    case 'send_open':
      return claim(system, row, run, openGenerationOf(row));
    case 'give_up_key':
      return giveUpKey(system, row, decision.reason);
    case 'send_next':
      return claim(system, row, run, openNext(system, row));
  }
}

function heldClaim(row: TransferRow, { runId }: Run): Claimed {
  const { claimNumber, generation, id: transferId } = row;
  return { next: 'send', claim: { transferId, generation, claimNumber, runId } };
}

function unblock({ records }: System, row: TransferRow): void {
  if (row.status === 'blocked') {
    records.move(row, 'pending', null);
  }
}

function claim(
  system: System,
  row: TransferRow,
  run: Run,
  generation: GenerationRow | undefined,
): Claimed {
  if (generation === undefined) {
    throw new Error(`transfer ${row.id} was to be sent without an open generation`);
  }
  unblock(system, row);
  system.records.move(row, 'processing', null);
  row.claimRunId = run.runId;
  row.claimNumber += 1;
  row.generation = generation.generation;
  return heldClaim(row, run);
}

function giveUpKey(system: System, row: TransferRow, reason: string): Claimed {
  const open = openGenerationOf(row);
  if (open !== undefined) {
    system.records.closeGeneration(row, open.generation, reason, system.nowMs);
  }
  return RECONCILE;
}

function openNext(system: System, row: TransferRow): GenerationRow {
  const { nowMs, records } = system;
  const account = records.accounts.get(row.userId);
  if (account === undefined) {
    throw new Error(`transfer ${row.id} was to be sent without an account`);
  }
  const request = freezeRequest({
    installationId: INSTALLATION_ID,
    transferId: row.id,
    settlementId: SETTLEMENT_ID,
    contestId: 'contest-1',
    userId: row.userId,
    amountMinor: row.amountMinor,
    currency: CURRENCY,
    destination: account.stripeAccountId,
  });
  return records.openGeneration(row, request, nowMs);
}

/** Times of the questions about an account double. */
function nextAskAtMs({ askCount }: AccountRow, nowMs: number): number {
  return nowMs + doubledMs(askCount, ASK_WAITS);
}

function beginAsk(account: AccountRow | undefined, nowMs: number): boolean {
  const isDue =
    account?.readiness === 'not_ready' &&
    (account.nextAskAtMs === null || account.nextAskAtMs <= nowMs);
  if (isDue) {
    account.nextAskAtMs = nextAskAtMs(account, nowMs);
    account.askCount += 1;
  }
  return isDue;
}

export function markAccountNotReady(system: System, userId: string, destination: string): void {
  const account = system.records.accounts.get(userId);
  if (account?.stripeAccountId === destination) {
    account.readiness = 'not_ready';
    account.nextAskAtMs = nextAskAtMs(account, system.nowMs);
  }
}

export function markBlocked(system: System, row: TransferRow, reason: ReasonCode): void {
  system.records.move(row, 'blocked', reason);
  if (failureClassOf(reason) === 'payee') {
    row.payeeWaitSinceMs ??= system.nowMs;
  }
}

/** Unknown from any unpaid state, over the legal edges. */
export function markDistrusted(system: System, row: TransferRow, reason: ReasonCode): void {
  const { records } = system;
  if (row.status === 'failed_terminal') {
    records.move(row, 'retryable', reason);
  }
  if (row.status === 'retryable') {
    markBlocked(system, row, reason);
  }
  if (row.status === 'blocked' || row.status === 'cancelled') {
    records.move(row, 'pending', null);
  }
  if (row.status !== 'voided' && row.status !== 'completed') {
    records.move(row, 'unknown', reason);
    row.notSeenSinceMs = null;
  }
}

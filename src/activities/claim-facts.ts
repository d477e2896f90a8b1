import { isAccountConfirmed } from '../domain/approval';
import type { SeenSends } from '../domain/contracts';
import type { ClaimFacts, OpenGenerationFacts, PayeeFacts } from '../domain/claim-rules';
import { isKeySendable, isListFresh } from '../domain/send-gate';
import type { Executor } from '../db/database';
import { findAttempts } from '../db/payout-attempts';
import { readPayoutClock } from '../db/payout-clock';
import { findGenerations, keyAgeOf, type PayoutGeneration } from '../db/payout-generations';
import { findJobById, listAgeOf } from '../db/payout-jobs';
import type { PayoutTransfer } from '../db/payout-transfers';
import { findUserStripeAccount, type UserStripeAccount } from '../db/user-stripe-accounts';
import { knownSends } from './known-sends';
import { closedOperatorGate } from './send-gates';

/** Everything that a claim decides from, and the rows that it acts on. */
export interface ClaimReading {
  readonly facts: ClaimFacts;
  readonly account: UserStripeAccount | undefined;
  readonly openGeneration: PayoutGeneration | undefined;
  /** Postgres's clock, in milliseconds since 1970. */
  readonly nowMs: number;
}

/** Reads what a claim decides from, under the row's lock of the caller's transaction. */
export async function readClaimFacts(
  executor: Executor,
  transfer: PayoutTransfer,
  run: {
    readonly runId: string;
    readonly seen?: SeenSends | undefined;
    readonly payeeWaitMs: number;
  },
): Promise<ClaimReading> {
  const nowMs = (await readPayoutClock(executor)).getTime();
  const account = await findUserStripeAccount(executor, transfer.userId);
  const generations = await findGenerations(executor, transfer.id);
  const openGeneration = generations.find(({ closedAt }) => closedAt === null);
  const attempts = await findAttempts(executor, transfer.id);
  const job = await findJobById(executor, transfer.payoutJobId);
  const facts: ClaimFacts = {
    status: transfer.status,
    failureReason: transfer.failureReason,
    isClaimOfThisRun: transfer.status === 'processing' && transfer.claimRunId === run.runId,
    runHasSeenMore: hasSeenMore(run.seen, transfer),
    isCancelRequested: transfer.cancelRequestedAt !== null,
    closedGate: await closedOperatorGate(executor, transfer, job),
    payee: account === undefined ? undefined : payeeFacts(transfer, account, nowMs),
    openGeneration:
      openGeneration === undefined ? undefined : generationFacts(openGeneration, account, nowMs),
    sends: knownSends(attempts, openGeneration?.generation),
    lookedSinceClosing: hasLookedSince(transfer, generations),
    // Every send takes it away.
    lookedSinceSend: transfer.notSeenSince !== null,
    listIsFresh: job !== undefined && isListFresh(listAgeOf(job), nowMs),
    payeeWaitIsOver: isPayeeWaitOver(transfer, run.payeeWaitMs, nowMs),
  };
  return { facts, account, openGeneration, nowMs };
}

/**
 * Whether Stripe was looked at since the newest generation ended, and showed no payment.
 * @param generations newest first
 */
export function hasLookedSince(
  { notSeenSince }: PayoutTransfer,
  [newest]: readonly PayoutGeneration[],
): boolean {
  const closedAt = newest?.closedAt ?? null;
  return closedAt === null || (notSeenSince !== null && notSeenSince >= closedAt);
}

function hasSeenMore(seen: SeenSends | undefined, transfer: PayoutTransfer): boolean {
  return (
    seen !== undefined &&
    (seen.generation > transfer.generation ||
      seen.attemptCount > transfer.attemptCount ||
      (seen.claimNumber ?? 0) > transfer.claimNumber)
  );
}

function payeeFacts(
  transfer: PayoutTransfer,
  account: UserStripeAccount,
  nowMs: number,
): PayeeFacts {
  const { nextAskAt, readiness } = account;
  return {
    isConfirmed: isAccountConfirmed(transfer, account),
    isNotReady: readiness === 'not_ready',
    askIsDue: nextAskAt === null || nextAskAt.getTime() <= nowMs,
  };
}

function generationFacts(
  generation: PayoutGeneration,
  account: UserStripeAccount | undefined,
  nowMs: number,
): OpenGenerationFacts {
  return {
    isKeySendable: isKeySendable(keyAgeOf(generation), nowMs),
    wasSent: generation.firstSentAt !== null,
    destinationIsPayee: generation.destination === account?.stripeAccountId,
  };
}

function isPayeeWaitOver(transfer: PayoutTransfer, payeeWaitMs: number, nowMs: number): boolean {
  return (
    transfer.status === 'blocked' &&
    transfer.failureClass === 'payee' &&
    transfer.payeeWaitSince !== null &&
    nowMs >= transfer.payeeWaitSince.getTime() + payeeWaitMs
  );
}

import type { FundsCheck } from '../domain/contracts';
import {
  decideFunds,
  fundsWaitMs,
  isBeforeSending,
  owedSoon,
  type FundsDecision,
} from '../domain/funds';
import { awaitFunds, beginSending, findOwedSums } from '../db/job-funds';
import { findJobById, type PayoutJob } from '../db/payout-jobs';
import { availableBalances } from '../stripe/balance-and-account';
import { stripeErrorCode } from '../stripe/read-failures';
import type { ActivityDependencies } from './dependencies';
import { progressOf } from './job-progress';

export interface CheckFundsInput {
  readonly jobId: string;
}

/** What the caller adds to a look at the balance. */
export interface FundsLook {
  /** No further try follows when the balance cannot be read: the job begins all the same. */
  readonly isLastTry: boolean;
  /** Told that a job begins although nobody knows what there is, with a code of why. */
  readonly onUnreadable: (why: string) => void;
}

/**
 * Lets a job begin to send, or wait for money (design §3): asks Stripe's balance, and compares it with what this job
 * and those before it owe. At most one reading request, and none for a job that owes nothing or sends already. Safe to
 * repeat and to race.
 *
 * It is advice and no guard: where Stripe cannot tell, the job begins, and a transfer that the balance does not cover
 * is refused by Stripe and pauses the settlement (M7).
 *
 * @throws StripeUnreachableError, StripeRefusedError when the balance could not be read and this is not the last try
 */
export async function checkFunds(
  { database, stripe }: Pick<ActivityDependencies, 'database' | 'stripe'>,
  { jobId }: CheckFundsInput,
  look: FundsLook,
): Promise<FundsCheck> {
  const job = await readJob(database, jobId);
  if (isBeforeSending(job.status)) {
    const owed = owedSoon(await findOwedSums(database, job));
    const decision: FundsDecision =
      owed.byThisJob === 0
        ? { do: 'begin', because: 'enough' }
        : decideFunds(owed, job.currency, await readAvailable(stripe, look));
    await carryOut(database, job, decision);
  }
  const now = await readJob(database, jobId);
  return {
    progress: await progressOf(database, now),
    askAgainInMs: now.status === 'awaiting_funds' ? fundsWaitMs(now.fundsAskCount) : null,
  };
}

async function readJob(
  database: ActivityDependencies['database'],
  jobId: string,
): Promise<PayoutJob> {
  const job = await findJobById(database, jobId);
  if (job === undefined) {
    throw new Error(`payout job ${jobId} does not exist`);
  }
  return job;
}

/** @returns undefined where Stripe cannot tell, in the last try */
async function readAvailable(
  stripe: ActivityDependencies['stripe'],
  { isLastTry, onUnreadable }: FundsLook,
): Promise<ReadonlyMap<string, number> | undefined> {
  try {
    const available = await availableBalances(stripe);
    if (available.size === 0) {
      onUnreadable('NO_ENTRIES');
    }
    return available;
  } catch (error) {
    const why = stripeErrorCode(error);
    if (why === undefined || !isLastTry) {
      throw error;
    }
    onUnreadable(why);
    return undefined;
  }
}

async function carryOut(
  database: ActivityDependencies['database'],
  job: PayoutJob,
  decision: FundsDecision,
): Promise<void> {
  if (decision.do === 'begin') {
    await beginSending(database, job.id);
    return;
  }
  const waitMs = fundsWaitMs(job.fundsAskCount);
  await awaitFunds(database, job.id, { ...decision, waitMs });
}

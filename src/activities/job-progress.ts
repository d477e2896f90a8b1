import type { ApprovalGate, PayoutProgress } from '../domain/contracts';
import { jobOutcome } from '../domain/job-state';
import type { Executor } from '../db/database';
import type { PayoutJob } from '../db/payout-jobs';
import { summarizeTransfers } from '../db/payout-transfers';
import { findHoldInForce } from '../db/settlement-hold';

/** A job's state with its counts and sums, derived from the transfers at this moment. */
export async function progressOf(executor: Executor, job: PayoutJob): Promise<PayoutProgress> {
  const { counts, sumsMinor } = await summarizeTransfers(executor, job.id);
  const { fundsAvailableMinor: availableMinor, fundsNeededMinor: neededMinor } = job;
  const isMissingMoney =
    job.status === 'awaiting_funds' && neededMinor !== null && availableMinor !== null;
  return {
    settlementId: job.settlementId,
    jobId: job.id,
    status: job.status,
    outcome: jobOutcome(counts),
    currency: job.currency,
    counts,
    sumsMinor,
    ...(isMissingMoney && { missing: { neededMinor, availableMinor } }),
    ...(job.status === 'awaiting_approval' && { gate: await gateOf(executor, job) }),
  };
}

async function gateOf(executor: Executor, job: PayoutJob): Promise<ApprovalGate> {
  const heldUntil = await findHoldInForce(executor, job);
  return {
    isApprovalMissing: job.approval === 'required',
    heldUntil: heldUntil?.toISOString() ?? null,
  };
}

import type { Client } from '@temporalio/client';

import { jobWorkflowId } from '../domain/ids';
import type { Settlement } from '../domain/settlement';
import { settlementContentHash } from '../db/settlement-content-hash';
import { inTransaction, type Database } from '../db/database';
import { updateJobRun } from '../db/payout-jobs';
import { schedulePayoutJob, type SchedulingTerms } from '../db/schedule-payout-job';
import { insertSettlement } from '../db/settlements';
import { startJobWorkflow, startSettlementSweep } from './start-workflows';

export interface SettleReport {
  readonly settlementId: string;
  readonly workflowId: string;
  readonly runId: string | null;
  /** Whether this call recorded the settlement. */
  readonly created: boolean;
  readonly transfers: number;
  readonly totalMinor: number;
  readonly currency: string;
}

/** A settlement in Postgres with its job and transfers, whether or not its workflow runs yet. */
export interface RecordedJob {
  readonly created: boolean;
  readonly jobId: string;
  readonly isComplete: boolean;
  readonly workflowRunId: string | null;
}

/**
 * Records a settlement with its job and all its transfers in one transaction: whole or not at all. The same content
 * again, from however many callers at once, changes nothing.
 *
 * @throws SettlementConflictError when the id is recorded with other content
 * @throws AwardAlreadySettledError when another settlement pays one of the awards already
 */
export async function recordSettlement(
  database: Database,
  settlement: Settlement,
  terms: SchedulingTerms,
): Promise<RecordedJob> {
  return inTransaction(database, async (transaction) => {
    const created = await insertSettlement(transaction, settlement);
    const { job } = await schedulePayoutJob(transaction, settlement.settlementId, terms);
    return {
      created,
      jobId: job.id,
      isComplete: job.status === 'complete',
      workflowRunId: job.workflowRunId,
    };
  });
}

/**
 * Starts the job of a recorded settlement, or finds the run that is open; the run of a completed job is the stored one.
 * Of a settlement that was recorded before, a sweep also starts the transfers that lost their run after the job had passed
 * them; it begins at once where a worker runs, and nobody waits for it here.
 * Safe to repeat: the job moves no money itself, and Postgres has compared the content.
 */
export async function startJob(
  connections: { readonly client: Client; readonly database: Database },
  settlement: Settlement,
  recorded: RecordedJob,
): Promise<SettleReport> {
  const { settlementId, totalMinor, currency, winners } = settlement;
  const runId = recorded.isComplete
    ? recorded.workflowRunId
    : await startJobWorkflow(connections.client, {
        ...settlement,
        winnerCount: winners.length,
        contentHash: settlementContentHash(settlement),
      });
  if (runId !== null && !recorded.isComplete) {
    await updateJobRun(connections.database, recorded.jobId, runId);
  }
  if (!recorded.created && !recorded.isComplete) {
    await startSettlementSweep(connections.client, settlementId);
  }
  return {
    settlementId,
    workflowId: jobWorkflowId(settlementId),
    runId,
    created: recorded.created,
    transfers: winners.length,
    totalMinor,
    currency,
  };
}

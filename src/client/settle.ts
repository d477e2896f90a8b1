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

interface Connections {
  readonly client: Client;
  readonly database: Database;
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
 * @param recordedBy the name of a gateway token or an operator; kept with the settlement that this call records
 * @throws SettlementConflictError when the id is recorded with other content
 * @throws AwardAlreadySettledError when another settlement pays one of the awards already
 */
export async function recordSettlement(
  database: Database,
  settlement: Settlement,
  terms: SchedulingTerms,
  recordedBy: string | null = null,
): Promise<RecordedJob> {
  return inTransaction(database, async (transaction) => {
    const created = await insertSettlement(transaction, settlement, recordedBy);
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
export async function startRecordedJob(
  connections: Connections,
  settlement: Settlement,
  recorded: RecordedJob,
): Promise<SettleReport> {
  const { client, database } = connections;
  if (recorded.isComplete) {
    return reportOf(settlement, recorded, recorded.workflowRunId);
  }
  const runId = await startJobWorkflow(client, {
    ...settlement,
    winnerCount: settlement.winners.length,
    contentHash: settlementContentHash(settlement),
  });
  await updateJobRun(database, recorded.jobId, runId);
  if (!recorded.created) {
    await startSettlementSweep(client, settlement.settlementId);
  }
  return reportOf(settlement, recorded, runId);
}

/** @param runId null where no run was started */
export function reportOf<RunId extends string | null>(
  { settlementId, totalMinor, currency, winners }: Settlement,
  { created }: RecordedJob,
  runId: RunId,
): SettleReport & { readonly runId: RunId } {
  return {
    settlementId,
    workflowId: jobWorkflowId(settlementId),
    runId,
    created,
    transfers: winners.length,
    totalMinor,
    currency,
  };
}

import type { Client } from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';

import {
  SEARCH_ATTRIBUTES,
  TASK_QUEUES,
  WORKFLOW_TYPES,
  type PayoutJobInput,
} from '../domain/contracts';
import { jobWorkflowId } from '../domain/ids';
import { formatAmount } from '../domain/money';
import type { Settlement } from '../domain/settlement';
import { settlementContentHash } from '../db/settlement-content-hash';
import { inTransaction, type Database } from '../db/database';
import { updateJobRun } from '../db/payout-jobs';
import { schedulePayoutJob, type SchedulingTerms } from '../db/schedule-payout-job';
import { insertSettlement } from '../db/settlements';

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
    : await startWorkflow(connections.client, settlement);
  if (runId !== null && !recorded.isComplete) {
    await updateJobRun(connections.database, recorded.jobId, runId);
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

async function startWorkflow(client: Client, settlement: Settlement): Promise<string> {
  const { settlementId, contestId, totalMinor, currency, winners } = settlement;
  const input: PayoutJobInput = {
    settlementId,
    contestId,
    contentHash: settlementContentHash(settlement),
  };
  const handle = await client.workflow.start(WORKFLOW_TYPES.payoutJob, {
    taskQueue: TASK_QUEUES.payouts,
    workflowId: jobWorkflowId(settlementId),
    workflowIdConflictPolicy: 'USE_EXISTING',
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    args: [input],
    staticSummary: `pay ${winners.length.toString()} winners ${formatAmount(totalMinor, currency)}`,
    typedSearchAttributes: [
      { key: keywordKey(SEARCH_ATTRIBUTES.settlementId.name), value: settlementId },
      { key: keywordKey(SEARCH_ATTRIBUTES.contestId.name), value: contestId },
      { key: keywordKey(SEARCH_ATTRIBUTES.state.name), value: 'pending' },
    ],
  });
  return handle.firstExecutionRunId;
}

function keywordKey(name: string) {
  return defineSearchAttributeKey(name, 'KEYWORD');
}

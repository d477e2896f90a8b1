import type { Client } from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';

import {
  SEARCH_ATTRIBUTES,
  SIGNALS,
  TASK_QUEUES,
  WORKFLOW_TYPES,
  type PayoutJobInput,
  type TransferStart,
} from '../domain/contracts';
import { jobWorkflowId, transferWorkflowId } from '../domain/ids';
import { formatAmount } from '../domain/money';

/** A settlement as the title of its job shows it, with the hash of its content. */
export interface JobStart {
  readonly settlementId: string;
  readonly contestId: string;
  readonly contentHash: string;
  readonly winnerCount: number;
  readonly totalMinor: number;
  readonly currency: string;
}

/** Starts the job of a settlement, or finds the run that is open; safe to repeat. @returns the run's id */
export async function startJobWorkflow(client: Client, job: JobStart): Promise<string> {
  const { contentHash, contestId, currency, settlementId, totalMinor, winnerCount } = job;
  const input: PayoutJobInput = { settlementId, contestId, contentHash };
  const handle = await client.workflow.start(WORKFLOW_TYPES.payoutJob, {
    taskQueue: TASK_QUEUES.payouts,
    workflowId: jobWorkflowId(settlementId),
    workflowIdConflictPolicy: 'USE_EXISTING',
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    args: [input],
    staticSummary: `pay ${winnerCount.toString()} winners ${formatAmount(totalMinor, currency)}`,
    typedSearchAttributes: startAttributes(job),
  });
  return handle.firstExecutionRunId;
}

/**
 * Tells the run of a transfer that a person retried it, or starts one where it is closed, whatever its end was: the
 * row in Postgres decides what it does. Safe to repeat.
 */
export async function driveRetriedTransfer(client: Client, transfer: TransferStart): Promise<void> {
  const { amountMinor, contestId, currency, settlementId, transferId } = transfer;
  await client.workflow.signalWithStart(WORKFLOW_TYPES.transfer, {
    taskQueue: TASK_QUEUES.payouts,
    workflowId: transferWorkflowId(transferId),
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    args: [{ transferId, settlementId, contestId, amountMinor, currency }],
    signal: SIGNALS.retryTransfer,
    staticSummary: `pay ${formatAmount(amountMinor, currency)}, settlement ${settlementId}`,
    typedSearchAttributes: startAttributes(transfer),
  });
}

function startAttributes({
  contestId,
  settlementId,
}: Pick<JobStart, 'contestId' | 'settlementId'>) {
  return [
    { key: keywordKey(SEARCH_ATTRIBUTES.settlementId.name), value: settlementId },
    { key: keywordKey(SEARCH_ATTRIBUTES.contestId.name), value: contestId },
    { key: keywordKey(SEARCH_ATTRIBUTES.state.name), value: 'pending' },
  ];
}

function keywordKey(name: string) {
  return defineSearchAttributeKey(name, 'KEYWORD');
}

import type { Client } from '@temporalio/client';
import { defineSearchAttributeKey, WorkflowExecutionAlreadyStartedError } from '@temporalio/common';

import {
  SEARCH_ATTRIBUTES,
  SIGNALS,
  TASK_QUEUES,
  WORKFLOW_TYPES,
  type JobStart,
  type PayoutJobInput,
  type TransferInput,
  type TransferStart,
} from '../domain/contracts';
import { jobWorkflowId, transferWorkflowId } from '../domain/ids';
import { formatAmount } from '../domain/money';

/** Starts the job of a settlement, or finds its open run. It moves no money itself, so it may run again. @returns the run id */
export async function startJobWorkflow(client: Client, start: JobStart): Promise<string> {
  const { settlementId, contestId, contentHash, currency, totalMinor, winnerCount } = start;
  const input: PayoutJobInput = { settlementId, contestId, contentHash };
  const handle = await client.workflow.start(WORKFLOW_TYPES.payoutJob, {
    taskQueue: TASK_QUEUES.payouts,
    workflowId: jobWorkflowId(settlementId),
    workflowIdConflictPolicy: 'USE_EXISTING',
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    args: [input],
    staticSummary: `pay ${winnerCount.toString()} winners ${formatAmount(totalMinor, currency)}`,
    typedSearchAttributes: startAttributes(start),
  });
  return handle.firstExecutionRunId;
}

/**
 * Starts the run of one transfer. A run that stands in the way is left alone.
 * @param reuse ALLOW_DUPLICATE only where a completed run is known to be wrong
 * @returns whether this call started it
 */
export async function startTransferWorkflow(
  client: Client,
  start: TransferStart,
  reuse: 'ALLOW_DUPLICATE_FAILED_ONLY' | 'ALLOW_DUPLICATE',
): Promise<boolean> {
  const { transferId, settlementId, amountMinor, currency } = start;
  // As one that has waited: the job did not start this run, so it hears of the end only from the run itself.
  const input: TransferInput = { ...start, waits: 0 };
  try {
    await client.workflow.start(WORKFLOW_TYPES.transfer, {
      taskQueue: TASK_QUEUES.payouts,
      workflowId: transferWorkflowId(transferId),
      workflowIdReusePolicy: reuse,
      args: [input],
      staticSummary: `pay ${formatAmount(amountMinor, currency)}, settlement ${settlementId}`,
      typedSearchAttributes: startAttributes(start),
    });
    return true;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) {
      return false;
    }
    throw error;
  }
}

/**
 * Tells the run of a transfer that a person retried it, or starts one where it is closed, whatever its end was: the
 * row in Postgres decides what it does. Safe to repeat.
 */
export async function driveRetriedTransfer(client: Client, transfer: TransferStart): Promise<void> {
  const { amountMinor, contestId, currency, settlementId, transferId } = transfer;
  // As one that has waited: the job hears of the end only from the run itself.
  const input: TransferInput = {
    transferId,
    settlementId,
    contestId,
    amountMinor,
    currency,
    waits: 0,
  };
  await client.workflow.signalWithStart(WORKFLOW_TYPES.transfer, {
    taskQueue: TASK_QUEUES.payouts,
    workflowId: transferWorkflowId(transferId),
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    args: [input],
    signal: SIGNALS.retryTransfer,
    staticSummary: `pay ${formatAmount(amountMinor, currency)}, settlement ${settlementId}`,
    typedSearchAttributes: startAttributes(transfer),
  });
}

function startAttributes({ contestId, settlementId }: JobStart | TransferStart) {
  return [
    { key: keywordKey(SEARCH_ATTRIBUTES.settlementId.name), value: settlementId },
    { key: keywordKey(SEARCH_ATTRIBUTES.contestId.name), value: contestId },
    { key: keywordKey(SEARCH_ATTRIBUTES.state.name), value: 'pending' },
  ];
}

function keywordKey(name: string) {
  return defineSearchAttributeKey(name, 'KEYWORD');
}

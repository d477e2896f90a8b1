import type { Client } from '@temporalio/client';

import { planJobSweep, planSweep, type SweepPlan } from '../activities/sweep';
import { temporalRuns } from '../activities/workflow-runs';
import { SIGNALS, type TransferStart } from '../domain/contracts';
import { jobWorkflowId, transferWorkflowId } from '../domain/ids';
import type { Database } from '../db/database';
import { findJobById } from '../db/payout-jobs';
import { startJobWorkflow, startTransferWorkflow } from './start-workflows';
import { inBatches, wakeWorkflow } from '../activities/wake-workflows';

export interface SweepReport {
  /** The ids of the workflows that were started because nothing ran for an open payout. */
  readonly started: readonly string[];
  /** The transfers that were woken because what they waited for is there. */
  readonly resumed: readonly string[];
  /** The transfers whose closed run says paid while Postgres does not: a new run compares with Stripe. */
  readonly reconciling: readonly string[];
}

interface Connections {
  readonly client: Client;
  readonly database: Database;
}

/**
 * One sweep: whatever is open in Postgres runs in Temporal afterwards, also when Temporal's data is lost or Postgres
 * came back older (M11). It moves no money. Safe to repeat and to race with everything.
 */
export async function runSweep(connections: Connections): Promise<SweepReport> {
  const { client, database } = connections;
  return carryOut(client, await planSweep({ database }, temporalRuns(client)));
}

/**
 * The sweep of a job that has a run: one whose run has come to its end starts nobody who has lost his own run since
 * (M11). Nothing is started while the run does not answer, or while Temporal does not list it yet. It moves no money.
 * Safe to repeat and to race with everything.
 */
export async function sweepStartedJob(connections: Connections, jobId: string): Promise<void> {
  const { client, database } = connections;
  const job = await findJobById(database, jobId);
  if (job !== undefined && job.status !== 'complete') {
    const plan = await planJobSweep({ database }, temporalRuns(client), job);
    await carryOut(client, { ...plan, startJobs: [] });
  }
}

async function carryOut(client: Client, plan: SweepPlan): Promise<SweepReport> {
  await inBatches(plan.startJobs, (start) => startJobWorkflow(client, start));
  const reconciling = await startTransfers(client, plan.paidRuns, 'ALLOW_DUPLICATE');
  const started = await startTransfers(client, plan.startTransfers, 'ALLOW_DUPLICATE_FAILED_ONLY');
  const isWoken = await inBatches(plan.wake, (transferId) =>
    wakeWorkflow(client, transferWorkflowId(transferId), SIGNALS.changed),
  );
  return {
    started: [
      ...plan.startJobs.map(({ settlementId }) => jobWorkflowId(settlementId)),
      ...started.map(transferWorkflowId),
    ],
    resumed: plan.wake.filter((_transferId, index) => isWoken[index] === true),
    reconciling,
  };
}

/** @returns the ids of those that this call started */
async function startTransfers(
  client: Client,
  starts: readonly TransferStart[],
  reuse: Parameters<typeof startTransferWorkflow>[2],
): Promise<string[]> {
  const isStarted = await inBatches(starts, (start) => startTransferWorkflow(client, start, reuse));
  return starts
    .filter((_start, index) => isStarted[index] === true)
    .map(({ transferId }) => transferId);
}

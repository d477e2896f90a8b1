import { platformPause } from '../domain/breaker';
import { isPayeeNotReady } from '../domain/claim-rules';
import type { JobStart, TransferStart } from '../domain/contracts';
import { jobWorkflowId, transferIdOfWorkflow, transferWorkflowId } from '../domain/ids';
import { SWEEP_TRANSFERS_MAX } from '../domain/limits';
import { REASONS, type ReasonCode } from '../domain/reasons';
import { isTerminal } from '../domain/transfer-state';
import type { Executor } from '../db/database';
import { isPaused } from '../db/payout-controls';
import { findOpenJobs, type PayoutJob } from '../db/payout-jobs';
import { findTransfersByJob } from '../db/payout-transfers';
import { findSettlement } from '../db/settlements';
import { findTransfersToWake } from '../db/waiting-transfers';
import type { ActivityDependencies } from './dependencies';
import { isPassed, startOf } from './read-transfer-page';
import { reopenPaidRuns } from './reopen-paid-runs';
import type { WorkflowRuns } from './workflow-runs';

/** What has to be done so that everything that is open in Postgres runs. Whoever carries it out may do so twice. */
export interface SweepPlan {
  readonly startJobs: readonly JobStart[];
  /** Transfers without a run that their job does not start by itself. */
  readonly startTransfers: readonly TransferStart[];
  /** Transfers whose closed run says paid: their new run needs a reuse policy that allows it. */
  readonly paidRuns: readonly TransferStart[];
  /** The ids of transfers that wait although the cause is gone. */
  readonly wake: readonly string[];
}

/** Rows and jobs read from Postgres at a time. */
const PAGE = 1_000;

/**
 * Compares Postgres with the runs that Temporal has, and says what is missing (M11). It changes nothing, except that
 * a row which its own paid run contradicts becomes `unknown`. Safe to repeat and to race; jobs that are complete are
 * not looked at.
 *
 * @param runs one list a settlement; it may lag behind, so everything in the plan may have been started meanwhile
 */
export async function planSweep(
  dependencies: Pick<ActivityDependencies, 'database'>,
  runs: WorkflowRuns,
): Promise<SweepPlan> {
  const plans: SweepPlan[] = [];
  let page: PayoutJob[] = [];
  do {
    const afterJobId = page.at(-1)?.id;
    page = await findOpenJobs(dependencies.database, {
      jobsMax: PAGE,
      ...(afterJobId !== undefined && { afterJobId }),
    });
    for (const job of page) {
      plans.push(await planJobSweep(dependencies, runs, job));
    }
  } while (page.length === PAGE);
  return {
    startJobs: plans.flatMap((plan) => plan.startJobs),
    startTransfers: plans.flatMap((plan) => plan.startTransfers),
    paidRuns: plans.flatMap((plan) => plan.paidRuns),
    wake: plans.flatMap((plan) => plan.wake),
  };
}

/** The workflow ids of a settlement's runs. */
interface SettlementRuns {
  readonly running: ReadonlySet<string>;
  readonly completed: ReadonlySet<string>;
}

/** What one job's part of the sweep is; see `planSweep`. The job is not complete. */
export async function planJobSweep(
  dependencies: Pick<ActivityDependencies, 'database'>,
  runs: WorkflowRuns,
  job: PayoutJob,
): Promise<SweepPlan> {
  const { database } = dependencies;
  const seen = await seenRuns(runs, job.settlementId);
  const paidRuns = await findPaidRuns(dependencies, runs, seen);
  if (!seen.running.has(jobWorkflowId(job.settlementId))) {
    // The job starts everybody else itself, and after it has read Stripe's list.
    const startJobs = [await jobStart(database, job)];
    return { startJobs, startTransfers: [], paidRuns, wake: [] };
  }
  const reopened = new Set(paidRuns.map(({ transferId }) => transferId));
  const missing = await findMissingTransfers(database, runs, job, seen);
  return {
    startJobs: [],
    startTransfers: missing.filter(({ transferId }) => !reopened.has(transferId)),
    paidRuns,
    wake: await findSleepers(database, job, seen),
  };
}

async function seenRuns(runs: WorkflowRuns, settlementId: string): Promise<SettlementRuns> {
  const running = new Set<string>();
  const completed = new Set<string>();
  for await (const { workflowId, isRunning } of runs.ofSettlement(settlementId)) {
    (isRunning ? running : completed).add(workflowId);
  }
  return { running, completed };
}

async function findPaidRuns(
  dependencies: Pick<ActivityDependencies, 'database'>,
  runs: WorkflowRuns,
  { completed, running }: SettlementRuns,
): Promise<TransferStart[]> {
  const transferIds = [...completed]
    .filter((workflowId) => !running.has(workflowId))
    .flatMap((workflowId) => transferIdOfWorkflow(workflowId) ?? []);
  return reopenPaidRuns(dependencies, runs, { transferIds });
}

async function jobStart(executor: Executor, job: PayoutJob): Promise<JobStart> {
  const settlement = await findSettlement(executor, job.settlementId);
  if (settlement === undefined) {
    throw new Error(`settlement ${job.settlementId} of job ${job.id} is not recorded`);
  }
  return settlement;
}

/**
 * Open transfers without a run that their running job has passed. Nobody is started under a pause: whoever is started
 * only waits.
 */
async function findMissingTransfers(
  executor: Executor,
  runs: WorkflowRuns,
  job: PayoutJob,
  { running }: SettlementRuns,
): Promise<TransferStart[]> {
  const cursor = await runs.cursorOf(job.settlementId);
  if (cursor === undefined || (await isPaused(executor, job.settlementId))) {
    return [];
  }
  const missing: TransferStart[] = [];
  let afterTransferId: string | null = null;
  do {
    const page = await findTransfersByJob(executor, job.id, {
      afterTransferId,
      transfersMax: PAGE,
    });
    const lost = page.filter(
      (transfer) =>
        !isTerminal(transfer.status) &&
        isPassed(cursor, transfer) &&
        !running.has(transferWorkflowId(transfer.id)),
    );
    missing.push(...lost.map(startOf));
    afterTransferId = page.length === PAGE ? (page.at(-1)?.id ?? null) : null;
  } while (afterTransferId !== null && missing.length < SWEEP_TRANSFERS_MAX);
  return missing.slice(0, SWEEP_TRANSFERS_MAX);
}

const REASON_CODES = Object.keys(REASONS) as ReasonCode[];

const WAIT_REASONS = {
  pause: REASON_CODES.filter(
    (reason) => reason === 'platform_paused' || platformPause(reason) !== undefined,
  ),
  readiness: REASON_CODES.filter(isPayeeNotReady),
};

async function findSleepers(
  executor: Executor,
  job: PayoutJob,
  { running }: SettlementRuns,
): Promise<string[]> {
  const sleepers = await findTransfersToWake(executor, job.id, {
    reasons: WAIT_REASONS,
    transfersMax: SWEEP_TRANSFERS_MAX,
  });
  return sleepers.filter((transferId) => running.has(transferWorkflowId(transferId)));
}

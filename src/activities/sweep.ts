import type {
  JobStart,
  SweepFailure,
  SweepPage,
  SweepPlan,
  TransferStart,
} from '../domain/contracts';
import {
  jobWorkflowId,
  reversalWorkflowId,
  shownId,
  transferIdOfWorkflow,
  transferWorkflowId,
} from '../domain/ids';
import {
  LATE_PAYMENT_LOOK_MS,
  SWEEP_PAGE_SETTLEMENTS,
  SWEEP_PAGE_WORK_MS,
  SWEEP_REVERSALS_MAX,
  SWEEP_SETTLEMENT_MS,
  SWEEP_TRANSFERS_MAX,
} from '../domain/limits';
import { isTerminal } from '../domain/transfer-state';
import type { Executor } from '../db/database';
import { everyPage } from '../db/every-page';
import { isPaused } from '../db/payout-controls';
import { findJobBySettlement, findOpenJobs, type PayoutJob } from '../db/payout-jobs';
import { findOpenReversals, noteRunsAsked } from '../db/payout-reversals';
import { transfersOfJob } from '../db/payout-transfers';
import { findLatePayments } from '../db/late-payments';
import { findSettlement, findSettlementsWithoutJob } from '../db/settlements';
import { findTransfersToWake } from '../db/waiting-transfers';
import { compareClosedRuns } from './compare-closed-runs';
import type { ActivityDependencies } from './dependencies';
import { codeOfFailure } from './failure-code';
import { isPassed } from './read-transfer-page';
import { reopenPaidRuns } from './reopen-paid-runs';
import { findUntrueRuns } from './untrue-runs';
import type { RunState, RunStates, WorkflowRuns } from './workflow-runs';

type Dependencies = Pick<ActivityDependencies, 'database'>;

const NOTHING: SweepPlan = {
  startJobs: [],
  startTransfers: [],
  paidRuns: [],
  wake: [],
  failed: [],
};

/**
 * Accepted settlements without a job. The validator makes both in one transaction, so somebody else has written these:
 * nobody has checked them, and nobody of them is paid before a person has looked. Read-only.
 */
export async function findJoblessSettlements(
  { database }: Dependencies,
  { settlementsMax }: { readonly settlementsMax: number },
): Promise<SweepFailure[]> {
  const settlementIds = await findSettlementsWithoutJob(database, settlementsMax);
  return settlementIds.map((settlementId) => ({
    what: `settlement ${shownId(settlementId)}`,
    reason: 'accepted_without_job',
  }));
}

export interface SweepPageInput {
  /** The job after which this page begins; null: at the beginning. */
  readonly afterJobId: string | null;
}

/**
 * Compares the next open jobs in Postgres with the runs that Temporal has, and says what is missing (M11); behind the last
 * of them also what was paid late. It changes nothing, except that a row which its own paid run contradicts becomes
 * `unknown`, and that it keeps which reversals it has asked about. A settlement that cannot be compared, or takes too long,
 * is named and left to the next sweep. Safe to repeat and to race.
 *
 * @param runs one list a settlement; it may lag behind, so everything in the plan may have been started meanwhile
 */
export async function planSweep(
  dependencies: Dependencies,
  runs: WorkflowRuns,
  { afterJobId }: SweepPageInput,
  settlementMs = SWEEP_SETTLEMENT_MS,
): Promise<SweepPage> {
  const jobs = await findOpenJobs(dependencies.database, {
    jobsMax: SWEEP_PAGE_SETTLEMENTS,
    ...(afterJobId !== null && { afterJobId }),
  });
  const plans: SweepPlan[] = [];
  const deadline = Date.now() + SWEEP_PAGE_WORK_MS;
  let planned = 0;
  for (const job of jobs) {
    const plan = () => within(settlementMs, planJobSweep(dependencies, runs, job));
    plans.push(await orFailed(`settlement ${job.settlementId}`, plan));
    planned += 1;
    if (Date.now() > deadline || sizeOf(plans) >= SWEEP_TRANSFERS_MAX) {
      break;
    }
  }
  const isLast = planned === jobs.length && jobs.length < SWEEP_PAGE_SETTLEMENTS;
  if (isLast) {
    plans.push(await orFailed('late payments', () => planLatePayments(dependencies, runs)));
  }
  // They may be of settlements that are complete, so they come beside the open ones, at either end of the list.
  if (afterJobId === null || isLast) {
    const plan = async () => ({
      ...NOTHING,
      startReversals: await findMissingReversals(dependencies.database, runs),
    });
    plans.push(await orFailed('reversals', plan));
  }
  return {
    ...startingReversals(plans.flatMap((plan) => plan.startReversals ?? [])),
    startJobs: plans.flatMap((plan) => plan.startJobs),
    startTransfers: plans.flatMap((plan) => plan.startTransfers),
    paidRuns: plans.flatMap((plan) => plan.paidRuns),
    wake: plans.flatMap((plan) => plan.wake),
    failed: plans.flatMap((plan) => plan.failed),
    nextAfterJobId: isLast ? null : (jobs[planned - 1]?.id ?? null),
  };
}

/** Complete jobs are looked at by nobody else. */
async function planLatePayments(
  { database }: Dependencies,
  runs: WorkflowRuns,
): Promise<SweepPlan> {
  const late = await findLatePayments(database, {
    sinceMs: LATE_PAYMENT_LOOK_MS,
    transfersMax: SWEEP_TRANSFERS_MAX,
  });
  return { ...NOTHING, startTransfers: await findUntrueRuns(database, runs, late) };
}

/** What cannot be planned of one part is said, and keeps nobody of another part from being paid. */
async function orFailed(what: string, plan: () => Promise<SweepPlan>): Promise<SweepPlan> {
  try {
    return await plan();
  } catch (error) {
    return { ...NOTHING, failed: [{ what, reason: codeOfFailure(error) }] };
  }
}

function sizeOf(plans: readonly SweepPlan[]): number {
  return plans.reduce(
    (sum, { paidRuns, startJobs, startTransfers, wake }) =>
      sum + paidRuns.length + startJobs.length + startTransfers.length + wake.length,
    0,
  );
}

/** What took longer than it may. The work itself is not ended by it; all that it changes may be done twice. */
class SweepTimeoutError extends Error {
  override readonly name = 'SweepTimeoutError';
}

async function within<Result>(limitMs: number, work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new SweepTimeoutError(`not within ${limitMs.toString()} ms`));
    }, limitMs);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** The same for one settlement; nothing where it is complete or has no job. */
export async function planSettlementSweep(
  dependencies: Dependencies,
  runs: WorkflowRuns,
  { settlementId }: { readonly settlementId: string },
): Promise<SweepPlan> {
  const job = await findJobBySettlement(dependencies.database, settlementId);
  const plan =
    job === undefined || job.status === 'complete'
      ? NOTHING
      : await planJobSweep(dependencies, runs, job);
  const reversals = await findMissingReversals(dependencies.database, runs, settlementId);
  return { ...plan, ...startingReversals(reversals) };
}

/** Open reversals without an open run, of one settlement or of all. */
async function findMissingReversals(
  executor: Executor,
  runs: WorkflowRuns,
  settlementId?: string,
): Promise<string[]> {
  const open = await findOpenReversals(executor, {
    reversalsMax: SWEEP_REVERSALS_MAX,
    settlementId,
  });
  await noteRunsAsked(executor, open);
  const missing: string[] = [];
  for (const { id } of open) {
    if ((await runs.newestOf(reversalWorkflowId(id)))?.state !== 'RUNNING') {
      missing.push(id);
    }
  }
  return missing;
}

/** Left out where there are none, as in the answers that were recorded before there were reversals. */
function startingReversals(startReversals: readonly string[]): Partial<SweepPlan> {
  return startReversals.length > 0 ? { startReversals } : {};
}

async function planJobSweep(
  dependencies: Dependencies,
  runs: WorkflowRuns,
  job: PayoutJob,
): Promise<SweepPlan> {
  const { database } = dependencies;
  const { settlementId } = job;
  const seen = await runs.ofSettlement(settlementId);
  const paidRuns = await findPaidRuns(dependencies, runs, seen);
  const untrueRuns = await findUntrueRuns(database, runs, [
    ...transferIdsWith(seen, 'FAILED'),
    ...transferIdsWith(seen, 'CANCELLED'),
  ]);
  if (!(await isJobRunning(runs, seen, settlementId))) {
    // The job starts everybody else itself, and after it has read Stripe's list.
    return {
      ...NOTHING,
      startJobs: [await jobStart(database, job)],
      startTransfers: untrueRuns,
      paidRuns,
    };
  }
  const reopened = new Set(paidRuns.map(({ transferId }) => transferId));
  const missing = await findMissingTransfers(database, runs, job, seen);
  const { paid, startable } = await compareClosedRuns(dependencies, runs, {
    transferIds: (missing === 'unanswered' ? [] : missing)
      .filter((transferId) => !reopened.has(transferId))
      .slice(0, SWEEP_TRANSFERS_MAX - paidRuns.length),
  });
  return {
    ...NOTHING,
    failed: missing === 'unanswered' ? [doesNotAnswer(job)] : [],
    startTransfers: [...untrueRuns, ...startable].slice(0, SWEEP_TRANSFERS_MAX),
    paidRuns: [...paidRuns, ...paid],
    wake: await findSleepers(database, job, seen),
  };
}

/** The list lags behind: a job that it does not show as running may have been started a moment ago. */
async function isJobRunning(
  runs: WorkflowRuns,
  seen: RunStates,
  settlementId: string,
): Promise<boolean> {
  const workflowId = jobWorkflowId(settlementId);
  return (
    seen.get(workflowId) === 'RUNNING' || (await runs.newestOf(workflowId))?.state === 'RUNNING'
  );
}

async function findPaidRuns(
  dependencies: Dependencies,
  runs: WorkflowRuns,
  seen: RunStates,
): Promise<TransferStart[]> {
  return reopenPaidRuns(dependencies, runs, { transferIds: transferIdsWith(seen, 'COMPLETED') });
}

function transferIdsWith(seen: RunStates, wanted: RunState): string[] {
  return [...seen]
    .filter(([, state]) => state === wanted)
    .flatMap(([workflowId]) => transferIdOfWorkflow(workflowId) ?? []);
}

async function jobStart(executor: Executor, job: PayoutJob): Promise<JobStart> {
  const settlement = await findSettlement(executor, job.settlementId);
  if (settlement === undefined) {
    throw new Error(`settlement ${job.settlementId} of job ${job.id} is not recorded`);
  }
  return settlement;
}

/** It is open and says nothing: its workflow tasks fail, say after a deploy, and whoever has lost his run stays so. */
function doesNotAnswer({ settlementId }: PayoutJob): SweepFailure {
  return { what: `settlement ${settlementId}`, reason: 'job_does_not_answer' };
}

/**
 * Open transfers without a run that their running job has passed; only the job can tell whom. Nobody is started under a
 * pause: whoever is started only waits.
 */
async function findMissingTransfers(
  executor: Executor,
  runs: WorkflowRuns,
  job: PayoutJob,
  seen: RunStates,
): Promise<string[] | 'unanswered'> {
  if (await isPaused(executor, job.settlementId)) {
    return [];
  }
  const cursor = await runs.cursorOf(job.settlementId);
  const missing: string[] = [];
  for await (const page of everyPage(transfersOfJob(executor, job.id))) {
    const lost = page.filter(
      (transfer) =>
        !isTerminal(transfer.status) &&
        (cursor === undefined || isPassed(cursor, transfer)) &&
        seen.get(transferWorkflowId(transfer.id)) !== 'RUNNING',
    );
    missing.push(...lost.map(({ id }) => id));
    if (missing.length >= SWEEP_TRANSFERS_MAX) {
      break;
    }
  }
  // Where everybody has a run, nothing hangs on the answer.
  return cursor === undefined && missing.length > 0
    ? 'unanswered'
    : missing.slice(0, SWEEP_TRANSFERS_MAX);
}

async function findSleepers(
  executor: Executor,
  job: PayoutJob,
  seen: RunStates,
): Promise<string[]> {
  const sleepers = await findTransfersToWake(executor, job.settlementId, {
    afterTransferId: null,
    transfersMax: SWEEP_TRANSFERS_MAX,
  });
  return sleepers.filter((transferId) => seen.get(transferWorkflowId(transferId)) === 'RUNNING');
}

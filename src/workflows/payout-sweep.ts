import {
  WorkflowExecutionAlreadyStartedError,
  type WorkflowIdReusePolicy,
} from '@temporalio/common';
import {
  ActivityFailure,
  CancellationScope,
  ChildWorkflowCancellationType,
  isCancellation,
  ParentClosePolicy,
  setCurrentDetails,
  startChild,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
  type ChildWorkflowOptions,
} from '@temporalio/workflow';

import type {
  JobStart,
  PayoutSweepInput,
  SweepCounts,
  SweepFailure,
  SweepPlan,
  SweepReport,
  TransferStart,
} from '../domain/contracts';
import { jobWorkflowId, reversalWorkflowId, transferWorkflowId } from '../domain/ids';
import {
  ACCEPTANCES_PER_LOOK,
  SWEEP_EVENTS_MAX,
  SWEEP_IDS_SHOWN_MAX,
  SWEEP_STARTS_AT_ONCE,
  SWEEP_STARTS_MAX,
  SWEEP_WORK_MS,
} from '../domain/limits';
import { jobRun, loneTransferRun, reversalRun } from '../domain/run-starts';
import {
  beginSweep,
  endSweep,
  findJoblessSettlements,
  planSettlementSweep,
  planSweep,
  processStripeEvents,
  takeSettlements,
  wakeTransfers,
} from './activity-options';
import { PayoutJobWorkflow } from './payout-job';
import { ReversalWorkflow } from './reversal';
import { TransferWorkflow } from './transfer';
import { sweepAttributes, sweepDetails } from './visibility';

/**
 * Makes everything run in Temporal that is open in Postgres, also when Temporal's data is lost or Postgres came back
 * older (M11). Activities say what is missing; this starts it and waits for nobody. It moves no money and changes no
 * transfer, so it may run at any time, twice at once, and be ended anywhere.
 *
 * One sweep does a bounded piece of work; `admin_jobs` remembers where the next one goes on. What cannot be looked at is
 * named in the report and stops nothing else.
 */
export async function PayoutSweepWorkflow(input: PayoutSweepInput): Promise<SweepReport> {
  const sweep = new RunningSweep();
  if ('settlementId' in input) {
    await sweep.carryOut(await planSettlementSweep(input));
    return sweep.report({ cameToEnd: true });
  }
  const run = { registeredAs: input.registeredAs, runId: workflowInfo().runId };
  const { afterJobId } = await beginSweep(run);
  try {
    // Beside the rest: Stripe may be slow, and lost runs do not wait for it.
    const webhooks = sweep.processWebhooks();
    await sweep.takeSettlements();
    await sweep.nameJobless();
    const resumeAfter = await sweep.goThroughSettlements(afterJobId);
    await webhooks;
    const report = sweep.report({ cameToEnd: resumeAfter === null });
    const { counts } = report;
    const failure = counts.failed > 0 ? 'not_everything_swept' : null;
    await endSweep({ ...run, failure, counts, resumeAfter });
    return report;
  } catch (error) {
    if (isCancellation(error)) {
      const { counts } = sweep.report({ cameToEnd: false });
      const end = { ...run, failure: 'cancelled', counts, resumeAfter: afterJobId };
      await CancellationScope.nonCancellable(() => endSweep(end));
    }
    throw error;
  }
}

/** What one sweep has done so far. */
class RunningSweep {
  private readonly beganAtMs = Date.now();
  private readonly started = new IdList();
  private readonly resumed = new IdList();
  private readonly reconciling = new IdList();
  private readonly rejected = new IdList();
  private readonly failed: SweepFailure[] = [];

  constructor() {
    upsertSearchAttributes(sweepAttributes('running', 0));
    this.show();
  }

  /** What says that it is accepted, and was not accepted by us. */
  async nameJobless(): Promise<void> {
    await this.attempt('settlements without a job', async () => {
      this.failed.push(...(await findJoblessSettlements({ settlementsMax: SWEEP_STARTS_MAX })));
    });
  }

  /** What other systems have handed in while nobody listened. */
  async takeSettlements(): Promise<void> {
    await this.attempt('settlements that were handed in', async () => {
      const { accepted, failed, rejected } = await takeSettlements({
        settlementsMax: ACCEPTANCES_PER_LOOK,
      });
      this.rejected.add(rejected);
      this.failed.push(...failed);
      await this.startJobs(accepted);
    });
  }

  /** What Stripe has told and nobody has processed. */
  async processWebhooks(): Promise<void> {
    await this.attempt('webhooks', async () => {
      const { failed } = await processStripeEvents({ eventsMax: SWEEP_EVENTS_MAX });
      if (failed > 0) {
        this.failed.push({ what: 'webhooks', reason: `${failed} to be tried again` });
      }
    });
  }

  /** @returns the job after which the next sweep goes on; null when this one came to the end */
  async goThroughSettlements(firstAfterJobId: string | null): Promise<string | null> {
    let afterJobId = firstAfterJobId;
    do {
      const page = await this.attempt('open settlements', () => planSweep({ afterJobId }));
      if (page === undefined) {
        return afterJobId;
      }
      // A page that cannot be carried out stops nobody behind it.
      await this.attempt('what is open and does not run', () => this.carryOut(page));
      afterJobId = page.nextAfterJobId;
      this.show();
    } while (afterJobId !== null && !this.isLong());
    return afterJobId;
  }

  async carryOut(plan: SweepPlan): Promise<void> {
    const { failed, paidRuns, startJobs, startReversals = [], startTransfers, wake } = plan;
    this.failed.push(...failed);
    await this.startReversals(startReversals);
    await this.startJobs(startJobs);
    const reopened = await startTransferRuns(paidRuns, 'ALLOW_DUPLICATE');
    this.reconciling.add(reopened.map(({ transferId }) => transferId));
    const started = await startTransferRuns(startTransfers, 'ALLOW_DUPLICATE_FAILED_ONLY');
    this.started.add(started.map(({ transferId }) => transferWorkflowId(transferId)));
    if (wake.length > 0) {
      this.resumed.add(await wakeTransfers({ transferIds: wake }));
    }
  }

  report({ cameToEnd }: { readonly cameToEnd: boolean }): SweepReport {
    const counts = this.show();
    upsertSearchAttributes(
      sweepAttributes(counts.failed > 0 ? 'failed' : 'succeeded', counts.failed),
    );
    upsertMemo({ lastResult: counts });
    const { failed, reconciling, rejected, resumed, started } = this;
    return {
      started: started.shown,
      resumed: resumed.shown,
      reconciling: reconciling.shown,
      rejected: rejected.shown,
      failed: failed.slice(0, SWEEP_IDS_SHOWN_MAX),
      counts,
      cameToEnd,
    };
  }

  private isLong(): boolean {
    return (
      this.started.count + this.reconciling.count >= SWEEP_STARTS_MAX ||
      Date.now() - this.beganAtMs > SWEEP_WORK_MS
    );
  }

  /** One step, which may fail without ending the sweep. */
  private async attempt<Result>(
    what: string,
    step: () => Promise<Result>,
  ): Promise<Result | undefined> {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof ActivityFailure) || isCancellation(error)) {
        throw error;
      }
      const { cause } = error;
      const reason = cause !== undefined && 'type' in cause ? String(cause.type) : cause?.name;
      this.failed.push({ what, reason: reason ?? error.name });
      return undefined;
    }
  }

  private async startJobs(jobs: readonly JobStart[]): Promise<void> {
    const started = await startEach(jobs, (job) =>
      startChild(PayoutJobWorkflow, {
        ...jobRun(job),
        ...ON_ITS_OWN,
        // It moves no money itself, so it may run again.
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      }),
    );
    this.started.add(started.map(({ settlementId }) => jobWorkflowId(settlementId)));
  }

  private async startReversals(reversalIds: readonly string[]): Promise<void> {
    const started = await startEach(reversalIds, (reversalId) =>
      startChild(ReversalWorkflow, {
        ...reversalRun(reversalId),
        ...ON_ITS_OWN,
        // Its row is open, whatever its last run said; nothing is sent before Stripe was looked at.
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      }),
    );
    this.started.add(started.map(reversalWorkflowId));
  }

  private show(): SweepCounts {
    const counts = {
      started: this.started.count,
      resumed: this.resumed.count,
      reconciling: this.reconciling.count,
      rejected: this.rejected.count,
      failed: this.failed.length,
    };
    setCurrentDetails(sweepDetails(counts));
    return counts;
  }
}

/** Ids of one kind: all are counted, and so many are kept that the report stays small. */
class IdList {
  count = 0;
  readonly shown: string[] = [];

  add(ids: readonly string[]): void {
    this.count += ids.length;
    this.shown.push(...ids.slice(0, SWEEP_IDS_SHOWN_MAX - this.shown.length));
  }
}

/** Who is started here outlives the sweep, and its cancelling or running out of time. */
const ON_ITS_OWN = {
  parentClosePolicy: ParentClosePolicy.ABANDON,
  cancellationType: ChildWorkflowCancellationType.ABANDON,
} satisfies ChildWorkflowOptions;

function startTransferRuns(
  transfers: readonly TransferStart[],
  workflowIdReusePolicy: WorkflowIdReusePolicy,
): Promise<TransferStart[]> {
  return startEach(transfers, (transfer) =>
    startChild(TransferWorkflow, {
      ...loneTransferRun(transfer),
      ...ON_ITS_OWN,
      workflowIdReusePolicy,
    }),
  );
}

/** Starts runs, some at a time; one that stands in the way is left alone. @returns those that this call started */
async function startEach<Start>(
  starts: readonly Start[],
  start: (one: Start) => Promise<unknown>,
): Promise<Start[]> {
  const started: Start[] = [];
  for (let from = 0; from < starts.length; from += SWEEP_STARTS_AT_ONCE) {
    const some = starts.slice(from, from + SWEEP_STARTS_AT_ONCE);
    const isStarted = await Promise.all(some.map((one) => isNew(start(one))));
    started.push(...some.filter((_one, index) => isStarted[index] === true));
  }
  return started;
}

async function isNew(start: Promise<unknown>): Promise<boolean> {
  try {
    await start;
    return true;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) {
      return false;
    }
    throw error;
  }
}

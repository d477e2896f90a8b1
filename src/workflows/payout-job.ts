import {
  WorkflowExecutionAlreadyStartedError,
  type WorkflowIdReusePolicy,
} from '@temporalio/common';
import {
  ChildWorkflowCancellationType,
  condition,
  continueAsNew,
  ParentClosePolicy,
  patched,
  setCurrentDetails,
  setHandler,
  startChild,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';

import type {
  ListProgress,
  ListReading,
  PauseInForce,
  PayoutJobInput,
  PayoutProgress,
  ScheduledJob,
  TransferCursor,
  TransferStart,
} from '../domain/contracts';
import {
  JOB_CHILDREN_PER_RUN,
  JOB_DRAIN_MS,
  JOB_HISTORY_EVENTS_MAX,
  JOB_IDLE_LOOK_MS,
  JOB_PAGE_TRANSFERS,
  JOB_WINDOW_CHILDREN,
  PARK_AFTER_MS,
  STRIPE_LIST_AGAIN_MS,
} from '../domain/limits';
import { transferRun } from '../domain/run-starts';
import {
  checkApproval,
  checkFunds,
  checkJob,
  lookAtPauses,
  readStripeList,
  readTransferPage,
  reopenPaidRuns,
  scheduleJob,
} from './activity-options';
import {
  changedSignal,
  cursorQuery,
  parkedSignal,
  pauseSignal,
  progressQuery,
  resumeSignal,
} from './messages';
import { TransferWorkflow } from './transfer';
import { jobAttributes, jobDetails } from './visibility';

const FIRST_PAGE: TransferCursor = { phase: 'payable', afterTransferId: null };

/** Runs that began before it was written have left paid runs alone, and their histories say so. */
const REOPEN_PAID_RUNS = 'reopen-paid-runs';
/** Runs that began before it was written waited for children that could not send before the list was read. */
const LIST_ENDS_DRAIN = 'list-ends-drain';

/**
 * Starts one TransferWorkflow for every open transfer of a settlement, a bounded number of them sending at a time,
 * and ends when Postgres says that all are terminal.
 *
 * It moves no money itself, so it may run again whenever Postgres has open transfers. It keeps no list of winners:
 * pages come from Postgres, and only a cursor goes through continue-as-new.
 */
export async function PayoutJobWorkflow(input: PayoutJobInput): Promise<PayoutProgress> {
  const { settlementId, contentHash } = input;
  let job: RunningJob | undefined = undefined;
  let cursor = input.cursor ?? FIRST_PAGE;
  setHandler(progressQuery, () => job?.progress ?? null);
  setHandler(cursorQuery, () => cursor);
  const isContinued = input.cursor !== undefined;
  const { runId } = workflowInfo();
  const scheduled = await scheduleJob({ settlementId, contentHash, runId, isContinued });
  job = new RunningJob(scheduled, input.listReading);
  if (scheduled.listIsWanted === true) {
    // Before anybody is started: what Stripe has paid already must not be sent again (M11).
    await job.readList();
  }
  while (cursor.phase !== 'done' && !job.isLong()) {
    await job.waitUntilStartable();
    if (job.isLong()) {
      break;
    }
    const page = await readTransferPage({
      jobId: scheduled.jobId,
      cursor,
      transfersMax: JOB_PAGE_TRANSFERS,
    });
    await job.startAll(page.transfers);
    cursor = page.cursor;
    await job.waitForRoom(JOB_WINDOW_CHILDREN - JOB_PAGE_TRANSFERS);
  }
  // Children that an earlier run started may end without a word to this one, so the first looks come soon.
  for (
    let lookMs = PARK_AFTER_MS;
    cursor.phase === 'done' && !job.isComplete() && !job.isLong();
    lookMs = Math.min(2 * lookMs, JOB_IDLE_LOOK_MS)
  ) {
    await job.waitForNews(lookMs);
  }
  if (job.isComplete()) {
    return job.progress;
  }
  // Children do not report to the next run, so those that are sending finish first; waiting ones signal it later.
  await job.drain();
  return continueAsNew<typeof PayoutJobWorkflow>({
    ...input,
    cursor,
    listReading: job.unfinishedReading,
  });
}

/** What one run of the job knows: how it stands, and which of its children are on their way. */
class RunningJob {
  progress: PayoutProgress;
  private readonly jobId: string;
  private readonly sending = new Set<string>();
  private started = 0;
  /** Grow with every signal; whoever waits compares them with what was seen before. */
  private parked = 0;
  private seenParked = 0;
  /** Grows with every closed child too. */
  private news = 0;
  private seenNews = 0;
  private pause: PauseInForce | null;
  /** An approval is missing, or the settlement is held, and the job has not begun to send. */
  private isApprovalWanted: boolean;
  /** The job has not begun to send, and Stripe's balance has to be asked first. */
  private isFundsWanted: boolean;

  constructor(
    { approvalIsWanted, fundsAreWanted, jobId, pause, progress }: ScheduledJob,
    /** A reading of Stripe's list that is not at its end. */
    public unfinishedReading: ListReading | undefined,
  ) {
    this.jobId = jobId;
    this.progress = progress;
    this.pause = pause ?? null;
    this.isApprovalWanted = approvalIsWanted === true;
    this.isFundsWanted = fundsAreWanted === true;
    for (const signal of [changedSignal, pauseSignal, resumeSignal]) {
      setHandler(signal, () => void (this.news += 1));
    }
    setHandler(parkedSignal, () => {
      this.parked += 1;
      this.news += 1;
    });
    this.show(undefined);
  }

  isComplete(): boolean {
    return this.progress.status === 'complete';
  }

  /** Whether this run has grown enough to be continued as a new one. */
  isLong(): boolean {
    return (
      this.started >= JOB_CHILDREN_PER_RUN || workflowInfo().historyLength >= JOB_HISTORY_EVENTS_MAX
    );
  }

  /** Reads Stripe's list to its end, or as far as this run goes. */
  async readList(): Promise<void> {
    const { settlementId } = this.progress;
    let reading: ListReading | null = this.unfinishedReading ?? {};
    while (reading !== null && !this.isLong()) {
      const progress: ListProgress = await readStripeList({ settlementId, reading });
      reading = progress.next;
      if (progress.pause !== undefined) {
        await this.waitForList(progress.pause);
      }
    }
    this.unfinishedReading = reading ?? undefined;
  }

  /** Stripe does not give its list, and the settlement is paused for it: nothing can go on before it was read. */
  private async waitForList(pause: PauseInForce | null): Promise<void> {
    this.pause = pause;
    this.show(this.progress);
    const { news } = this;
    await condition(() => this.news !== news, STRIPE_LIST_AGAIN_MS);
  }

  /**
   * Starts the transfers of a page. Those that have a run already are left to it, except where that run is closed and
   * says paid while the row is open: then the database is older than the run, and another run compares them (M11).
   */
  async startAll(transfers: readonly TransferStart[]): Promise<void> {
    const met = await this.startUnlessMet(transfers, 'ALLOW_DUPLICATE_FAILED_ONLY');
    if (met.length === 0 || !patched(REOPEN_PAID_RUNS)) {
      return;
    }
    const transferIds = met.map(({ transferId }) => transferId);
    await this.startUnlessMet(await reopenPaidRuns({ transferIds }), 'ALLOW_DUPLICATE');
  }

  /** @returns those of which there is a run that stands in the way */
  private async startUnlessMet(
    transfers: readonly TransferStart[],
    reuse: WorkflowIdReusePolicy,
  ): Promise<TransferStart[]> {
    const isStarted = await Promise.all(transfers.map((transfer) => this.start(transfer, reuse)));
    return transfers.filter((_transfer, index) => isStarted[index] === false);
  }

  private async start(transfer: TransferStart, reuse: WorkflowIdReusePolicy): Promise<boolean> {
    const { transferId } = transfer;
    this.started += 1;
    this.sending.add(transferId);
    try {
      const child = await startChild(TransferWorkflow, {
        ...transferRun(transfer),
        // A transfer outlives the run that started it, and its cancelling or failing.
        parentClosePolicy: ParentClosePolicy.ABANDON,
        cancellationType: ChildWorkflowCancellationType.ABANDON,
        workflowIdReusePolicy: reuse,
      });
      void this.forgetWhenClosed(transferId, child.result());
      return true;
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) {
        throw error;
      }
      this.sending.delete(transferId);
      return false;
    }
  }

  /** A closed child frees its place; how it ended stands in Postgres. */
  private async forgetWhenClosed(transferId: string, result: Promise<unknown>): Promise<void> {
    await result.catch(() => undefined);
    this.sending.delete(transferId);
    this.news += 1;
  }

  /** Waits until at most `childrenMax` children are sending; those that wait for something do not count. */
  async waitForRoom(childrenMax: number): Promise<void> {
    do {
      await condition(
        () => this.sending.size <= childrenMax || this.parked !== this.seenParked,
        PARK_AFTER_MS,
      );
      await this.look();
    } while (this.sending.size > childrenMax && !this.isLong());
  }

  async waitForNews(timeoutMs: number): Promise<void> {
    const pauseLookInMs = this.pause?.lookInMs ?? timeoutMs;
    const isNews = await condition(
      () => this.news !== this.seenNews,
      Math.min(timeoutMs, pauseLookInMs),
    );
    if (!isNews && pauseLookInMs <= timeoutMs && this.pause !== null) {
      await lookAtPauses({ settlementId: this.progress.settlementId });
    }
    await this.look();
  }

  /**
   * Nobody is started under a pause, nor before it is approved and not held, nor before the money is there; a pause may
   * come while any of these is awaited.
   */
  async waitUntilStartable(): Promise<void> {
    do {
      await this.waitWhilePaused();
      await this.waitForApproval();
      await this.waitForFunds();
    } while (this.pause !== null && !this.isLong());
  }

  /** Looks when a person has approved, when the hold is over, and now and then. A job that sends is never asked. */
  private async waitForApproval(): Promise<void> {
    while (this.isApprovalWanted && this.pause === null && !this.isComplete() && !this.isLong()) {
      const { lookAgainInMs, progress } = await checkApproval({ jobId: this.jobId });
      this.isApprovalWanted = lookAgainInMs !== null;
      this.replaceProgress(progress);
      if (lookAgainInMs !== null) {
        await this.waitForNews(lookAgainInMs);
      }
    }
  }

  /** Asks for the balance, and again after a while or when something has changed. A job that sends is never asked. */
  private async waitForFunds(): Promise<void> {
    while (this.isFundsWanted && this.pause === null && !this.isComplete() && !this.isLong()) {
      const { askAgainInMs, progress } = await checkFunds({ jobId: this.jobId });
      this.isFundsWanted = askAgainInMs !== null;
      this.replaceProgress(progress);
      if (askAgainInMs !== null) {
        await this.waitForNews(askAgainInMs);
      }
    }
  }

  /**
   * Nobody is started under a pause: whoever is started only waits, and thousands who wait have to be woken. A signal
   * ends this when a person resumes; automation looks for itself.
   */
  private async waitWhilePaused(): Promise<void> {
    for (
      let lookMs = PARK_AFTER_MS;
      this.pause !== null && !this.isLong();
      lookMs = Math.min(2 * lookMs, JOB_IDLE_LOOK_MS)
    ) {
      await this.waitForNews(lookMs);
    }
  }

  /**
   * Lets those who are sending finish. A list that is wanted ends it: a long run does not read it any more, and nobody
   * who waits for it is sent before the next run does.
   */
  async drain(): Promise<void> {
    const deadline = Date.now() + JOB_DRAIN_MS;
    while (this.sending.size > 0 && Date.now() < deadline && !this.hasListToRead()) {
      await this.waitForNews(deadline - Date.now());
    }
  }

  private hasListToRead(): boolean {
    return this.unfinishedReading !== undefined && patched(LIST_ENDS_DRAIN);
  }

  private async look(): Promise<void> {
    // Counted before Postgres is read, so that news during the read is looked at again.
    this.seenNews = this.news;
    this.seenParked = this.parked;
    const asked = [...this.sending];
    const check = await checkJob({ jobId: this.jobId, sending: asked });
    const { progress, sending } = check;
    for (const transferId of asked) {
      if (!sending.includes(transferId)) {
        this.sending.delete(transferId);
      }
    }
    this.pause = check.pause ?? null;
    this.replaceProgress(progress);
    if (check.listIsWanted === true) {
      await this.readList();
    }
  }

  private replaceProgress(progress: PayoutProgress): void {
    const before = this.progress;
    this.progress = progress;
    this.show(before);
  }

  private show(before: PayoutProgress | undefined): void {
    const { status, counts } = this.progress;
    setCurrentDetails(jobDetails(this.progress, this.pause));
    if (before?.status !== status || before.counts.failed_terminal !== counts.failed_terminal) {
      upsertSearchAttributes(jobAttributes(this.progress));
    }
  }
}

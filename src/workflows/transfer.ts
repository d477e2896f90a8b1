import type { SignalDefinition } from '@temporalio/common';
import {
  ActivityFailure,
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  condition,
  continueAsNew,
  getExternalWorkflowHandle,
  patched,
  setCurrentDetails,
  setHandler,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';

import {
  FAILURE_TYPES,
  type SeenSends,
  type TransferClaim,
  type TransferInput,
  type TransferResult,
  type TransferView,
} from '../domain/contracts';
import { doubledMs } from '../domain/doubling';
import { jobWorkflowId } from '../domain/ids';
import {
  BACKOFF_FIRST_MS,
  BACKOFF_LONGEST_MS,
  PARK_AFTER_MS,
  TRANSFER_HISTORY_EVENTS_MAX,
} from '../domain/limits';
import { formatAmount } from '../domain/money';
import { refusalOfRequest } from '../domain/retry-request';
import { isGivenUp, isTerminal, type TransferStatus } from '../domain/transfer-state';
import {
  askPayeeReadiness,
  claimTransfer,
  reconcileTransfer,
  recordOutcome,
  requestOwnCancel,
  retryTransfer,
  stripeTransferActivity,
} from './activity-options';
import {
  changedSignal,
  parkedSignal,
  pauseSignal,
  payeeReadySignal,
  resumeSignal,
  retryTransferSignal,
  retryTransferUpdate,
} from './messages';
import { transferAttributes, transferDetails } from './visibility';

/** Runs that were asked to cancel before it was written did not look at their row for it, and their histories say so. */
const CANCEL_REQUEST_WAKES = 'cancel-request-wakes';

/**
 * Pays one winner, in one run from the first look to the end: claim, send, record, and wait where there is something
 * to wait for. The row in Postgres decides every step; this code only carries it forward and mirrors it.
 *
 * Completed means paid, failed means that only a person can go on, canceled that an operator has given the debt up. A
 * cancel request from outside only makes it look at the row: a payment on its way cannot be taken back, so cancelling is
 * a command to the row (terminate is not stop).
 */
export async function TransferWorkflow(input: TransferInput): Promise<TransferResult> {
  const { cancelRequested } = CancellationScope.current();
  return CancellationScope.nonCancellable(() => payTransfer(input, cancelRequested));
}

/** All of them say only that the row is worth another look. */
const WAKE_UPS = [changedSignal, payeeReadySignal, pauseSignal, resumeSignal];

async function payTransfer(
  input: TransferInput,
  cancelRequested: Promise<never>,
): Promise<TransferResult> {
  let wakeUps = 0;
  let isAskedToCancel = false;
  cancelRequested.catch(() => {
    isAskedToCancel = true;
    wakeUps += patched(CANCEL_REQUEST_WAKES) ? 1 : 0;
  });
  let waits = input.waits ?? 0;
  let isParked = input.isParked ?? false;
  let hasWaited = input.waits !== undefined;
  let shown: TransferView | undefined;
  let seen = input.seen;
  for (const signal of WAKE_UPS) {
    setHandler(signal, () => void (wakeUps += 1));
  }
  // Counted apart: a retry that comes while a run is about to end as failed must not be lost with it.
  let retries = 0;
  const onRetry = () => {
    retries += 1;
    wakeUps += 1;
  };
  setHandler(retryTransferSignal, onRetry);
  handleRetryUpdate(input, () => shown?.status, onRetry);
  for (;;) {
    // Counted before Postgres is read: a wake-up that comes during the read ends the wait after it.
    const seenWakeUps = wakeUps;
    const seenRetries = retries;
    const step = await carryForward(input, seen);
    const { tellsJob = false, view } = step;
    seen = seenAfter(seen, step);
    if (tellsJob) {
      await tellJob(input, changedSignal);
    }
    show(view, shown, isAskedToCancel);
    if (shown !== undefined && shown.failureReason !== view.failureReason) {
      // Another cause: what was waited for before says nothing about it.
      waits = 0;
    }
    shown = view;
    if (isTerminal(view.status)) {
      if (isGivenUp(view.status)) {
        await beAskedToCancel(input, () => isAskedToCancel);
      }
      await condition(allHandlersFinished);
      if (retries !== seenRetries && view.status !== 'completed') {
        continue;
      }
      if (hasWaited) {
        // The run of the job that started this one may be gone; its successor hears of the end only from here.
        await tellJob(input, changedSignal);
      }
      return conclude(view);
    }
    const waitMs = view.waitMs ?? backoffMs(waits);
    if (waitMs > 0) {
      hasWaited = true;
      if (waitMs > PARK_AFTER_MS && !isParked) {
        isParked = true;
        await tellJob(input, parkedSignal);
      }
      const woken = await condition(() => wakeUps !== seenWakeUps, waitMs);
      waits = woken ? 0 : waits + 1;
    }
    if (workflowInfo().historyLength > TRANSFER_HISTORY_EVENTS_MAX) {
      await condition(allHandlersFinished);
      await continueAsNew<typeof TransferWorkflow>({ ...input, waits, isParked, seen });
    }
  }
}

/**
 * Waits for the request without which a run cannot close as canceled, and asks for it where nobody has: a run that
 * continued as new has lost it, and one that begins finds its payment given up already.
 */
async function beAskedToCancel(
  { transferId }: TransferInput,
  isAskedToCancel: () => boolean,
): Promise<void> {
  if (!isAskedToCancel()) {
    const { runId } = workflowInfo();
    await Promise.race([requestOwnCancel({ transferId, runId }), condition(isAskedToCancel)]);
    await condition(isAskedToCancel);
  }
}

/** The update `retryTransfer`: the same transaction as the command, answered by the row. */
function handleRetryUpdate(
  input: TransferInput,
  shownStatus: () => TransferStatus | undefined,
  onRetry: () => void,
): void {
  setHandler(
    retryTransferUpdate,
    async (request) => {
      const answer = await retryTransfer({ ...request, transferId: input.transferId });
      if (answer === 'retried') {
        onRetry();
        // It reads Stripe's list before this is sent anew.
        await tellJob(input, changedSignal);
      }
      return answer;
    },
    {
      validator: (request) => {
        const refusal = refusalOfRequest(request, shownStatus());
        if (refusal !== undefined) {
          throw ApplicationFailure.nonRetryable(refusal, FAILURE_TYPES.retryRefused);
        }
      },
    },
  );
}

interface Step {
  /** The row as the claim found it. */
  readonly claimed: TransferView;
  readonly view: TransferView;
  /** The claim that was sent with, if this step was a send. */
  readonly claimNumber?: number;
  readonly tellsJob?: boolean;
}

/** One step: claim and send, or find out what became of an earlier send. Returns the row as it is afterwards. */
async function carryForward(input: TransferInput, seen: SeenSends | undefined): Promise<Step> {
  const { transferId } = input;
  const run = { transferId, runId: workflowInfo().runId };
  const answer = await claimTransfer({ ...run, seen });
  const { view: claimed } = answer;
  switch (answer.next) {
    case 'rest':
      return { claimed, view: claimed, tellsJob: answer.tellJob === true };
    case 'reconcile':
      return { claimed, view: await reconcileTransfer(run) };
    case 'ask':
      return { claimed, view: await askPayeeReadiness({ transferId }) };
    case 'send':
      return {
        claimed,
        view: await sendAndRecord(input, answer.claim),
        claimNumber: answer.claim.claimNumber,
      };
  }
}

/**
 * Never less than was seen before: a row that comes back older in the middle of a step would pass for the truth. Once
 * the claim has said so, the row begins anew.
 */
function seenAfter(
  seen: SeenSends | undefined,
  { claimed, claimNumber = 0, view }: Step,
): SeenSends {
  const isOlder = claimed.failureReason === 'unknown_records_older';
  const before = isOlder ? undefined : seen;
  const rows = isOlder ? [view] : [view, claimed, before ?? view];
  return {
    generation: Math.max(...rows.map(({ generation }) => generation)),
    attemptCount: Math.max(...rows.map(({ attemptCount }) => attemptCount)),
    claimNumber: Math.max(claimNumber, before?.claimNumber ?? 0),
  };
}

async function sendAndRecord(
  { amountMinor, currency }: TransferInput,
  claim: TransferClaim,
): Promise<TransferView> {
  try {
    const send = stripeTransferActivity(
      `send ${formatAmount(amountMinor, currency)} to the winner`,
    );
    await send(claim);
  } catch (error) {
    if (!(error instanceof ActivityFailure)) {
      throw error;
    }
    // Whatever it was, also a timeout: the attempt rows tell what is known, and recordOutcome reads them.
  }
  return recordOutcome(claim);
}

/** Doubles from wait to wait, and spreads winners who wait for the same cause. */
function backoffMs(waits: number): number {
  const doubled = doubledMs(waits, { firstMs: BACKOFF_FIRST_MS, longestMs: BACKOFF_LONGEST_MS });
  return Math.round(doubled * (0.9 + 0.2 * Math.random()));
}

/** The job may have ended or been terminated; a transfer does not need it. */
async function tellJob(input: TransferInput, signal: SignalDefinition): Promise<void> {
  try {
    await getExternalWorkflowHandle(jobWorkflowId(input.settlementId)).signal(signal);
  } catch (error) {
    if (!(error instanceof ApplicationFailure)) {
      throw error;
    }
  }
}

function show(
  view: TransferView,
  before: TransferView | undefined,
  isAskedToCancel: boolean,
): void {
  setCurrentDetails(transferDetails(view, isAskedToCancel));
  const reasonBefore = before?.failureReason ?? null;
  // Each of these is an event of the history, so they are written when they change and not at every look.
  const isNews =
    before?.status !== view.status ||
    before.failureClass !== view.failureClass ||
    before.isCancelRequested !== view.isCancelRequested;
  if (isNews) {
    upsertSearchAttributes(transferAttributes(view));
  }
  if (reasonBefore !== view.failureReason) {
    upsertMemo({ reason: view.failureReason });
  }
}

function conclude(view: TransferView): TransferResult {
  const { transferId, status, stripeTransferId, failureReason } = view;
  if (status === 'completed' && stripeTransferId !== null) {
    return { transferId, stripeTransferId };
  }
  if (isGivenUp(status)) {
    throw new CancelledFailure(status);
  }
  throw ApplicationFailure.create({
    type: FAILURE_TYPES.transferFailed,
    message: failureReason ?? status,
    nonRetryable: true,
    details: [{ transferId, status, failureClass: view.failureClass }],
  });
}

import {
  ActivityFailure,
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  continueAsNew,
  setCurrentDetails,
  setHandler,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';

import {
  FAILURE_TYPES,
  type ReversalInput,
  type ReversalResult,
  type ReversalView,
} from '../domain/contracts';
import { doubledMs } from '../domain/doubling';
import {
  BACKOFF_FIRST_MS,
  BACKOFF_LONGEST_MS,
  TRANSFER_HISTORY_EVENTS_MAX,
} from '../domain/limits';
import { formatAmount } from '../domain/money';
import { isReversalEnded } from '../domain/reversal-state';
import { claimReversal, lookAtReversal, stripeReversalActivity } from './activity-options';
import { changedSignal } from './messages';
import { reversalAttributes, reversalDetails } from './visibility';

/**
 * Takes one payment back, in full or in part, in one run from the order to its end: claim, look at Stripe, send, and
 * wait where the outcome is not known. The row in Postgres decides every step; this code only carries it forward.
 *
 * Completed means that the money came back, failed that nothing did, with the reason code. A cancel request changes
 * nothing: an order that may be on its way cannot be taken back.
 */
export async function ReversalWorkflow(input: ReversalInput): Promise<ReversalResult> {
  return CancellationScope.nonCancellable(() => reverse(input));
}

async function reverse(input: ReversalInput): Promise<ReversalResult> {
  let wakeUps = 0;
  let waits = input.waits ?? 0;
  let shown: ReversalView | undefined;
  setHandler(changedSignal, () => void (wakeUps += 1));
  for (;;) {
    // Counted before Postgres is read: a wake-up that comes during the read ends the wait after it.
    const seenWakeUps = wakeUps;
    const view = await carryForward(input);
    show(view, shown);
    shown = view;
    if (isReversalEnded(view.status)) {
      return conclude(view);
    }
    const waitMs = view.waitMs ?? backoffMs(waits);
    if (waitMs > 0) {
      const woken = await condition(() => wakeUps !== seenWakeUps, waitMs);
      waits = woken ? 0 : waits + 1;
    }
    if (workflowInfo().historyLength > TRANSFER_HISTORY_EVENTS_MAX) {
      await condition(allHandlersFinished);
      await continueAsNew<typeof ReversalWorkflow>({ ...input, waits });
    }
  }
}

/** One step: a send, a look at Stripe, or none. Returns the row as it is afterwards. */
async function carryForward({ reversalId }: ReversalInput): Promise<ReversalView> {
  const claim = { reversalId, runId: workflowInfo().runId };
  const { next, view } = await claimReversal(claim);
  switch (next) {
    case 'rest':
      return view;
    case 'look':
      return lookAtReversal({ reversalId });
    case 'send':
      return send(claim, view);
  }
}

async function send(
  claim: { readonly reversalId: string; readonly runId: string },
  view: ReversalView,
): Promise<ReversalView> {
  const { amountMinor, currency } = view;
  try {
    const createStripeReversal = stripeReversalActivity(
      `take ${formatAmount(amountMinor, currency)} back from the winner`,
    );
    return await createStripeReversal(claim);
  } catch (error) {
    if (!(error instanceof ActivityFailure)) {
      throw error;
    }
    // Whatever it was, also a timeout: the attempt rows tell what is known, and the next claim reads them.
    return view;
  }
}

/** Doubles from wait to wait, and spreads runs that wait for the same cause. */
function backoffMs(waits: number): number {
  const doubled = doubledMs(waits, { firstMs: BACKOFF_FIRST_MS, longestMs: BACKOFF_LONGEST_MS });
  return Math.round(doubled * (0.9 + 0.2 * Math.random()));
}

function show(view: ReversalView, before: ReversalView | undefined): void {
  setCurrentDetails(reversalDetails(view));
  // Each of these is an event of the history, so they are written when they change and not at every look.
  if (before?.status !== view.status || before.failureClass !== view.failureClass) {
    upsertSearchAttributes(reversalAttributes(view));
  }
  if ((before?.failureReason ?? null) !== view.failureReason) {
    upsertMemo({ reason: view.failureReason });
  }
}

function conclude(view: ReversalView): ReversalResult {
  const { failureClass, failureReason, reversalId, status, stripeReversalId } = view;
  if (status === 'completed' && stripeReversalId !== null) {
    return { reversalId, stripeReversalId };
  }
  throw ApplicationFailure.create({
    type: FAILURE_TYPES.reversalRefused,
    message: failureReason ?? status,
    nonRetryable: true,
    details: [{ reversalId, status, failureClass }],
  });
}

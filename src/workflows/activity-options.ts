import { proxyActivities, type ActivityOptions } from '@temporalio/workflow';

import type { PayoutActivities, StripeActivities } from '../activities/index';
import { TASK_QUEUES } from '../domain/contracts';
import {
  DATABASE_ACTIVITY_TIMEOUT_MS,
  RECONCILE_ACTIVITY_TIMEOUT_MS,
  SCHEDULE_ACTIVITY_TIMEOUT_MS,
  STRIPE_ACTIVITY_TIMEOUT_MS,
  STRIPE_ACTIVITY_TRIES_MAX,
  SWEEP_ACTIVITY_TIMEOUT_MS,
} from '../domain/limits';

/** Database steps are safe to repeat and have no other end than success: a Postgres that is away comes back. */
const untilItWorks: ActivityOptions['retry'] = {
  initialInterval: '500 ms',
  backoffCoefficient: 2,
  maximumInterval: '30 s',
};

export const { scheduleJob } = proxyActivities<PayoutActivities>({
  startToCloseTimeout: SCHEDULE_ACTIVITY_TIMEOUT_MS,
  retry: untilItWorks,
  summary: 'create the job and its transfers',
});

export const { readTransferPage } = proxyActivities<PayoutActivities>({
  startToCloseTimeout: DATABASE_ACTIVITY_TIMEOUT_MS,
  retry: untilItWorks,
  summary: 'read the next transfers',
});

export const { checkJob } = proxyActivities<PayoutActivities>({
  startToCloseTimeout: DATABASE_ACTIVITY_TIMEOUT_MS,
  retry: untilItWorks,
  summary: 'count transfers, complete the job when all are terminal',
});

export const { checkApproval } = proxyActivities<PayoutActivities>({
  startToCloseTimeout: DATABASE_ACTIVITY_TIMEOUT_MS,
  retry: untilItWorks,
  summary: 'look whether it is approved and not held',
});

export const { reopenPaidRuns } = proxyActivities<PayoutActivities>({
  startToCloseTimeout: DATABASE_ACTIVITY_TIMEOUT_MS,
  retry: untilItWorks,
  summary: 'compare closed runs with their transfers',
});

export const { claimTransfer } = proxyActivities<PayoutActivities>({
  startToCloseTimeout: DATABASE_ACTIVITY_TIMEOUT_MS,
  retry: untilItWorks,
  summary: 'look up the account, freeze the request, claim',
});

export const { recordOutcome } = proxyActivities<PayoutActivities>({
  startToCloseTimeout: DATABASE_ACTIVITY_TIMEOUT_MS,
  retry: untilItWorks,
  summary: 'record state and ledger',
});

export const { retryTransfer } = proxyActivities<PayoutActivities>({
  startToCloseTimeout: DATABASE_ACTIVITY_TIMEOUT_MS,
  retry: untilItWorks,
  summary: 'retry for an operator',
});

export const { requestOwnCancel } = proxyActivities<PayoutActivities>({
  startToCloseTimeout: DATABASE_ACTIVITY_TIMEOUT_MS,
  retry: untilItWorks,
  summary: 'close this run as canceled: its payment is given up',
});

export const { claimReversal } = proxyActivities<PayoutActivities>({
  startToCloseTimeout: DATABASE_ACTIVITY_TIMEOUT_MS,
  retry: untilItWorks,
  summary: 'settle what is known of the reversal, claim it',
});

/** The run of a sweep ends these at the latest. */
export const { beginSweep, endSweep } = proxyActivities<PayoutActivities>({
  startToCloseTimeout: DATABASE_ACTIVITY_TIMEOUT_MS,
  retry: untilItWorks,
  summary: 'keep the register of recurring work',
});

/** Tried for a while: what a sweep does not come to, the next one does. */
const untilTheNextSweep: ActivityOptions = {
  startToCloseTimeout: SWEEP_ACTIVITY_TIMEOUT_MS,
  scheduleToCloseTimeout: SWEEP_ACTIVITY_TIMEOUT_MS,
  retry: untilItWorks,
};

export const { takeSettlements } = proxyActivities<PayoutActivities>({
  ...untilTheNextSweep,
  summary: 'accept or reject what other systems have handed in',
});

/** Each event has tries of its own, in Postgres. */
export const { processStripeEvents } = proxyActivities<StripeActivities>({
  taskQueue: TASK_QUEUES.stripe,
  startToCloseTimeout: SWEEP_ACTIVITY_TIMEOUT_MS,
  scheduleToCloseTimeout: SWEEP_ACTIVITY_TIMEOUT_MS,
  retry: { maximumAttempts: 1 },
  summary: 'process the webhooks that nobody has processed',
});

export const { findJoblessSettlements, planSettlementSweep, planSweep, wakeTransfers } =
  proxyActivities<PayoutActivities>({
    ...untilTheNextSweep,
    summary: 'compare what is open with what runs',
  });

/**
 * One POST a try, all tries under one key. The few retries here bridge seconds; what takes longer is shown as
 * retryable or unknown in Postgres and waits on a durable timer of the workflow.
 */
export function stripeTransferActivity(summary: string) {
  return proxyActivities<StripeActivities>({
    taskQueue: TASK_QUEUES.stripe,
    startToCloseTimeout: STRIPE_ACTIVITY_TIMEOUT_MS,
    retry: {
      initialInterval: '1 s',
      backoffCoefficient: 2,
      maximumInterval: '10 s',
      maximumAttempts: STRIPE_ACTIVITY_TRIES_MAX,
    },
    summary,
  }).createStripeTransfer;
}

export const { reconcileTransfer } = proxyActivities<StripeActivities>({
  taskQueue: TASK_QUEUES.stripe,
  startToCloseTimeout: RECONCILE_ACTIVITY_TIMEOUT_MS,
  retry: { initialInterval: '2 s', backoffCoefficient: 2, maximumInterval: '10 m' },
  summary: 'compare with Stripe’s list, send nothing',
});

/** One POST; the workflow tries again on a durable timer, after a claim that settles what this one left. */
export function stripeReversalActivity(summary: string) {
  return proxyActivities<StripeActivities>({
    taskQueue: TASK_QUEUES.stripe,
    startToCloseTimeout: STRIPE_ACTIVITY_TIMEOUT_MS,
    retry: { maximumAttempts: 1 },
    summary,
  }).createStripeReversal;
}

export const { lookAtReversal } = proxyActivities<StripeActivities>({
  taskQueue: TASK_QUEUES.stripe,
  startToCloseTimeout: RECONCILE_ACTIVITY_TIMEOUT_MS,
  retry: { initialInterval: '2 s', backoffCoefficient: 2, maximumInterval: '10 m' },
  summary: 'compare with Stripe’s list of reversals, send nothing',
});

/** One reading request a try; what Stripe refuses is shown as a pause, and goes on when the pause is over. */
const readFromStripe: ActivityOptions = {
  taskQueue: TASK_QUEUES.stripe,
  startToCloseTimeout: STRIPE_ACTIVITY_TIMEOUT_MS,
  retry: { initialInterval: '1 s', backoffCoefficient: 2, maximumInterval: '2 m' },
};

export const { readStripeList } = proxyActivities<StripeActivities>({
  ...readFromStripe,
  summary: 'compare with Stripe’s list before the first send',
});

export const { askPayeeReadiness } = proxyActivities<StripeActivities>({
  ...readFromStripe,
  summary: 'ask whether the account can receive by now',
});

export const { checkFunds } = proxyActivities<StripeActivities>({
  ...readFromStripe,
  summary: 'ask whether the money is there',
});

export const { lookAtPauses } = proxyActivities<StripeActivities>({
  ...readFromStripe,
  summary: 'look whether the cause of a pause is gone',
});

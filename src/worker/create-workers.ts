import { Worker, type NativeConnection, type WorkflowBundleOption } from '@temporalio/worker';

import { createPayoutActivities, createStripeActivities } from '../activities';
import type { ActivityDependencies } from '../activities/dependencies';
import { TASK_QUEUES } from '../domain/contracts';
import { WORKER_SHUTDOWN_GRACE_MS } from '../domain/limits';

export interface WorkersOptions {
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly workflowBundle: WorkflowBundleOption;
  readonly dependencies: ActivityDependencies;
  readonly stripeRequestsPerSecond: number;
}

/** The two workers of one process, which start and stop together. */
export interface PayoutWorkers {
  /** Resolves when both have drained after `shutdown` or a signal; rejects when one fails, after stopping the other. */
  run(): Promise<void>;
  shutdown(): void;
}

/**
 * Workers for the two task queues. Stripe's queue is polled by workers of its own, so that its rate limits exactly the
 * calls to Stripe, for the whole fleet: the server enforces it, whatever the number of processes.
 */
export async function createWorkers(options: WorkersOptions): Promise<PayoutWorkers> {
  const { connection, namespace, workflowBundle, dependencies } = options;
  const shared = { connection, namespace, shutdownGraceTime: WORKER_SHUTDOWN_GRACE_MS };
  const payouts = await Worker.create({
    ...shared,
    taskQueue: TASK_QUEUES.payouts,
    workflowBundle,
    activities: createPayoutActivities(dependencies),
  });
  const stripe = await Worker.create({
    ...shared,
    taskQueue: TASK_QUEUES.stripe,
    activities: createStripeActivities(dependencies),
    maxTaskQueueActivitiesPerSecond: options.stripeRequestsPerSecond,
  });
  const workers = [payouts, stripe];
  const shutdown = () => {
    for (const worker of workers) {
      // A worker that has begun to stop refuses to be told again.
      if (worker.getState() === 'RUNNING') {
        worker.shutdown();
      }
    }
  };
  return {
    shutdown,
    run: async () => {
      // Both end before anything that they use is closed, also when one of them fails.
      const ends = await Promise.allSettled(
        workers.map((worker) => worker.run().finally(shutdown)),
      );
      const failed = ends.find((end) => end.status === 'rejected');
      if (failed !== undefined) {
        throw failed.reason;
      }
    },
  };
}

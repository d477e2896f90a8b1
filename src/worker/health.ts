/**
 * `node dist/src/worker/health.js`, for the health check of a container: ends with 0 when a worker of this host polls
 * both task queues, else with 1 and the reason. A process that is alive and no longer polls is what this is for.
 */
import { hostname } from 'node:os';
import { Connection } from '@temporalio/client';
import { temporal } from '@temporalio/proto';

import { readEnvironment } from '../config/environment';
import { loadSettings, type EnvironmentVariables } from '../config/settings';
import { temporalTarget } from '../config/temporal-connection';
import { TASK_QUEUES } from '../domain/contracts';
import { WORKER_POLL_SEEN_MS } from '../domain/limits';

const { TASK_QUEUE_TYPE_WORKFLOW, TASK_QUEUE_TYPE_ACTIVITY } = temporal.api.enums.v1.TaskQueueType;

const POLLED = [
  { name: TASK_QUEUES.payouts, taskQueueType: TASK_QUEUE_TYPE_WORKFLOW },
  { name: TASK_QUEUES.stripe, taskQueueType: TASK_QUEUE_TYPE_ACTIVITY },
] as const;

/** The queues that no worker of this host polls. The SDK's workers are called `<process id>@<host>`. */
async function unpolledQueues(variables: EnvironmentVariables, host: string): Promise<string[]> {
  const settings = loadSettings(variables, ['TEMPORAL_ADDRESS']);
  const { namespace, options } = temporalTarget(variables, settings);
  const connection = await Connection.connect(options);
  try {
    const unpolled: string[] = [];
    for (const { name, taskQueueType } of POLLED) {
      const { pollers } = await connection.workflowService.describeTaskQueue({
        namespace,
        taskQueue: { name },
        taskQueueType,
      });
      const since = Date.now() - WORKER_POLL_SEEN_MS;
      const polled = pollers.some(
        ({ identity, lastAccessTime }) =>
          identity?.endsWith(`@${host}`) === true &&
          Number(lastAccessTime?.seconds ?? 0) * 1_000 >= since,
      );
      if (!polled) {
        unpolled.push(name);
      }
    }
    return unpolled;
  } finally {
    await connection.close();
  }
}

async function main(): Promise<void> {
  const unpolled = await unpolledQueues(readEnvironment().variables, hostname());
  if (unpolled.length > 0) {
    throw new Error(`no worker of ${hostname()} polls ${unpolled.join(' and ')}`);
  }
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);

/**
 * Goal: workflows that wait for weeks can be tested in seconds.
 * Method: a workflow that sleeps for thirty days runs on the real time-skipping test server.
 */
import { Worker } from '@temporalio/worker';
import {
  startTimeSkippingEnvironment,
  type TimeSkippingEnvironment,
} from '../support/time-skipping';
import type { sleepThirtyDays } from './sleep-workflow';

const FIRST_START_LIMIT_MS = 10 * 60_000;
const THIRTY_DAYS_MS = 30 * 24 * 3_600_000;

let skipping: TimeSkippingEnvironment | undefined;

beforeAll(async () => {
  skipping = await startTimeSkippingEnvironment();
}, FIRST_START_LIMIT_MS);

afterAll(async () => {
  await skipping?.stop();
});

// Without the jump it would run into the test's limit.
test('thirty days of a workflow pass in seconds', async () => {
  if (skipping === undefined) {
    throw new Error('the environment did not start');
  }
  const { client, nativeConnection } = skipping.environment;
  const taskQueue = 'time-skipping-test';
  const worker = await Worker.create({
    connection: nativeConnection,
    taskQueue,
    workflowsPath: require.resolve('./sleep-workflow'),
  });
  const slept = await worker.runUntil(
    client.workflow.execute<typeof sleepThirtyDays>('sleepThirtyDays', {
      taskQueue,
      workflowId: 'sleep-thirty-days',
    }),
  );
  expect(slept).toBeGreaterThanOrEqual(THIRTY_DAYS_MS);
});

/**
 * Goal: workflows that wait for weeks can be tested in seconds.
 * Method: a workflow that sleeps for thirty days runs on the real time-skipping test server.
 */
import { Worker } from '@temporalio/worker';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { createTimeSkippingEnvironment } from '../support/time-skipping';
import type { sleepThirtyDays } from './sleep-workflow';

const FIRST_START_LIMIT_MS = 10 * 60_000;
const THIRTY_DAYS_MS = 30 * 24 * 3_600_000;
const REAL_LIMIT_MS = 30_000;

let environment: TestWorkflowEnvironment | undefined;

beforeAll(async () => {
  environment = await createTimeSkippingEnvironment();
}, FIRST_START_LIMIT_MS);

afterAll(async () => {
  await environment?.teardown();
});

test('thirty days of a workflow pass in seconds', async () => {
  if (environment === undefined) {
    throw new Error('the environment did not start');
  }
  const { client, nativeConnection } = environment;
  const taskQueue = 'time-skipping-test';
  const worker = await Worker.create({
    connection: nativeConnection,
    taskQueue,
    workflowsPath: require.resolve('./sleep-workflow'),
  });
  const before = Date.now();
  const slept = await worker.runUntil(
    client.workflow.execute<typeof sleepThirtyDays>('sleepThirtyDays', {
      taskQueue,
      workflowId: 'sleep-thirty-days',
    }),
  );
  expect(slept).toBeGreaterThanOrEqual(THIRTY_DAYS_MS);
  expect(Date.now() - before).toBeLessThan(REAL_LIMIT_MS);
});

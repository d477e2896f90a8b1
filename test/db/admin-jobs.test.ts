/**
 * Goal: the registry tells of recurring work what is so: registered, running, how it ended, and that a run was lost.
 * Method: the seed's three operations on real Postgres, repeated and raced, through every state.
 */
import {
  ENDED_WITHOUT_RESULT,
  findAdminJob,
  markJobRunning,
  registerJob,
  updateJobStatus,
} from '../../src/db/admin-jobs';
import { newId, openDatabaseBed, type DatabaseBed } from '../support/builders';

let bed: DatabaseBed;
let name: string;

beforeAll(async () => {
  bed = await openDatabaseBed();
});
afterAll(() => bed.close());

beforeEach(async () => {
  name = newId('work');
  await registerJob(bed.database, { name, schedule: 'every 5 minutes' });
});

const job = () => findAdminJob(bed.database, name);
const begin = (runId: string) => markJobRunning(bed.database, name, runId);
const end = (runId: string, how: { failure?: string; resumeAfter?: string } = {}) =>
  updateJobStatus(bed.database, name, {
    runId,
    counts: { started: 2 },
    failure: how.failure ?? null,
    resumeAfter: how.resumeAfter ?? null,
  });

test('registered, running, succeeded: one row through its states', async () => {
  expect(await job()).toMatchObject({ status: 'registered', runId: null, runCount: 0 });
  expect(await begin('run-1')).toMatchObject({ status: 'running', runId: 'run-1', runCount: 1 });
  expect(await end('run-1', { resumeAfter: 'here' })).toBe(true);
  const succeeded = await job();
  expect(succeeded).toMatchObject({
    status: 'succeeded',
    counts: { started: 2 },
    failure: null,
    resumeAfter: 'here',
    failedRunCount: 0,
  });
  expect(succeeded!.finishedAt!.getTime()).toBeGreaterThanOrEqual(succeeded!.startedAt!.getTime());
});

test('the next run sees where it goes on, and how the one before it ended until it ends itself', async () => {
  await begin('run-1');
  await end('run-1', { failure: 'not_everything_swept', resumeAfter: 'there' });
  expect(await job()).toMatchObject({ status: 'failed', failedRunCount: 1 });
  expect(await begin('run-2')).toMatchObject({
    status: 'running',
    resumeAfter: 'there',
    failure: 'not_everything_swept',
    counts: { started: 2 },
  });
  await end('run-2');
  expect(await job()).toMatchObject({
    status: 'succeeded',
    failure: null,
    resumeAfter: null,
    runCount: 2,
    failedRunCount: 1,
  });
});

test('a run that was lost is closed as failed by the next, which goes on where the lost one began', async () => {
  await begin('run-1');
  await end('run-1', { resumeAfter: 'there' });
  await begin('lost');
  expect(await begin('run-3')).toMatchObject({
    status: 'running',
    runId: 'run-3',
    failure: ENDED_WITHOUT_RESULT,
    counts: null,
    resumeAfter: 'there',
    runCount: 3,
    failedRunCount: 1,
  });
  // It was not lost after all; its place is taken.
  expect(await end('lost')).toBe(false);
  expect(await job()).toMatchObject({ status: 'running', runId: 'run-3' });
});

test('beginning and ending are safe to repeat, and ten at once count once', async () => {
  await Promise.all(Array.from({ length: 10 }, () => begin('run-1')));
  expect(await job()).toMatchObject({ runCount: 1, failedRunCount: 0 });
  const ended = await Promise.all(Array.from({ length: 10 }, () => end('run-1', { failure: 'x' })));
  expect(ended.filter(Boolean)).toHaveLength(1);
  expect(await job()).toMatchObject({ runCount: 1, failedRunCount: 1 });
});

test('registering again changes the schedule and nothing else', async () => {
  await begin('run-1');
  await end('run-1');
  const schedules = Array.from({ length: 10 }, () => ({ name, schedule: 'every hour' }));
  await Promise.all(schedules.map((wish) => registerJob(bed.database, wish)));
  expect(await job()).toMatchObject({ schedule: 'every hour', status: 'succeeded', runCount: 1 });
});

test('what nobody registered does not run', async () => {
  await expect(markJobRunning(bed.database, newId('work'), 'run-1')).rejects.toThrow(
    'no recurring work is registered as',
  );
});

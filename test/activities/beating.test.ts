/**
 * Goal: an activity that takes long is heard of at once and then all the time, and no longer than it takes.
 * Method: Temporal's own environment for one activity; the process's timers are moved by hand.
 */
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { beating } from '../../src/activities/beating';
import { HEARTBEAT_EVERY_MS, HEARTBEAT_TIMEOUT_MS } from '../../src/domain/limits';
import { Gate } from '../workflows/harness';

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] });
});
afterEach(() => jest.useRealTimers());

function beatsOf(environment: MockActivityEnvironment): () => number {
  let beats = 0;
  environment.on('heartbeat', () => (beats += 1));
  return () => beats;
}

test('it beats while it works, several times within the timeout, and is silent after it', async () => {
  const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });
  const beats = beatsOf(environment);
  const gate = new Gate();
  const result = environment.run(
    beating(async (input: string) => {
      await gate.pass();
      return `${input} done`;
    }),
    'work',
  );
  expect(beats()).toBe(1);
  jest.advanceTimersByTime(HEARTBEAT_TIMEOUT_MS);
  expect(beats()).toBe(1 + HEARTBEAT_TIMEOUT_MS / HEARTBEAT_EVERY_MS);
  expect(HEARTBEAT_TIMEOUT_MS / HEARTBEAT_EVERY_MS).toBeGreaterThanOrEqual(4);
  gate.release();
  await expect(result).resolves.toBe('work done');
  expect(jest.getTimerCount()).toBe(0);
});

test('it is silent after a failure too', async () => {
  const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });
  const failing = beating(() => Promise.reject(new RangeError('a test')));
  await expect(environment.run(failing, undefined)).rejects.toThrow(RangeError);
  expect(jest.getTimerCount()).toBe(0);
});

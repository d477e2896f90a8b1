/**
 * Goal: automation lifts the pauses that it set itself once their cause is gone, asks rarely, and wakes who waited.
 * Method: Stripe's balance and key are changed in the sandbox; time is moved; the requests that reach Stripe are counted.
 */
import { lookAtPauses } from '../../src/activities/look-at-pauses';
import { pauseSending } from '../../src/activities/pause-sending';
import {
  findPausesInForce,
  pauseByAutomation,
  type AutomaticPause,
} from '../../src/db/payout-controls';
import { ASK_WAITS, PAUSE_MEMORY_MS } from '../../src/domain/limits';
import { newId } from '../support/builders';
import { openActivityBed, type ActivityBed } from './activity-bed';

const MINUTE_MS = 60_000;
/** Longer than any clock of this test runs on by itself. */
const SLACK_MS = 30_000;

let bed: ActivityBed;
let woken: (string | null)[];

beforeAll(async () => {
  bed = await openActivityBed();
});

beforeEach(() => {
  woken = [];
});

afterEach(async () => {
  await bed.calm();
  await bed.sandbox.control('balance', { currency: 'usd', available: 1_000_000 });
});

afterAll(() => bed.close());

const look = (settlementId: string) =>
  lookAtPauses(bed.dependencies, { settlementId }, (scope) => {
    woken.push(scope);
    return Promise.resolve();
  });

/** A pause for missing funds: 500 are needed. */
async function pausedForFunds(): Promise<string> {
  const settlementId = newId('settlement');
  await setPause({
    settlementId,
    cause: 'platform_balance_insufficient',
    isLiftedByItself: true,
    needed: { amountMinor: 500, currency: 'usd' },
  });
  return settlementId;
}

async function setPause(pause: AutomaticPause): Promise<void> {
  expect(await pauseByAutomation(bed.database, pause)).toBe(true);
}

const setBalance = (available: number) =>
  bed.sandbox.control('balance', { currency: 'usd', available });

async function isPaused(settlementId: string): Promise<boolean> {
  return (await findPausesInForce(bed.database, settlementId)).length > 0;
}

/** Minutes until the next look of the one pause, rounded. */
async function minutesToNextLook(settlementId: string): Promise<number> {
  const [row] = await bed.rows<{ minutes: string }>(
    `select round(extract(epoch from next_look_at - payout_now()) / 60) as minutes
     from payout_controls where settlement_id = $1 and lifted_at is null`,
    [settlementId],
  );
  return Number(row?.minutes);
}

/** GETs of the balance that reached Stripe. */
async function looksAtStripe(work: () => Promise<unknown>): Promise<number> {
  const balance = jest.spyOn(bed.dependencies.stripe.balance, 'retrieve');
  await work();
  const { length } = balance.mock.calls;
  balance.mockRestore();
  return length;
}

describe('a pause for missing funds', () => {
  test('is lifted when the balance suffices, and not before', async () => {
    await setBalance(499);
    const settlementId = await pausedForFunds();
    await bed.moveClocks({ ms: MINUTE_MS + SLACK_MS });
    await look(settlementId);
    expect(await isPaused(settlementId)).toBe(true);
    expect(woken).toEqual([]);
    await setBalance(500);
    await bed.moveClocks({ ms: 4 * MINUTE_MS });
    await look(settlementId);
    expect(await isPaused(settlementId)).toBe(false);
    expect(woken).toEqual([settlementId]);
    expect(
      await bed.rows(`select lifted_by from payout_controls where settlement_id = $1`, [
        settlementId,
      ]),
    ).toEqual([{ lifted_by: 'automation' }]);
  });

  test('is looked at after 1, 2, 4 … 60 minutes, and not in between', async () => {
    await setBalance(0);
    const settlementId = await pausedForFunds();
    const waits = [await minutesToNextLook(settlementId)];
    let elapsedMs = 0;
    expect(await looksAtStripe(() => look(settlementId))).toBe(0);
    while (waits.length < 9) {
      elapsedMs += waits.at(-1)! * MINUTE_MS + 1_000;
      await bed.moveClocks({ ms: elapsedMs });
      expect(await looksAtStripe(() => look(settlementId))).toBe(1);
      expect(await looksAtStripe(() => look(settlementId))).toBe(0);
      waits.push(await minutesToNextLook(settlementId));
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
    expect(ASK_WAITS.longestMs).toBe(60 * MINUTE_MS);
  });

  test('that comes back soon after goes on backing off; one that comes back late begins anew', async () => {
    await setBalance(0);
    const settlementId = await pausedForFunds();
    await bed.moveClocks({ ms: MINUTE_MS + SLACK_MS });
    await look(settlementId);
    await setBalance(500);
    await bed.moveClocks({ ms: 5 * MINUTE_MS });
    await look(settlementId);
    expect(await isPaused(settlementId)).toBe(false);
    const again = {
      settlementId,
      cause: 'platform_balance_insufficient',
      isLiftedByItself: true,
    };
    await setPause(again);
    expect(await minutesToNextLook(settlementId)).toBe(4);
    await bed.moveClocks({ ms: 10 * MINUTE_MS });
    await look(settlementId);
    await bed.moveClocks({ ms: 10 * MINUTE_MS + PAUSE_MEMORY_MS + SLACK_MS });
    await setPause(again);
    expect(await minutesToNextLook(settlementId)).toBe(1);
  });
});

test('one request, however many jobs ask about the pause of everything', async () => {
  await setPause({ settlementId: null, cause: 'platform_key_rejected', isLiftedByItself: true });
  await bed.moveClocks({ ms: MINUTE_MS + SLACK_MS });
  const jobs = Array.from({ length: 20 }, () => newId('settlement'));
  expect(await looksAtStripe(() => Promise.all(jobs.map(look)))).toBe(1);
  expect(woken).toEqual([null]);
});

test('a key that Stripe still refuses keeps its pause', async () => {
  await setPause({ settlementId: null, cause: 'platform_key_rejected', isLiftedByItself: true });
  await bed.moveClocks({ ms: MINUTE_MS + SLACK_MS });
  await bed.sandbox.control('keys', { key: 'sk_test_sandbox', state: 'invalid' });
  await look('any');
  expect(await isPaused('any')).toBe(true);
  await bed.sandbox.control('keys', { key: 'sk_test_sandbox', state: 'active' });
  await bed.moveClocks({ ms: 5 * MINUTE_MS });
  await look('any');
  expect(await isPaused('any')).toBe(false);
});

test('automation never lifts an operator’s pause, nor one that only a person may lift', async () => {
  const settlementId = newId('settlement');
  await pauseSending(bed.database, settlementId, { actor: 'alex', reason: 'looking' });
  const cause = 'platform_risk_control';
  await setPause({ settlementId, cause, isLiftedByItself: false });
  await bed.moveClocks({ days: 3 });
  await look(settlementId);
  expect(await findPausesInForce(bed.database, settlementId)).toHaveLength(2);
  expect(woken).toEqual([]);
});

test('a pause that nobody could look at stays, and its next look comes', async () => {
  const settlementId = await pausedForFunds();
  await bed.moveClocks({ ms: MINUTE_MS + SLACK_MS });
  await bed.sandbox.control('faults', {
    match: { method: 'GET', path: '/v1/balance' },
    fault: { kind: 'status', status: 503 },
  });
  await look(settlementId);
  expect(await isPaused(settlementId)).toBe(true);
  await bed.moveClocks({ ms: 5 * MINUTE_MS });
  await look(settlementId);
  expect(await isPaused(settlementId)).toBe(false);
});

/**
 * Goal: nobody is started before the money is there; the job is woken by a signal or asks again by itself.
 * Method: real workers, Postgres and sandbox for what is paid; a time-skipping server for the hours of waiting.
 */
import type { Client } from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

import { findJobBySettlement } from '../../src/db/payout-jobs';
import { settlementContentHash } from '../../src/db/settlement-content-hash';
import { insertUserStripeAccount } from '../../src/db/user-stripe-accounts';
import { SEARCH_ATTRIBUTES, SIGNALS } from '../../src/domain/contracts';
import { jobWorkflowId } from '../../src/domain/ids';
import type { ActivityBed } from '../activities/activity-bed';
import {
  givenScheduledSettlement,
  newAccountId,
  type ScheduledSettlement,
} from '../support/builders';
import { brokenInvariants } from '../support/invariants';
import { FakeSettlement } from './fake-settlement';
import { eventsOf, eventsWith, eventually, jobInput, startJob } from './harness';
import { useTimeSkippingServer } from './servers';
import { useRealWorkers } from './worker-bed';

const skipping = useTimeSkippingServer();

const real = useRealWorkers();
let bed: ActivityBed;
let client: Client;

beforeAll(() => {
  ({ bed, client } = real);
});

afterEach(async () => {
  expect(await brokenInvariants(bed)).toEqual([]);
  await bed.calm();
});

const giveBalance = (available: number) =>
  bed.sandbox.control('balance', { currency: 'usd', available });

/** Two winners of 1,000 and 1,001, each with an account. */
async function givenJob(): Promise<ScheduledSettlement> {
  const scheduled = await givenScheduledSettlement(bed.database, { winners: 2 });
  for (const { userId } of scheduled.transfers) {
    await insertUserStripeAccount(bed.database, { userId, stripeAccountId: newAccountId() });
  }
  return scheduled;
}

function start({ settlement }: ScheduledSettlement) {
  const { contestId, settlementId } = settlement;
  const contentHash = settlementContentHash(settlement);
  return startJob(client, { settlementId, contestId, contentHash });
}

const jobOf = ({ settlement }: ScheduledSettlement) =>
  findJobBySettlement(bed.database, settlement.settlementId);

async function untilWaiting(scheduled: ScheduledSettlement): Promise<void> {
  await eventually(async () => (await jobOf(scheduled))?.status === 'awaiting_funds');
}

const shownState = async ({ settlement }: ScheduledSettlement) =>
  (
    await client.workflow.getHandle(jobWorkflowId(settlement.settlementId)).describe()
  ).typedSearchAttributes.get(
    defineSearchAttributeKey(SEARCH_ATTRIBUTES.state.name, SearchAttributeType.KEYWORD),
  );

test('too little: nobody is sent or failed and it is shown; topped up and told, everybody is paid', async () => {
  await giveBalance(2_000);
  const scheduled = await givenJob();
  const handle = await start(scheduled);
  await untilWaiting(scheduled);
  await eventually(async () => (await shownState(scheduled)) === 'awaiting_funds');
  expect(await handle.query('progress')).toMatchObject({
    status: 'awaiting_funds',
    missing: { neededMinor: 2_001, availableMinor: 2_000 },
    counts: { pending: 2 },
  });
  await handle.signal(SIGNALS.changed);
  await eventually(async () => {
    const { fundsAskedAt, updatedAt } = (await jobOf(scheduled))!;
    return fundsAskedAt !== null && updatedAt >= fundsAskedAt;
  });
  expect((await bed.sandbox.oracle()).posts).toBe(0);
  await giveBalance(2_001);
  await handle.signal(SIGNALS.changed);
  expect(await handle.result()).toMatchObject({ outcome: 'paid', counts: { completed: 2 } });
  expect(await bed.rows('select from payout_controls')).toEqual([]);
  for (const transfer of scheduled.transfers) {
    expect(await bed.paidTimes(transfer)).toBe(1);
  }
});

test('money for one of two: the first is paid, the second waits for its own', async () => {
  await giveBalance(2_100);
  const [first, second] = [await givenJob(), await givenJob()];
  const late = await start(second);
  await untilWaiting(second);
  await (await start(first)).result();
  expect((await jobOf(second))?.status).toBe('awaiting_funds');
  await giveBalance(2_001);
  await late.signal(SIGNALS.changed);
  expect(await late.result()).toMatchObject({ outcome: 'paid' });
});

test('a balance that cannot be read stops nobody', async () => {
  await giveBalance(5_000);
  const scheduled = await givenJob();
  await bed.sandbox.control('faults', {
    match: { method: 'GET', path: '/v1/balance' },
    fault: { kind: 'status', status: 503 },
    times: 1_000,
  });
  expect(await (await start(scheduled)).result()).toMatchObject({ outcome: 'paid' });
});

test('topped up and not told, the job asks again by itself, rarer and rarer', async () => {
  const waitsMs = [60_000, 120_000, 3_600_000];
  let asks = 0;
  const settlement = new FakeSettlement('poor', { transfers: 3 });
  settlement.register(skipping.activities, (usual) => ({
    scheduleJob: async (input) => ({ ...(await usual.scheduleJob!(input)), fundsAreWanted: true }),
    checkFunds: () => {
      expect(settlement.with('pending')).toHaveLength(3);
      asks += 1;
      const askAgainInMs = waitsMs[asks - 1] ?? null;
      return Promise.resolve({ progress: settlement.progress(), askAgainInMs });
    },
  }));
  await startJob(skipping.client, jobInput('poor'));
  const result = await skipping.skippingClient.workflow.getHandle(jobWorkflowId('poor')).result();
  expect(result).toMatchObject({ counts: { completed: 3 } });
  expect(asks).toBe(4);
  const calls = skipping.activities.callsOf('poor');
  expect(calls.indexOf('readTransferPage')).toBeGreaterThan(calls.lastIndexOf('checkFunds'));
});

test('a pause that comes while the money is awaited holds the job when the money is there', async () => {
  await giveBalance(0);
  const scheduled = await givenJob();
  const handle = await start(scheduled);
  await untilWaiting(scheduled);
  await bed.rows(
    `insert into payout_controls (settlement_id, cause, owner) values ($1, 'operator', 'operator')`,
    [scheduled.settlement.settlementId],
  );
  await giveBalance(9_000);
  const answers = async () =>
    eventsWith(await eventsOf(client, handle.workflowId), 'activityTaskCompletedEventAttributes')
      .length;
  for (const signal of [SIGNALS.pause, SIGNALS.changed]) {
    const before = await answers();
    await handle.signal(signal);
    await eventually(async () => (await answers()) > before);
  }
  expect(await jobOf(scheduled)).toMatchObject({ status: 'awaiting_funds' });
  await bed.liftPauses();
  await handle.signal(SIGNALS.resume);
  expect(await handle.result()).toMatchObject({ outcome: 'paid' });
});

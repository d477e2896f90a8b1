/**
 * Goal: nobody is started before a settlement is approved and its hold is over; the job is woken or looks by itself.
 * Method: real workers, Postgres and sandbox for what is paid; a time-skipping server for the days of a hold.
 */
import type { Client } from '@temporalio/client';

import { cancelTransfer } from '../../src/activities/cancel-transfer';
import { approveSettlement, tellApproved } from '../../src/client/approval';
import { previewSettlement } from '../../src/client/preview';
import { findJobBySettlement } from '../../src/db/payout-jobs';
import { settlementContentHash } from '../../src/db/settlement-content-hash';
import { insertUserStripeAccount } from '../../src/db/user-stripe-accounts';
import { SIGNALS } from '../../src/domain/contracts';
import { jobWorkflowId } from '../../src/domain/ids';
import type { ActivityBed } from '../activities/activity-bed';
import {
  givenScheduledSettlement,
  NEEDS_APPROVAL,
  newAccountId,
  type ScheduledSettlement,
} from '../support/builders';
import { brokenInvariants } from '../support/invariants';
import { FakeSettlement } from './fake-settlement';
import { eventually, jobInput, startJob } from './harness';
import { useTimeSkippingServer } from './servers';
import { useRealWorkers } from './worker-bed';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const BY_BOB = { actor: 'bob', reason: 'looked at it' };

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

async function givenJob(
  terms: Parameters<typeof givenScheduledSettlement>[2],
): Promise<ScheduledSettlement> {
  const scheduled = await givenScheduledSettlement(bed.database, { winners: 2 }, terms);
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

async function untilWaiting({ settlement }: ScheduledSettlement): Promise<void> {
  await eventually(
    async () =>
      (await findJobBySettlement(bed.database, settlement.settlementId))?.status ===
      'awaiting_approval',
  );
}

async function approve({ settlement: { settlementId } }: ScheduledSettlement): Promise<void> {
  const { hash } = await previewSettlement(bed.database, settlementId);
  const order = { settlementId, hash };
  const ordering = { database: bed.database, operator: BY_BOB };
  expect(await approveSettlement(ordering, order)).toMatchObject({ result: 'approved' });
}

const postsOf = async () => (await bed.sandbox.oracle()).posts;

test('not approved: nobody is started, and it says what it waits for; approved and told, everybody is paid', async () => {
  const postsBefore = await postsOf();
  const scheduled = await givenJob(NEEDS_APPROVAL);
  const handle = await start(scheduled);
  await untilWaiting(scheduled);
  await handle.signal(SIGNALS.changed);
  expect(await handle.query('progress')).toMatchObject({
    status: 'awaiting_approval',
    gate: { isApprovalMissing: true, heldUntil: null },
    counts: { pending: 2 },
  });
  expect(await postsOf()).toBe(postsBefore);
  await approve(scheduled);
  await tellApproved({ client, database: bed.database }, scheduled.settlement.settlementId);
  expect(await handle.result()).toMatchObject({ status: 'complete', outcome: 'paid' });
});

test('approved while it is held: paid when the hold is over', async () => {
  const scheduled = await givenJob({ ...NEEDS_APPROVAL, holdMs: 48 * HOUR_MS });
  const handle = await start(scheduled);
  await untilWaiting(scheduled);
  await approve(scheduled);
  await handle.signal(SIGNALS.changed);
  await eventually(async () => {
    const progress = await handle.query<{ gate?: { isApprovalMissing: boolean } }>('progress');
    return progress.gate?.isApprovalMissing === false;
  });
  await bed.moveClocks({ hours: 49 });
  await handle.signal(SIGNALS.changed);
  expect(await handle.result()).toMatchObject({ outcome: 'paid' });
});

test('a settlement whose winners are all cancelled while it waits is complete', async () => {
  const scheduled = await givenJob(NEEDS_APPROVAL);
  const handle = await start(scheduled);
  await untilWaiting(scheduled);
  for (const { id, ...seen } of scheduled.transfers) {
    const order = {
      ...BY_BOB,
      transferId: id,
      seenStatus: seen.status,
      seenAttemptCount: seen.attemptCount,
      seenReason: seen.failureReason,
      seenUpdatedAtMs: seen.updatedAt.getTime(),
    };
    expect(await cancelTransfer(bed.database, order)).toBe('cancelled');
  }
  await handle.signal(SIGNALS.changed);
  expect(await handle.result()).toMatchObject({ status: 'complete', outcome: 'unpaid' });
});

test('told by nobody, the job looks by itself when the hold ends', async () => {
  const waitsMs = [HOUR_MS, 3 * DAY_MS];
  let looks = 0;
  const settlement = new FakeSettlement('held', { transfers: 3 });
  settlement.register(skipping.activities, (usual) => ({
    scheduleJob: async (input) => ({
      ...(await usual.scheduleJob!(input)),
      approvalIsWanted: true,
      fundsAreWanted: true,
    }),
    checkApproval: () => {
      expect(settlement.with('pending')).toHaveLength(3);
      looks += 1;
      const lookAgainInMs = waitsMs[looks - 1] ?? null;
      return Promise.resolve({ progress: settlement.progress(), lookAgainInMs });
    },
    checkFunds: () => Promise.resolve({ progress: settlement.progress(), askAgainInMs: null }),
  }));
  await startJob(skipping.client, jobInput('held'));
  const result = await skipping.skippingClient.workflow.getHandle(jobWorkflowId('held')).result();
  expect(result).toMatchObject({ counts: { completed: 3 } });
  expect(looks).toBe(3);
  const calls = skipping.activities.callsOf('held');
  expect(calls.indexOf('checkFunds')).toBeGreaterThan(calls.lastIndexOf('checkApproval'));
  expect(calls.indexOf('readTransferPage')).toBeGreaterThan(calls.indexOf('checkFunds'));
});

/**
 * Goal: "not in Stripe's list" becomes "not paid" only by two looks, long enough after the last send and apart (M5, M11).
 * Method: Postgres's clock is stopped at the moments around each limit; Stripe's list is real, and empty where wished.
 */
import type Stripe from 'stripe';

import { claimTransfer } from '../../src/activities/claim-transfer';
import { proveUnpaid } from '../../src/activities/conclude-claim';
import { reconcileTransfer } from '../../src/activities/reconcile-transfer';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { replaceUserStripeAccount } from '../../src/db/user-stripe-accounts';
import { givenTransfer, newAccountId } from '../support/builders';
import { givenPayable } from './activity-bed';
import { checkedBedOfFile } from './checked-bed';
import { givenLostSend, makeAtStripe, postsDuring } from './made-at-stripe';

const bed = checkedBedOfFile();

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const NEVER_ARRIVED = { kind: 'drop_before' };
const PROVEN = { status: 'retryable', failureReason: 'transient_not_found_at_stripe' };

/** From now on it is this time in Postgres, until the clocks are moved again; Stripe's clock goes along. */
async function stopClockAt(ms: number): Promise<void> {
  await bed.rows(
    `create or replace function payout_now() returns timestamptz language sql volatile
       return timestamptz '${new Date(ms).toISOString()}'`,
  );
  await bed.sandbox.control('clock', { nowMs: Math.ceil(ms) });
}

async function lastSentAt(transfer: PayoutTransfer): Promise<number> {
  return (await bed.attemptsOf(transfer)).at(-1)!.sentAt.getTime();
}

/** Unknown, and nothing was paid. */
async function givenUnpaidUnknown(): Promise<PayoutTransfer> {
  await bed.fault(NEVER_ARRIVED);
  const unknown = await bed.step(await givenPayable(bed));
  expect(unknown).toMatchObject({ status: 'unknown', notSeenSince: null });
  return unknown;
}

async function lookAt(transfer: PayoutTransfer, ms: number): Promise<PayoutTransfer> {
  await stopClockAt(ms);
  await bed.reconcile(transfer);
  return bed.rowOf(transfer);
}

test('a look that seems to come before the send, since the clock was set back, is no first look for ever', async () => {
  const unknown = await givenUnpaidUnknown();
  const sentAt = await lastSentAt(unknown);
  expect(await lookAt(unknown, sentAt - MINUTE_MS)).toMatchObject({ status: 'unknown' });
  const first = sentAt + DAY_MS;
  expect(await lookAt(unknown, first)).toMatchObject({
    status: 'unknown',
    notSeenSince: new Date(first),
  });
  expect(await lookAt(unknown, first + 10 * MINUTE_MS)).toMatchObject(PROVEN);
});

test('a look between two keys that seems to come before the end of the first is repeated, and not at once', async () => {
  await bed.fault({ kind: 'status', status: 400, code: 'balance_insufficient', saved: true });
  const blocked = await bed.step(await givenPayable(bed));
  expect(blocked).toMatchObject({ status: 'blocked' });
  await bed.liftPauses();
  const [generation] = await bed.generationsOf(blocked);
  const endedAt = generation!.closedAt!.getTime();
  const claim = { transferId: blocked.id, runId: 'run-1' };
  await stopClockAt(endedAt - MINUTE_MS);
  expect(await claimTransfer(bed.dependencies, claim)).toMatchObject({ next: 'reconcile' });
  expect(await bed.reconcile(blocked)).toMatchObject({ waitMs: null });
  expect(await claimTransfer(bed.dependencies, claim)).toMatchObject({ next: 'reconcile' });
  await stopClockAt(endedAt + MINUTE_MS);
  expect(await bed.reconcile(blocked)).toMatchObject({ waitMs: 0 });
  expect(await claimTransfer(bed.dependencies, claim)).toMatchObject({ next: 'send' });
});

/** Stripe, with something happening between its answer to a list and whoever asked for it. */
function stripeWhileListing(happen: () => Promise<unknown>): Stripe {
  const { stripe } = bed.dependencies;
  const list = async (params: Stripe.TransferListParams) => {
    const page = await stripe.transfers.list(params);
    await happen();
    return page;
  };
  const transfers = Object.assign(Object.create(stripe.transfers) as Stripe['transfers'], { list });
  return Object.assign(Object.create(stripe) as Stripe, { transfers });
}

async function reconcileWhile(
  transfer: PayoutTransfer,
  happen: () => Promise<unknown>,
): Promise<PayoutTransfer> {
  const dependencies = { ...bed.dependencies, stripe: stripeWhileListing(happen) };
  await reconcileTransfer(dependencies, { transferId: transfer.id, runId: 'run-1' });
  return bed.rowOf(transfer);
}

describe('two looks that find nothing', () => {
  test('prove it: ten minutes apart, the second a day after the last send, and not a moment before', async () => {
    const unknown = await givenUnpaidUnknown();
    const sentAt = await lastSentAt(unknown);
    const first = await lookAt(unknown, sentAt + HOUR_MS);
    expect(first).toMatchObject({
      status: 'unknown',
      notSeenSince: new Date(sentAt + HOUR_MS),
    });
    expect(await lookAt(unknown, sentAt + DAY_MS - 1)).toMatchObject({
      status: 'unknown',
      notSeenSince: first.notSeenSince,
    });
    expect(await lookAt(unknown, sentAt + DAY_MS)).toMatchObject(PROVEN);
  });

  test('9 minutes 59 seconds apart prove nothing, however late', async () => {
    const unknown = await givenUnpaidUnknown();
    const firstLookAt = (await lastSentAt(unknown)) + 3 * DAY_MS;
    expect(await lookAt(unknown, firstLookAt)).toMatchObject({ status: 'unknown' });
    const second = await lookAt(unknown, firstLookAt + 10 * MINUTE_MS - 1_000);
    expect(second).toMatchObject({ status: 'unknown' });
    expect(await lookAt(unknown, firstLookAt + 10 * MINUTE_MS)).toMatchObject(PROVEN);
  });

  test('end the old key in the transaction that says so; the next one pays, once', async () => {
    const unknown = await givenUnpaidUnknown();
    const sentAt = await lastSentAt(unknown);
    await lookAt(unknown, sentAt + HOUR_MS);
    await lookAt(unknown, sentAt + DAY_MS);
    expect(await bed.generationsOf(unknown)).toMatchObject([
      { generation: 1, closedReason: 'not_found_at_stripe' },
    ]);
    expect(await bed.attemptsOf(unknown)).toMatchObject([{ resolution: 'not_created' }]);
    expect(await bed.recordsOf(unknown)).toEqual([
      'refusal ledger:payout:<id>:1 unknown_connection_lost',
    ]);
    const written = await bed.rows<{ by: string }>(
      `select xmin::text as by from payout_transfers where id = $1
       union all select xmin::text from payout_generations where transfer_id = $1
       union all select xmin::text from payout_attempts where transfer_id = $1
       union all select xmin::text from ledger_transactions where transfer_id = $1`,
      [unknown.id],
    );
    expect(written).toHaveLength(4);
    expect(new Set(written.map(({ by }) => by)).size).toBe(1);
    expect(await bed.step(unknown)).toMatchObject({ status: 'completed', generation: 2 });
    expect(await bed.paidTimes(unknown)).toBe(1);
  });

  test('with a send between them do not count: the looks begin anew', async () => {
    const unknown = await givenUnpaidUnknown();
    const sentAt = await lastSentAt(unknown);
    await lookAt(unknown, sentAt + HOUR_MS);
    await bed.fault(NEVER_ARRIVED);
    await stopClockAt(sentAt + 2 * HOUR_MS);
    expect(await bed.step(unknown)).toMatchObject({ status: 'unknown', notSeenSince: null });
    expect(await lookAt(unknown, sentAt + DAY_MS + HOUR_MS)).toMatchObject({ status: 'unknown' });
    const late = sentAt + 2 * HOUR_MS + DAY_MS;
    expect(await lookAt(unknown, late - 1)).toMatchObject({ status: 'unknown' });
    expect(await lookAt(unknown, late)).toMatchObject(PROVEN);
  });

  test('settle nothing while the second of them is older than 5 minutes', async () => {
    const unknown = await givenUnpaidUnknown();
    const sentAt = await lastSentAt(unknown);
    await lookAt(unknown, sentAt + HOUR_MS);
    const secondLookAt = sentAt + DAY_MS;
    await stopClockAt(secondLookAt);
    expect(
      await reconcileWhile(unknown, () => stopClockAt(secondLookAt + 5 * MINUTE_MS)),
    ).toMatchObject({ status: 'unknown' });
    const thirdLookAt = secondLookAt + HOUR_MS;
    await stopClockAt(thirdLookAt);
    expect(
      await reconcileWhile(unknown, () => stopClockAt(thirdLookAt + 5 * MINUTE_MS - 1)),
    ).toMatchObject(PROVEN);
  });
});

describe('a payment that shows up', () => {
  test('at the look that would have proven its absence is adopted', async () => {
    const unknown = await givenUnpaidUnknown();
    const sentAt = await lastSentAt(unknown);
    await lookAt(unknown, sentAt + HOUR_MS);
    const stripeTransferId = await makeAtStripe(bed, unknown);
    const posts = await postsDuring(bed, async () => {
      expect(await lookAt(unknown, sentAt + DAY_MS)).toMatchObject({
        status: 'completed',
        stripeTransferId,
      });
    });
    expect(posts).toBe(0);
  });

  test('because Stripe completes a saved 500 twenty hours later is adopted', async () => {
    await bed.fault({ kind: 'commit_later', afterMs: 20 * HOUR_MS });
    const transfer = await givenPayable(bed);
    const claim = await bed.claimToSend(transfer);
    await bed.send(claim);
    await bed.send(claim);
    await bed.record(claim);
    const sentAt = await lastSentAt(transfer);
    for (const hours of [1, 12, 19]) {
      const seen = await lookAt(transfer, sentAt + hours * HOUR_MS);
      expect(seen).toMatchObject({ status: 'unknown' });
    }
    expect(await lookAt(transfer, sentAt + 21 * HOUR_MS)).toMatchObject({ status: 'completed' });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });
});

test('a list that was read while another send went out changes nothing', async () => {
  const unknown = await givenUnpaidUnknown();
  await bed.fault({ kind: 'drop_after' });
  const row = await reconcileWhile(unknown, () => bed.step(unknown));
  expect(row).toMatchObject({ status: 'unknown', attemptCount: 2, notSeenSince: null });
  expect(await bed.reconcile(unknown)).toMatchObject({ status: 'completed' });
  expect(await bed.paidTimes(unknown)).toBe(1);
});

test.each<[string, Readonly<Record<string, unknown>>]>([
  ['unknown_key_mismatch', { kind: 'status', status: 400, type: 'idempotency_error' }],
  ['unknown_unlisted_answer', { kind: 'status', status: 418, code: 'teapot' }],
])('%s never becomes a new key, however often nothing is found', async (reason, fault) => {
  await bed.fault(fault);
  const stopped = await bed.step(await givenPayable(bed));
  expect(stopped).toMatchObject({ status: 'unknown', failureReason: reason });
  const sentAt = await lastSentAt(stopped);
  for (const days of [0.1, 1, 2, 30]) {
    expect(await lookAt(stopped, sentAt + days * DAY_MS)).toMatchObject({
      status: 'unknown',
      failureReason: reason,
    });
    expect(await bed.claim(stopped)).toMatchObject({ next: 'reconcile' });
  }
  expect(await bed.generationsOf(stopped)).toMatchObject([{ generation: 1, closedAt: null }]);
  expect(await bed.paidTimes(stopped)).toBe(0);
});

describe('a run that has seen more than the row tells', () => {
  /** The run goes on after Postgres came back older. */
  async function claimHavingSeen(
    { id: transferId }: PayoutTransfer,
    seen: { readonly generation: number; readonly attemptCount: number },
  ) {
    return claimTransfer(bed.dependencies, { transferId, runId: 'run-1', seen });
  }

  const STATES: Readonly<Record<string, () => Promise<PayoutTransfer>>> = {
    pending: () => givenPayable(bed),
    retryable: async () => {
      await bed.fault({ kind: 'status', status: 429 });
      return bed.step(await givenPayable(bed));
    },
    blocked: async () => {
      const transfer = await givenTransfer(bed.database, {});
      await bed.claim(transfer);
      return bed.rowOf(transfer);
    },
  };

  test.each(Object.keys(STATES))('believes nothing of a %s row', async (status) => {
    const transfer = await STATES[status]!();
    expect(transfer).toMatchObject({ status });
    const { attemptCount, generation } = transfer;
    const seen = { generation, attemptCount: attemptCount + 1 };
    expect(await claimHavingSeen(transfer, seen)).toMatchObject({
      next: 'reconcile',
      view: { status: 'unknown', failureReason: 'unknown_records_older' },
    });
  });

  test('believes a row that tells as much', async () => {
    const transfer = await STATES['retryable']!();
    const seen = { generation: 1, attemptCount: 1 };
    expect(await claimHavingSeen(transfer, seen)).toMatchObject({ next: 'send' });
  });

  test('finds a payment to an account that no generation here names', async () => {
    const transfer = await STATES['retryable']!();
    const stripeAccountId = newAccountId();
    await replaceUserStripeAccount(bed.database, { ...transfer, stripeAccountId });
    const stripeTransferId = await givenLostSend(bed, transfer, `payout:${transfer.id}:g2`);
    await claimHavingSeen(transfer, { generation: 2, attemptCount: 2 });
    expect(await bed.reconcile(transfer)).toMatchObject({ status: 'completed', stripeTransferId });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('needs a day of looks where the row knows of no send at all', async () => {
    const transfer = await STATES['pending']!();
    await claimHavingSeen(transfer, { generation: 1, attemptCount: 1 });
    const start = Date.now() + MINUTE_MS;
    expect(await lookAt(transfer, start)).toMatchObject({ status: 'unknown' });
    expect(await lookAt(transfer, start + HOUR_MS)).toMatchObject({ status: 'unknown' });
    expect(await lookAt(transfer, start + DAY_MS - 1)).toMatchObject({
      status: 'unknown',
      failureReason: 'unknown_records_older',
    });
    expect(await lookAt(transfer, start + DAY_MS)).toMatchObject(PROVEN);
    expect(await bed.step(transfer)).toMatchObject({ status: 'completed', generation: 1 });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('needs that day too where the sends that the row knows are long past', async () => {
    const transfer = await STATES['retryable']!();
    const start = (await lastSentAt(transfer)) + 2 * DAY_MS;
    await stopClockAt(start - 1_000);
    await claimHavingSeen(transfer, { generation: 1, attemptCount: 2 });
    await lookAt(transfer, start);
    // A send of the lost hours may be one that Stripe completes later.
    expect(await lookAt(transfer, start + HOUR_MS)).toMatchObject({ status: 'unknown' });
    expect(await lookAt(transfer, start + DAY_MS)).toMatchObject(PROVEN);
  });

  test('forgets the looks of another past', async () => {
    const unknown = await givenUnpaidUnknown();
    const sentAt = await lastSentAt(unknown);
    await lookAt(unknown, sentAt + HOUR_MS);
    await bed.database.transaction((transaction) => proveUnpaid(transaction, unknown));
    expect(await lookAt(unknown, sentAt + 2 * HOUR_MS)).toMatchObject({ status: 'retryable' });
    await stopClockAt(sentAt + 3 * DAY_MS);
    await claimHavingSeen(unknown, { generation: 1, attemptCount: 2 });
    expect(await lookAt(unknown, sentAt + 3 * DAY_MS)).toMatchObject({ status: 'unknown' });
  });
});

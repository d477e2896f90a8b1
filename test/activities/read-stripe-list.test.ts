/**
 * Goal: before anything is sent, what Stripe has and the row has not is adopted or stops the settlement (M11).
 * Method: Stripe's list is made to hold what a restored database has lost, for rows in every state; then it is read.
 */
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import type { ListReading } from '../../src/domain/contracts';
import { claimTransfer } from '../../src/activities/claim-transfer';
import { lookAtPauses } from '../../src/activities/look-at-pauses';
import { readStatus } from '../../src/client/read-status';
import { statusText } from '../../src/client/show-status';
import { beginListReading, wantStripeList } from '../../src/db/payout-jobs';
import { STRIPE_LIST_TRIES_MAX } from '../../src/domain/limits';
import { until } from '../local/stripe-sandbox/support';
import { givenTransfer, newAccountId } from '../support/builders';
import { givenPayable, givenPayableSettlement } from './activity-bed';
import { checkedBedOfFile } from './checked-bed';
import { givenLostSend, makeAtStripe, pausesOf, postsDuring } from './made-at-stripe';

/** Postgres's code for text that it cannot hold. */
const INVALID_TEXT = '22021';

const bed = checkedBedOfFile();

const AMOUNT_REFUSED = { kind: 'status', status: 400, code: 'amount_too_small', saved: true };
const LOST = { kind: 'drop_after' };

/** A transfer in one of the unpaid states that nobody is working on. */
const UNPAID: Readonly<Record<string, () => Promise<PayoutTransfer>>> = {
  pending: () => givenPayable(bed),
  retryable: async () => {
    await bed.fault({ kind: 'status', status: 429 });
    return bed.step(await givenPayable(bed));
  },
  blocked: async () => {
    const account = newAccountId();
    await bed.account(account, 'inactive');
    const transfer = await bed.step(await givenTransfer(bed.database, { account }));
    await bed.account(account, 'active');
    return transfer;
  },
  failed_terminal: async () => {
    await bed.fault(AMOUNT_REFUSED);
    return bed.step(await givenPayable(bed));
  },
  cancelled: async () => {
    const transfer = await givenPayable(bed);
    await bed.rows(`update payout_transfers set status = 'cancelled' where id = $1`, [transfer.id]);
    return bed.rowOf(transfer);
  },
};

async function stampOf({ settlementId }: PayoutTransfer): Promise<number> {
  const [job] = await bed.rows<{ at: Date }>(
    'select stripe_list_read_at as at from payout_jobs where settlement_id = $1',
    [settlementId],
  );
  return job!.at.getTime();
}

describe('what Stripe paid and the row does not know is adopted', () => {
  test.each(Object.keys(UNPAID))('from %s, without a send', async (status) => {
    const transfer = await UNPAID[status]!();
    expect(transfer.status).toBe(status);
    // The generations that this row knows are closed: what paid it was sent later, and is lost.
    const stripeTransferId = await givenLostSend(bed, transfer, `payout:${transfer.id}:g2`);
    expect(await postsDuring(bed, () => bed.readList(transfer))).toBe(0);
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'completed', stripeTransferId });
    // A cancel that has taken effect was given on a proof that was wrong: a person has to know.
    const alarms = status === 'cancelled' ? [`settlement paid_after_cancel:${transfer.id}`] : [];
    expect(await pausesOf(bed, transfer)).toEqual(alarms);
    expect(await bed.claim(transfer)).toMatchObject({ next: 'rest' });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('from unknown: the outcome is learnt, and the lost send is settled', async () => {
    await bed.fault(LOST);
    const unknown = await bed.step(await givenPayable(bed));
    await bed.readList(unknown);
    expect(await bed.rowOf(unknown)).toMatchObject({ status: 'completed' });
    expect(await bed.attemptsOf(unknown)).toMatchObject([{ resolution: 'created' }]);
    expect(await bed.recordsOf(unknown)).toEqual(['payout ledger:payout:<id>:1']);
  });

  test('from processing, while the answer of that very send is on its way: the answer changes nothing', async () => {
    const transfer = await givenPayable(bed);
    const claim = await bed.claimToSend(transfer);
    await bed.fault({ kind: 'delay', afterMs: 300 });
    const sending = bed.send(claim);
    await until(async () => (await bed.paidTimes(transfer)) === 1);
    await bed.readList(transfer);
    const adopted = await bed.rowOf(transfer);
    expect(adopted).toMatchObject({ status: 'completed' });
    expect(await sending).toEqual({ stripeTransferId: adopted.stripeTransferId });
    expect(await bed.record(claim)).toMatchObject({ status: 'completed' });
    expect(await bed.recordsOf(transfer)).toEqual(['payout ledger:payout:<id>:1']);
    expect(await pausesOf(bed, transfer)).toEqual([]);
  });

  test('once, however often the list is read', async () => {
    const transfer = await givenPayable(bed);
    await givenLostSend(bed, transfer);
    await bed.readList(transfer);
    const adopted = await bed.rowOf(transfer);
    await bed.readList(transfer);
    expect(await bed.rowOf(transfer)).toEqual(adopted);
    expect(await bed.recordsOf(transfer)).toEqual(['payout ledger:payout:<id>:0']);
  });

  test('a payment that the row knows already changes nothing', async () => {
    const paid = await bed.step(await givenPayable(bed));
    await bed.readList(paid);
    expect(await bed.rowOf(paid)).toEqual(paid);
    expect(await bed.recordsOf(paid)).toEqual(['payout ledger:payout:<id>:1']);
    expect(await pausesOf(bed, paid)).toEqual([]);
  });
});

describe('what came back of a payment and the ledger does not know', () => {
  const reversalsOf = async (transfer: PayoutTransfer) =>
    (await bed.recordsOf(transfer)).filter((record) => record.startsWith('reversal'));

  test('is booked, once, also where a part of it was known', async () => {
    const paid = await bed.step(await givenPayable(bed));
    const { transfers } = bed.dependencies.stripe;
    await transfers.createReversal(paid.stripeTransferId!, { amount: 10 });
    await bed.readList(paid);
    expect(await bed.rowOf(paid)).toMatchObject({ status: 'completed', amountReversedMinor: 10 });
    await transfers.createReversal(paid.stripeTransferId!, { amount: 5 });
    await bed.readList(paid);
    await bed.readList(paid);
    expect(await bed.rowOf(paid)).toMatchObject({ status: 'completed', amountReversedMinor: 15 });
    expect(await reversalsOf(paid)).toHaveLength(2);
    expect(await pausesOf(bed, paid)).toEqual([]);
  });

  test('is waited for, explained, while the list of reversals does not show it', async () => {
    const paid = await bed.step(await givenPayable(bed));
    const { settlementId } = paid;
    const { transfers } = bed.dependencies.stripe;
    await transfers.createReversal(paid.stripeTransferId!, { amount: 10 });
    const empty = { object: 'list', data: [], has_more: false, url: '' };
    const list = jest.spyOn(transfers, 'listReversals').mockResolvedValue(empty as never);
    const stamp = await stampOf(paid);
    const tryNumber = STRIPE_LIST_TRIES_MAX;
    expect(await bed.readListPage({ settlementId, reading: {} }, { tryNumber })).toMatchObject({
      next: {},
      pause: { causes: ['stripe_list_unreadable'] },
    });
    expect(await stampOf(paid)).toBe(stamp);
    list.mockRestore();
    await bed.readList(paid);
    expect(await bed.rowOf(paid)).toMatchObject({ amountReversedMinor: 10 });
    expect(await pausesOf(bed, paid)).toEqual([]);
  });

  test('of a second payment is booked too', async () => {
    const paid = await bed.step(await givenPayable(bed));
    const second = await makeAtStripe(bed, paid, { amount: 77 });
    await bed.dependencies.stripe.transfers.createReversal(second, { amount: 7 });
    await bed.readList(paid);
    expect(await bed.rowOf(paid)).toMatchObject({ amountReversedMinor: 0 });
    expect(await reversalsOf(paid)).toHaveLength(1);
  });
});

describe('what does not fit stops the settlement for a person', () => {
  test.each<[string, string, (transfer: PayoutTransfer) => Promise<unknown>]>([
    [
      'another amount',
      'unknown_other_transfer',
      (transfer) => makeAtStripe(bed, transfer, { amount: transfer.amountMinor + 1 }),
    ],
    [
      'another account',
      'unknown_other_transfer',
      (transfer) => makeAtStripe(bed, transfer, { destination: newAccountId() }),
    ],
    [
      'a part that came back',
      'unknown_reversed_transfer',
      async (transfer) => {
        const id = await makeAtStripe(bed, transfer);
        await bed.dependencies.stripe.transfers.createReversal(id, { amount: 1 });
      },
    ],
  ])('%s', async (_what, reason, make) => {
    const transfer = await givenPayable(bed);
    await make(transfer);
    await bed.readList(transfer);
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'unknown', failureReason: reason });
    expect(await pausesOf(bed, transfer)).toEqual([
      `settlement stripe_list_mismatch:${transfer.id}`,
    ]);
    expect(await bed.claim(transfer)).toMatchObject({ next: 'reconcile' });
    expect(await bed.recordsOf(transfer)).toEqual([]);
  });

  test('two transfers for one debt', async () => {
    const transfer = await givenPayable(bed);
    await makeAtStripe(bed, transfer);
    await makeAtStripe(bed, transfer);
    await bed.readList(transfer);
    expect(await bed.rowOf(transfer)).toMatchObject({
      status: 'unknown',
      failureReason: 'unknown_second_transfer',
    });
    expect(await pausesOf(bed, transfer)).toEqual([
      `settlement duplicate_stripe_transfer:${transfer.id}`,
      `settlement stripe_list_mismatch:${transfer.id}`,
    ]);
  });

  test.each(Object.keys(UNPAID))('a mismatch found from %s is unknown', async (status) => {
    const transfer = await UNPAID[status]!();
    await makeAtStripe(bed, transfer, { amount: 7 });
    await bed.readList(transfer);
    expect(await bed.rowOf(transfer)).toMatchObject({
      status: 'unknown',
      failureReason: 'unknown_other_transfer',
    });
  });

  test('nobody else of the settlement is sent until a person has looked', async () => {
    const [doubtful, innocent] = await givenPayableSettlement(bed, { winners: 2 });
    await makeAtStripe(bed, doubtful!, { amount: 1 });
    await bed.readList(doubtful!);
    expect(await bed.claim(innocent!)).toMatchObject({
      next: 'rest',
      view: { failureReason: 'platform_paused' },
    });
    expect(await bed.paidTimes(innocent!)).toBe(0);
  });

  test('a second transfer for a paid debt is booked as overpaid, with what it moved, once', async () => {
    const paid = await bed.step(await givenPayable(bed));
    const second = await makeAtStripe(bed, paid, { amount: 77 });
    await bed.readList(paid);
    await bed.readList(paid);
    expect(await bed.rowOf(paid)).toEqual(paid);
    expect(await bed.recordsOf(paid)).toEqual([
      'payout ledger:payout:<id>:1',
      `overpaid ledger:overpaid:${second}`,
    ]);
    const entries = await bed.rows(
      `select account, amount_minor::int from ledger_entries
       join ledger_transactions as record on record.id = ledger_transaction_id
       where record.stripe_transfer_id = $1 order by amount_minor`,
      [second],
    );
    expect(entries).toEqual([
      { account: 'stripe_balance', amount_minor: -77 },
      { account: 'overpaid', amount_minor: 77 },
    ]);
    expect(await pausesOf(bed, paid)).toEqual([`settlement duplicate_stripe_transfer:${paid.id}`]);
  });

  test('a second transfer that came back whole has done no harm', async () => {
    const paid = await bed.step(await givenPayable(bed));
    const second = await makeAtStripe(bed, paid);
    await bed.dependencies.stripe.transfers.createReversal(second);
    await bed.readList(paid);
    expect(await bed.recordsOf(paid)).toHaveLength(1);
    expect(await pausesOf(bed, paid)).toEqual([]);
  });

  test.each([
    ['of no debt here', '00000000-0000-4000-8000-000000000000'],
    ['with an id that is none', 'a debt of last year'],
  ])('a transfer with our metadata %s', async (_what, payoutTransferId) => {
    const transfer = await givenPayable(bed);
    const metadata = { payout_transfer_id: payoutTransferId };
    const id = await makeAtStripe(bed, transfer, { metadata });
    await bed.readList(transfer);
    expect(await pausesOf(bed, transfer)).toEqual([`settlement unexpected_stripe_transfer:${id}`]);
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'pending' });
  });

  test('a transfer of another settlement’s debt in this group', async () => {
    const [here, elsewhere] = [await givenPayable(bed), await givenPayable(bed)];
    const metadata = { payout_transfer_id: elsewhere.id };
    const id = await makeAtStripe(bed, here, { metadata });
    await bed.readList(here);
    expect(await pausesOf(bed, here)).toEqual([`settlement unexpected_stripe_transfer:${id}`]);
    expect(await bed.rowOf(elsewhere)).toMatchObject({ status: 'pending' });
  });
});

describe('what is left alone', () => {
  test('entries of another installation', async () => {
    const transfer = await givenPayable(bed);
    await makeAtStripe(bed, transfer, { metadata: { installation_id: 'another' } });
    await bed.readList(transfer);
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'pending' });
    expect(await pausesOf(bed, transfer)).toEqual([]);
  });

  test('a row that is being sent and is not in the list', async () => {
    const transfer = await givenPayable(bed);
    const claim = await bed.claimToSend(transfer);
    const processing = await bed.rowOf(transfer);
    await bed.readList(transfer);
    expect(await bed.rowOf(transfer)).toEqual(processing);
    expect(await bed.send(claim)).toMatchObject({ stripeTransferId: expect.any(String) });
  });
});

describe('the reading', () => {
  test('goes over all pages: the oldest of more than a hundred transfers is found', async () => {
    const transfer = await givenPayable(bed);
    const stripeTransferId = await givenLostSend(bed, transfer);
    for (let count = 0; count < 100; count += 1) {
      await bed.sandbox.pay(`filler-${transfer.id}-${count.toString()}`, {
        transfer_group: `settlement:${transfer.settlementId}`,
      });
    }
    const { settlementId } = transfer;
    const stamp = await stampOf(transfer);
    const { next } = await bed.readListPage({ settlementId, reading: {} });
    expect(next).toMatchObject({ afterStripeTransferId: expect.any(String) });
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'pending' });
    expect(await stampOf(transfer)).toBe(stamp);
    const end = await bed.readListPage({ settlementId, reading: next! });
    expect(end).toEqual({ next: null });
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'completed', stripeTransferId });
  });

  test('is stamped with the time when it began, and counts once', async () => {
    const transfer = await givenPayable(bed);
    const { settlementId } = transfer;
    await bed.moveClocks({ hours: 3 });
    const reading = await beginListReading(bed.database, settlementId);
    await bed.moveClocks({ hours: 4 });
    expect(await bed.readListPage({ settlementId, reading })).toEqual({ next: null });
    expect(await stampOf(transfer)).toBe(reading.beganAtMs);
    const again = { ...reading, beganAtMs: reading.beganAtMs + 1_000 };
    expect(await bed.readListPage({ settlementId, reading: again })).toEqual({ next: {} });
    expect(await stampOf(transfer)).toBe(reading.beganAtMs);
  });

  test('that a restore falls into counts for nothing: its first pages were compared with rows that are gone', async () => {
    const transfer = await givenPayable(bed);
    const { payoutJobId, settlementId } = transfer;
    const paid = await givenLostSend(bed, transfer);
    await bed.moveClocks({ hours: 25 });
    await wantStripeList(bed.database, payoutJobId);
    // The page before this one held the payment, and the rows of that time knew it.
    const reading = {
      ...(await beginListReading(bed.database, settlementId)),
      afterStripeTransferId: paid,
    };
    await bed.rows('update payout_jobs set stripe_list_wanted_at = null where id = $1', [
      payoutJobId,
    ]);
    expect(await bed.readListPage({ settlementId, reading })).toEqual({ next: {} });
    expect(await bed.claim(transfer)).toMatchObject({ next: 'rest' });
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'completed' });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('whose wish nobody knows begins anew, at the first page', async () => {
    const transfer = await givenPayable(bed);
    const { settlementId } = transfer;
    const afterStripeTransferId = await givenLostSend(bed, transfer);
    const reading = { beganAtMs: Date.now(), afterStripeTransferId };
    expect(await bed.readListPage({ settlementId, reading })).toEqual({ next: null });
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'completed' });
  });

  test('takes back the wish for one', async () => {
    const transfer = await givenPayable(bed);
    await bed.moveClocks({ hours: 12 });
    expect(await bed.claim(transfer)).toMatchObject({ next: 'send' });
    expect(
      await bed.rows('select from payout_jobs where id = $1 and stripe_list_wanted_at is null', [
        transfer.payoutJobId,
      ]),
    ).toHaveLength(1);
  });

  test.each([
    [401, 'platform_key_rejected'],
    [403, 'platform_permission_missing'],
  ])('refused with %d: everything pauses, and the error goes on', async (status, cause) => {
    const transfer = await givenPayable(bed);
    const stamp = await stampOf(transfer);
    await bed.sandbox.control('faults', {
      match: { method: 'GET', path: '/v1/transfers' },
      fault: { kind: 'status', status },
    });
    await expect(bed.readList(transfer)).rejects.toMatchObject({ httpStatus: status });
    expect(await pausesOf(bed, transfer)).toEqual([`everything ${cause}`]);
    expect(await stampOf(transfer)).toBe(stamp);
  });

  test('that breaks off is no empty list: the error goes on, nothing is stamped or paused', async () => {
    const transfer = await givenPayable(bed);
    const stamp = await stampOf(transfer);
    await bed.sandbox.control('faults', {
      match: { method: 'GET', path: '/v1/transfers' },
      fault: { kind: 'truncate_after' },
    });
    await expect(bed.readList(transfer)).rejects.toMatchObject({ name: 'StripeUnreachableError' });
    expect(await stampOf(transfer)).toBe(stamp);
    expect(await pausesOf(bed, transfer)).toEqual([]);
  });
});

describe('a list that cannot be read, try after try', () => {
  const STOPPED = ['settlement stripe_list_unreadable'];

  const failReadings = (fault: object, times: number) =>
    bed.sandbox.control('faults', {
      match: { method: 'GET', path: '/v1/transfers' },
      fault,
      times,
    });

  async function lastTryOf({ settlementId }: PayoutTransfer, reading: ListReading = {}) {
    return bed.readListPage({ settlementId, reading }, { tryNumber: STRIPE_LIST_TRIES_MAX });
  }

  test.each<[string, object]>([
    ['a 503', { kind: 'status', status: 503 }],
    ['a 429', { kind: 'status', status: 429 }],
    ['a proxy’s page', { kind: 'html' }],
    ['half a list', { kind: 'truncate_after' }],
    ['a broken connection', { kind: 'drop_before' }],
    ['no answer', { kind: 'hang' }],
  ])(
    '%s: at the last try the settlement pauses, nothing is adopted or stamped',
    async (_, fault) => {
      const transfer = await givenPayable(bed);
      const { settlementId } = transfer;
      const stamp = await stampOf(transfer);
      await failReadings(fault, 2);
      const tryNumber = STRIPE_LIST_TRIES_MAX - 1;
      await expect(
        bed.readListPage({ settlementId, reading: {} }, { tryNumber }),
      ).rejects.toBeInstanceOf(Error);
      expect(await pausesOf(bed, transfer)).toEqual([]);
      expect(await lastTryOf(transfer)).toEqual({
        next: {},
        pause: { lookInMs: expect.any(Number), causes: ['stripe_list_unreadable'] },
      });
      expect(await pausesOf(bed, transfer)).toEqual(STOPPED);
      expect(await stampOf(transfer)).toBe(stamp);
    },
  );

  test('its winners wait explained, no attempt is used up, and `status` says why', async () => {
    const transfer = await givenPayable(bed);
    await wantStripeList(bed.database, transfer.payoutJobId);
    await failReadings({ kind: 'status', status: 503 }, 1);
    await lastTryOf(transfer);
    const { dependencies } = bed;
    await claimTransfer(dependencies, { transferId: transfer.id, runId: 'run-1' });
    const status = await readStatus(bed.database, transfer.settlementId);
    expect(status).toMatchObject({
      pauses: [{ scope: transfer.settlementId, cause: 'stripe_list_unreadable' }],
      transfers: [{ status: 'blocked', failureReason: 'platform_paused', attemptCount: 0 }],
    });
    expect(statusText(status)).toMatch(/paused: .*stripe_list_unreadable, since/);
    expect(statusText(status)).toContain('stripe_list_unreadable: Stripe’s list');
  });

  test('the first reading to its end lifts the pause, wakes who waited, and they are paid', async () => {
    const transfer = await givenPayable(bed);
    const { settlementId } = transfer;
    await failReadings({ kind: 'status', status: 500 }, 2);
    await lastTryOf(transfer);
    await lastTryOf(transfer);
    expect(await pausesOf(bed, transfer)).toEqual(STOPPED);
    const woken: string[] = [];
    const wake = (scope: string) => Promise.resolve(void woken.push(scope));
    await bed.readListPage({ settlementId, reading: {} }, { wake });
    expect(woken).toEqual([settlementId]);
    expect(await pausesOf(bed, transfer)).toEqual([]);
    await bed.readListPage({ settlementId, reading: {} }, { wake });
    expect(woken).toEqual([settlementId]);
    expect(await bed.step(transfer)).toMatchObject({ status: 'completed' });
  });

  test('no look of automation’s and no page before the last lifts it', async () => {
    const transfer = await givenPayable(bed);
    const { settlementId } = transfer;
    for (let count = 0; count < 100; count += 1) {
      await bed.sandbox.pay(`filler-${transfer.id}-${count.toString()}`, {
        transfer_group: `settlement:${settlementId}`,
      });
    }
    await givenLostSend(bed, transfer);
    await failReadings({ kind: 'status', status: 503 }, 1);
    await lastTryOf(transfer);
    await bed.moveClocks({ hours: 1 });
    await lookAtPauses(bed.dependencies, { settlementId }, () => Promise.resolve());
    expect(await pausesOf(bed, transfer)).toEqual(STOPPED);
    const { next } = await bed.readListPage({ settlementId, reading: {} });
    expect(next).toMatchObject({ afterStripeTransferId: expect.any(String) });
    expect(await pausesOf(bed, transfer)).toEqual(STOPPED);
    // A page in the middle that fails is where the next reading goes on.
    await failReadings({ kind: 'html' }, 1);
    expect(await lastTryOf(transfer, next!)).toMatchObject({ next });
    await bed.readListPage({ settlementId, reading: next! });
    expect(await pausesOf(bed, transfer)).toEqual([]);
  });

  test('other settlements go on', async () => {
    const [stopped, other] = [await givenPayable(bed), await givenPayable(bed)];
    await failReadings({ kind: 'status', status: 503 }, 1);
    await lastTryOf(stopped);
    expect(await bed.step(other)).toMatchObject({ status: 'completed' });
    expect(await bed.claim(stopped)).toMatchObject({ next: 'rest' });
  });

  test('where the database failed and not Stripe, Temporal tries again', async () => {
    const transfer = await givenPayable(bed);
    await expect(lastTryOf({ ...transfer, settlementId: 'x\0' })).rejects.toMatchObject({
      cause: { code: INVALID_TEXT },
    });
  });
});

describe('the end of a reading wakes who waited for it, and nobody else:', () => {
  /** A winner of this settlement who could not receive, and can. */
  async function givenFreed(): Promise<PayoutTransfer> {
    const freed = await UNPAID['blocked']!();
    await bed.rows(
      `update payout_jobs set stripe_list_read_at = stripe_list_read_at - interval '13 hours'`,
    );
    await bed.rows(`update user_stripe_accounts set readiness = 'ready'`);
    return freed;
  }

  async function wokenByReading({ settlementId }: PayoutTransfer): Promise<string[]> {
    const woken: string[] = [];
    await bed.readListPage(
      { settlementId, reading: {} },
      { wakeTransfers: (ids) => Promise.resolve(woken.push(...ids)) },
    );
    return woken;
  }

  const claimOnce = ({ id: transferId }: PayoutTransfer) =>
    claimTransfer(bed.dependencies, { transferId, runId: 'run-2' });

  test('a winner who has become ready, once', async () => {
    const transfer = await givenFreed();
    // Its own key is proven unpaid by a look of its own first.
    await bed.reconcile(transfer);
    expect(await claimOnce(transfer)).toMatchObject({ next: 'rest', tellJob: true });
    expect(await wokenByReading(transfer)).toEqual([transfer.id]);
    expect(await wokenByReading(transfer)).toEqual([]);
    expect(await claimOnce(transfer)).toMatchObject({ next: 'send' });
  });

  test('not those whom the job has not started yet', async () => {
    const transfer = await givenPayable(bed);
    await wantStripeList(bed.database, transfer.payoutJobId);
    expect(await wokenByReading(transfer)).toEqual([]);
  });

  test('whom an operator has freed', async () => {
    const transfer = await UNPAID['failed_terminal']!();
    await bed.rows(
      `update payout_transfers set status = 'retryable', failure_class = 'transient',
         failure_reason = 'transient_retried_by_operator' where id = $1`,
      [transfer.id],
    );
    expect(await wokenByReading(transfer)).toEqual([transfer.id]);
  });
});

/**
 * Goal: an event of Stripe's is a hint: whatever it says, what Stripe answers is done, once, however often, late or
 * out of order it is told; and what is none of ours changes nothing.
 * Method: events are kept as the webhook keeps them and processed as a gateway or a sweep does; the transfers, accounts
 * and balances that they are about are in the sandbox. "Nothing changed" compares every row about money.
 */
import { processStripeEvent, processStripeEvents } from '../../src/activities/process-stripe-event';
import { pauseByAutomation } from '../../src/db/payout-controls';
import { completeJobWhenTerminal } from '../../src/db/payout-jobs';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { findBrokenSeals } from '../../src/db/ledger-hash';
import { beginEventTries, storeStripeEvent, type NewStripeEvent } from '../../src/db/stripe-events';
import { transferIdOf } from '../../src/db/transfer-id';
import { EVENT_TRIES_OF_MISSING_MAX, EVENTS_AT_ONCE } from '../../src/domain/limits';
import { givenTransfer, newAccountId, newId } from '../support/builders';
import { givenPayable } from './activity-bed';
import { checkedBedOfFile } from './checked-bed';
import { makeAtStripe, pausesOf, postsDuring } from './made-at-stripe';
import { recordingClient, type RecordingClient } from './recording-client';

const bed = checkedBedOfFile();
let temporal: RecordingClient;

beforeEach(() => {
  temporal = recordingClient();
});

afterEach(async () => {
  await bed.rows('delete from stripe_events');
});

const dependencies = () => ({ ...bed.dependencies, client: temporal.client });

/** What the webhook keeps of an event. @returns its id */
async function kept(event: Pick<NewStripeEvent, 'type' | 'objectId'> & Partial<NewStripeEvent>) {
  const eventId = newId('evt').replace('-', '_');
  await storeStripeEvent(bed.database, {
    eventId,
    accountId: null,
    payoutTransferId: null,
    installationId: null,
    livemode: false,
    createdAt: new Date(),
    ...event,
  });
  return eventId;
}

/** An event about a transfer at Stripe that says it is this debt's. */
function keptOf(
  transfer: Pick<PayoutTransfer, 'id'>,
  stripeTransferId: string,
  type = 'transfer.created',
): Promise<string> {
  return kept({
    type,
    objectId: stripeTransferId,
    payoutTransferId: transfer.id,
    installationId: bed.platform.installationId,
  });
}

/** One try, now; a code of how it ended. */
async function resultOf(eventId: string): Promise<string | undefined> {
  const end = await processStripeEvent(dependencies(), eventId);
  return end && `${end.status} ${end.result}`;
}

async function eventRow(eventId: string) {
  const [row] = await bed.rows<{
    status: string;
    result: string | null;
    try_count: number;
    wait_s: number | null;
  }>(
    `select status, result, try_count, round(extract(epoch from next_try_at - payout_now()))::int as wait_s
     from stripe_events where event_id = $1`,
    [eventId],
  );
  return row!;
}

/** Every row that says something about money, pauses and accounts. */
async function moneyRows(): Promise<unknown[]> {
  const tables = [
    'payout_transfers',
    'payout_generations',
    'payout_attempts',
    'ledger_transactions',
    'ledger_entries',
    'payout_controls',
    'payout_jobs',
    'user_stripe_accounts',
  ];
  return Promise.all(
    tables.map((table) =>
      bed.rows(`select row_to_json(row)::text as row from ${table} as row order by 1`),
    ),
  );
}

async function expectNothingChanged(work: () => Promise<unknown>): Promise<void> {
  const before = await moneyRows();
  await work();
  expect(await moneyRows()).toEqual(before);
  expect(temporal.sent).toEqual([]);
}

function changedSignals({ id, settlementId }: PayoutTransfer): string[] {
  return [`changed transfer/${id}`, `changed payout-job/${settlementId}`];
}

/** A send whose answer was lost: Stripe paid, and nobody here knows. */
async function givenUnknown(): Promise<{ transfer: PayoutTransfer; stripeTransferId: string }> {
  const transfer = await givenPayable(bed);
  await bed.fault({ kind: 'drop_after' });
  expect((await bed.step(transfer)).status).toBe('unknown');
  return { transfer, stripeTransferId: await idAtStripe(transfer) };
}

async function idAtStripe({ id }: Pick<PayoutTransfer, 'id'>): Promise<string> {
  return (await bed.sandbox.oracle()).byPayoutTransferId[id]!.ids[0]!;
}

async function givenPaid(): Promise<{ transfer: PayoutTransfer; stripeTransferId: string }> {
  const transfer = await bed.step(await givenPayable(bed));
  expect(transfer.status).toBe('completed');
  return { transfer, stripeTransferId: transfer.stripeTransferId! };
}

const reverse = (stripeTransferId: string, amount: number) =>
  bed.dependencies.stripe.transfers.createReversal(stripeTransferId, { amount });

const failReads = (path: string, times = 1) =>
  bed.sandbox.control('faults', {
    match: { method: 'GET', path },
    fault: { kind: 'status', status: 500 },
    times,
  });

describe('a transfer was made', () => {
  test('an unknown outcome is resolved: paid, booked, its run and its job woken, and nothing is sent', async () => {
    const { stripeTransferId, transfer } = await givenUnknown();
    const event = await keptOf(transfer, stripeTransferId);
    expect(await postsDuring(bed, () => resultOf(event))).toBe(0);
    expect(await eventRow(event)).toMatchObject({ status: 'processed', result: 'adopted' });
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'completed', stripeTransferId });
    expect(await bed.recordsOf(transfer)).toEqual(['payout ledger:payout:<id>:1']);
    expect(temporal.sent).toEqual(changedSignals(transfer));
  });

  test('before the answer of its POST: paid at once, and the answer changes nothing more', async () => {
    const transfer = await givenPayable(bed);
    const claim = await bed.claimToSend(transfer);
    await bed.post(claim);
    const event = await keptOf(transfer, await idAtStripe(transfer));
    expect(await resultOf(event)).toBe('processed adopted_while_sending');
    // Its run is in the middle of a step and looks by itself; in a big settlement a signal each would be many.
    expect(temporal.sent).toEqual([]);
    expect(await bed.record(claim)).toMatchObject({ status: 'completed' });
    expect(await bed.paidTimes(transfer)).toBe(1);
    expect(await bed.recordsOf(transfer)).toEqual(['payout ledger:payout:<id>:1']);
  });

  test('one that is booked is known: Stripe is not asked and nothing changes', async () => {
    const { stripeTransferId, transfer } = await givenPaid();
    await failReads('/v1/transfers/*');
    await expectNothingChanged(async () => {
      expect(await resultOf(await keptOf(transfer, stripeTransferId))).toBe('processed known');
    });
  });

  test('a try that died between booking and waking is made good by the next one', async () => {
    const { stripeTransferId, transfer } = await givenUnknown();
    const event = await keptOf(transfer, stripeTransferId);
    const down = { workflow: { getHandle: () => ({ signal: () => Promise.reject(new Error()) }) } };
    const died = await processStripeEvent({ ...bed.dependencies, client: down as never }, event);
    expect(died).toEqual({ status: 'failed', result: 'Error' });
    expect((await bed.rowOf(transfer)).status).toBe('completed');
    await bed.moveClocks({ ms: 61_000 });
    expect(await resultOf(event)).toBe('processed known');
    expect(temporal.sent).toEqual(changedSignals(transfer));
  });

  test('a second one for a paid debt is booked as overpaid and stops the settlement', async () => {
    const { transfer } = await givenPaid();
    const second = await makeAtStripe(bed, transfer);
    expect(await resultOf(await keptOf(transfer, second))).toBe('processed was_paid');
    expect(await pausesOf(bed, transfer)).toEqual([
      `settlement duplicate_stripe_transfer:${transfer.id}`,
    ]);
    expect(await bed.recordsOf(transfer)).toEqual([
      'payout ledger:payout:<id>:1',
      `overpaid ledger:overpaid:${second}`,
    ]);
  });

  test('one that differs from what was sent stops for a person, and further events leave it to the person', async () => {
    const transfer = await givenPayable(bed);
    const other = await makeAtStripe(bed, transfer, { amount: transfer.amountMinor + 1 });
    expect(await resultOf(await keptOf(transfer, other))).toBe('processed stopped');
    expect(await bed.rowOf(transfer)).toMatchObject({
      status: 'unknown',
      failureReason: 'unknown_other_transfer',
    });
    expect(await pausesOf(bed, transfer)).toEqual([
      `settlement stripe_list_mismatch:${transfer.id}`,
    ]);
    const equal = await makeAtStripe(bed, transfer);
    temporal = recordingClient();
    expect(await resultOf(await keptOf(transfer, equal))).toBe('processed stopped_before');
    expect((await bed.rowOf(transfer)).status).toBe('unknown');
  });

  test('one of our installation for a debt that is not recorded stops its settlement', async () => {
    const transfer = await givenPayable(bed);
    const lost = {
      id: transferIdOf({ installationId: 'test', contestId: 'c', userId: 'u', award: 'a' }),
    };
    const made = await makeAtStripe(bed, transfer, { metadata: { payout_transfer_id: lost.id } });
    expect(await resultOf(await keptOf(lost, made))).toBe('ignored unexpected_transfer');
    expect(await pausesOf(bed, transfer)).toEqual([
      `settlement unexpected_stripe_transfer:${made}`,
    ]);
    expect((await bed.rowOf(transfer)).status).toBe('pending');
  });

  test('one of ours for a settlement that is not recorded here changes nothing', async () => {
    const made = await bed.dependencies.stripe.transfers.create({
      amount: 5,
      currency: 'usd',
      destination: newAccountId(),
      transfer_group: 'settlement:forgotten',
      metadata: { installation_id: 'test', payout_transfer_id: newId('x') },
    });
    await expectNothingChanged(async () => {
      const event = await kept({
        type: 'transfer.created',
        objectId: made.id,
        installationId: 'test',
      });
      expect(await resultOf(event)).toBe('ignored unknown_settlement');
    });
  });

  test.each([
    ['another installation', { installationId: 'another' }, 'ignored other_installation'],
    ['nobody of ours', { installationId: null }, 'ignored not_ours'],
    ['a connected account', { accountId: 'acct_connected' }, 'ignored of_connected_account'],
  ])('one of %s changes nothing, and Stripe is not asked', async (_whose, change, result) => {
    const transfer = await givenPayable(bed);
    const made = await makeAtStripe(bed, transfer);
    await failReads('/v1/transfers/*');
    await expectNothingChanged(async () => {
      const event = await kept({
        type: 'transfer.created',
        objectId: made,
        payoutTransferId: transfer.id,
        installationId: 'test',
        ...change,
      });
      expect(await resultOf(event)).toBe(result);
    });
  });

  test('whose it is says Stripe and not the event', async () => {
    const transfer = await givenPayable(bed);
    const made = await makeAtStripe(bed, transfer, { metadata: { installation_id: 'another' } });
    await expectNothingChanged(async () => {
      expect(await resultOf(await keptOf(transfer, made))).toBe('ignored other_installation');
    });
  });

  test('one that Stripe does not find is asked for again, and in the end taken for none', async () => {
    const transfer = await givenPayable(bed);
    await expectNothingChanged(async () => {
      const event = await keptOf(transfer, 'tr_neverMade');
      let ms = 0;
      for (let tries = 1; tries < EVENT_TRIES_OF_MISSING_MAX; tries += 1) {
        expect(await resultOf(event)).toBe('failed TransferNotFoundError');
        ms += 3_700_000;
        await bed.moveClocks({ ms });
      }
      expect(await resultOf(event)).toBe('ignored no_such_transfer');
    });
  });
});

describe('a transfer was reversed', () => {
  test('two parts, each told three times and in two events at once, are booked once each; it stays paid', async () => {
    const { stripeTransferId, transfer } = await givenPaid();
    expect(await completeJobWhenTerminal(bed.database, transfer.payoutJobId)).toBe(true);
    const part = await reverse(stripeTransferId, 300);
    const early = [1, 2, 3].map(() => keptOf(transfer, stripeTransferId, 'transfer.reversed'));
    await Promise.all((await Promise.all(early)).map(resultOf));
    expect((await bed.rowOf(transfer)).amountReversedMinor).toBe(300);
    const rest = await reverse(stripeTransferId, transfer.amountMinor - 300);
    const late = [1, 2, 3].map(() => keptOf(transfer, stripeTransferId, 'transfer.updated'));
    await Promise.all((await Promise.all(late)).map(resultOf));
    expect(await bed.rowOf(transfer)).toMatchObject({
      status: 'completed',
      amountReversedMinor: transfer.amountMinor,
    });
    expect(await bed.recordsOf(transfer)).toEqual([
      'payout ledger:payout:<id>:1',
      `reversal ledger:reversal:${part.id}`,
      `reversal ledger:reversal:${rest.id}`,
    ]);
    const [job] = await bed.rows('select status from payout_jobs where id = $1', [
      transfer.payoutJobId,
    ]);
    expect(job).toEqual({ status: 'complete' });
    expect(await findBrokenSeals(bed.database, transfer.settlementId)).toEqual([]);
    expect(await pausesOf(bed, transfer)).toEqual([]);
    await expectNothingChanged(async () => {
      const again = await keptOf(transfer, stripeTransferId, 'transfer.reversed');
      expect(await resultOf(again)).toBe('processed reversals_known');
    });
  });

  test('more of them than one page of Stripe’s list holds', async () => {
    const { stripeTransferId, transfer } = await givenPaid();
    for (let part = 0; part < 101; part += 1) {
      await reverse(stripeTransferId, 1);
    }
    const event = await keptOf(transfer, stripeTransferId, 'transfer.reversed');
    expect(await resultOf(event)).toBe('processed reversal_booked');
    expect((await bed.rowOf(transfer)).amountReversedMinor).toBe(101);
  });

  test('told before its payment is known: it stops for a person, as reconciliation says', async () => {
    const { stripeTransferId, transfer } = await givenUnknown();
    await reverse(stripeTransferId, 1);
    const event = await keptOf(transfer, stripeTransferId, 'transfer.reversed');
    expect(await resultOf(event)).toBe('processed stopped');
    expect(await bed.rowOf(transfer)).toMatchObject({
      status: 'unknown',
      failureReason: 'unknown_reversed_transfer',
      amountReversedMinor: 0,
    });
  });

  test('what came back of a second transfer is booked under its id; the row tells only of its own', async () => {
    const { transfer } = await givenPaid();
    const second = await makeAtStripe(bed, transfer);
    await resultOf(await keptOf(transfer, second));
    const { id } = await reverse(second, transfer.amountMinor);
    const event = await keptOf(transfer, second, 'transfer.reversed');
    expect(await resultOf(event)).toBe('processed reversal_booked');
    expect(await bed.recordsOf(transfer)).toContain(`reversal ledger:reversal:${id}`);
    expect((await bed.rowOf(transfer)).amountReversedMinor).toBe(0);
  });

  test('of a second transfer that is learnt only now, after a part of it came back', async () => {
    const { transfer } = await givenPaid();
    const second = await makeAtStripe(bed, transfer);
    const { id } = await reverse(second, 1);
    expect(await resultOf(await keptOf(transfer, second, 'transfer.reversed'))).toBe(
      'processed was_paid',
    );
    expect((await bed.recordsOf(transfer)).slice(1)).toEqual([
      `overpaid ledger:overpaid:${second}`,
      `reversal ledger:reversal:${id}`,
    ]);
  });

  test('one in the ledger that Stripe does not have is an alarm, and nothing is booked', async () => {
    const { stripeTransferId, transfer } = await givenPaid();
    await bed.inTransaction(
      `insert into ledger_transactions (idempotency_key, kind, settlement_id, transfer_id, stripe_transfer_id)
       values ('ledger:reversal:trr_invented', 'reversal', '${transfer.settlementId}', '${transfer.id}', '${stripeTransferId}')`,
      `insert into ledger_entries (ledger_transaction_id, account, amount_minor, currency)
       select currval('ledger_transactions_id_seq'), account, minor, 'usd'
       from (values ('stripe_balance', 2), ('reversed_prizes', -2)) as entry (account, minor)`,
      `update payout_transfers set amount_reversed = 2 where id = '${transfer.id}'`,
    );
    await reverse(stripeTransferId, 1);
    const records = await bed.recordsOf(transfer);
    const event = await keptOf(transfer, stripeTransferId, 'transfer.reversed');
    expect(await resultOf(event)).toBe('processed reversal_not_at_stripe');
    expect(await pausesOf(bed, transfer)).toEqual([
      `settlement reversal_not_at_stripe:${stripeTransferId}`,
    ]);
    expect(await bed.recordsOf(transfer)).toEqual(records);
  });
});

describe('an account has changed', () => {
  async function givenUnready(): Promise<{ transfer: PayoutTransfer; account: string }> {
    const account = newAccountId();
    await bed.account(account, 'inactive');
    const transfer = await bed.step(await givenTransfer(bed.database, { account }));
    expect(transfer.failureReason).toBe('payee_capability_inactive');
    return { transfer, account };
  }

  async function readinessOf({ userId }: PayoutTransfer): Promise<string | undefined> {
    const [row] = await bed.rows<{ readiness: string }>(
      'select readiness from user_stripe_accounts where user_id = $1',
      [userId],
    );
    return row?.readiness;
  }

  test.each([
    ['account.updated', (account: string) => ({ objectId: account, accountId: account })],
    ['capability.updated', (account: string) => ({ objectId: 'transfers', accountId: account })],
    [
      'account.application.authorized',
      (account: string) => ({ objectId: 'ca_1', accountId: account }),
    ],
  ])('%s: who waited for it is woken at once and paid', async (type, about) => {
    const { account, transfer } = await givenUnready();
    await bed.account(account, 'active');
    expect(await resultOf(await kept({ type, ...about(account) }))).toBe('processed account_ready');
    expect(temporal.sent).toEqual([
      `payeeReady transfer/${transfer.id}`,
      `changed payout-job/${transfer.settlementId}`,
    ]);
    expect((await bed.step(transfer)).status).toBe('completed');
  });

  test('one that is still not ready wakes nobody, and its next question keeps its time', async () => {
    const { account } = await givenUnready();
    await expectNothingChanged(async () => {
      const event = await kept({ type: 'account.updated', objectId: account, accountId: account });
      expect(await resultOf(event)).toBe('processed account_not_ready');
    });
  });

  test.each([
    ['capability.updated', 'inactive'],
    ['account.application.deauthorized', 'deauthorised'],
  ])('%s of one that was ready: it is noted as not ready', async (type, state) => {
    const { transfer } = await givenPaid();
    const account = (await bed.generationsOf(transfer))[0]!.destination;
    await bed.account(account, state);
    const event = await kept({ type, objectId: 'x', accountId: account });
    expect(await resultOf(event)).toBe('processed account_not_ready');
    expect(await readinessOf(transfer)).toBe('not_ready');
    expect(temporal.sent).toEqual([]);
  });

  test('one that nobody here is paid to changes nothing, and Stripe is not asked', async () => {
    await failReads('/v1/accounts/*');
    await expectNothingChanged(async () => {
      const event = await kept({ type: 'account.updated', objectId: 'acct_stranger' });
      expect(await resultOf(event)).toBe('ignored unknown_account');
    });
  });

  test('while Stripe fails it waits, each time longer; afterwards it is processed', async () => {
    const { account, transfer } = await givenUnready();
    await bed.account(account, 'active');
    await failReads('/v1/accounts/*', 2);
    const event = await kept({ type: 'account.updated', objectId: account, accountId: account });
    await expectNothingChanged(async () => {
      expect(await resultOf(event)).toBe('failed stripe_500');
    });
    expect(await eventRow(event)).toMatchObject({
      status: 'received',
      result: 'stripe_500',
      try_count: 1,
    });
    expect((await eventRow(event)).wait_s).toBeLessThanOrEqual(60);
    expect(await resultOf(event)).toBeUndefined();
    await bed.moveClocks({ ms: 61_000 });
    expect(await resultOf(event)).toBe('failed stripe_500');
    expect((await eventRow(event)).wait_s).toBeGreaterThan(100);
    await bed.moveClocks({ ms: 61_000 + 121_000 });
    expect(await processStripeEvents(dependencies(), { eventsMax: 10 })).toEqual({
      processed: 1,
      ignored: 0,
      failed: 0,
    });
    expect(await readinessOf(transfer)).toBe('ready');
  });
});

describe('the balance has grown', () => {
  const NEEDED = { amountMinor: 500, currency: 'usd' };
  const setBalance = (available: number) =>
    bed.sandbox.control('balance', { currency: 'usd', available });

  afterEach(() => setBalance(1_000_000));

  async function pausedForFunds(): Promise<PayoutTransfer> {
    const transfer = await givenPayable(bed);
    await pauseByAutomation(bed.database, {
      settlementId: transfer.settlementId,
      cause: 'platform_balance_insufficient',
      isLiftedByItself: true,
      needed: NEEDED,
    });
    return transfer;
  }

  const balanceEvent = () => kept({ type: 'balance.available', objectId: 'balance' });

  test('pauses for funds are lifted long before their next look, and those who waited are woken', async () => {
    const transfer = await pausedForFunds();
    await bed.claim(transfer);
    expect((await bed.rowOf(transfer)).failureReason).toBe('platform_paused');
    await setBalance(500);
    expect(await resultOf(await balanceEvent())).toBe('processed funds_looked_at');
    expect(await pausesOf(bed, transfer)).toEqual([]);
    expect(temporal.sent).toEqual([
      `resume payout-job/${transfer.settlementId}`,
      `resume transfer/${transfer.id}`,
    ]);
  });

  test('not enough of it lifts nothing', async () => {
    await pausedForFunds();
    await setBalance(499);
    await expectNothingChanged(async () => {
      expect(await resultOf(await balanceEvent())).toBe('processed funds_looked_at');
    });
  });

  test('jobs that wait for funds look themselves', async () => {
    const { payoutJobId, settlementId } = await givenPayable(bed);
    await bed.rows(`update payout_jobs set status = 'awaiting_funds' where id = $1`, [payoutJobId]);
    expect(await resultOf(await balanceEvent())).toBe('processed funds_looked_at');
    expect(temporal.sent).toEqual([`changed payout-job/${settlementId}`]);
    await bed.rows(`update payout_jobs set status = 'processing' where id = $1`, [payoutJobId]);
  });

  test('nobody waits for it, or it is a connected account’s: Stripe is not asked', async () => {
    await failReads('/v1/balance');
    await expectNothingChanged(async () => {
      expect(await resultOf(await balanceEvent())).toBe('processed nobody_waits');
      const connected = { type: 'balance.available', objectId: 'balance', accountId: 'acct_x' };
      expect(await resultOf(await kept(connected))).toBe('ignored of_connected_account');
    });
  });
});

describe('turns', () => {
  test('of two who process at once each event is processed by one', async () => {
    const events = await Promise.all(
      Array.from({ length: 3 * EVENTS_AT_ONCE }, () =>
        kept({ type: 'payout.paid', objectId: 'po_1' }),
      ),
    );
    const both = await Promise.all(
      [1, 2].map(() => processStripeEvents(dependencies(), { eventsMax: 100 })),
    );
    expect(both.map(({ ignored }) => ignored).reduce((sum, count) => sum + count)).toBe(
      events.length,
    );
    expect(await eventRow(events[0]!)).toEqual({
      status: 'ignored',
      result: 'of_no_interest',
      try_count: 1,
      wait_s: null,
    });
  });

  test('no more are taken than were asked for', async () => {
    await Promise.all([1, 2, 3].map(() => kept({ type: 'payout.paid', objectId: 'po_1' })));
    const counts = await processStripeEvents(dependencies(), { eventsMax: 2 });
    expect(counts).toEqual({ processed: 0, ignored: 2, failed: 0 });
  });

  test('and no more either where Postgres reads the waiting ones again for every row', async () => {
    await Promise.all([1, 2, 3].map(() => kept({ type: 'payout.paid', objectId: 'po_1' })));
    const taken = await bed.database.transaction(async (transaction) => {
      for (const way of ['hashjoin', 'mergejoin', 'hashagg', 'sort', 'material', 'memoize']) {
        await transaction.execute(`set local enable_${way} = off`);
      }
      return beginEventTries(transaction, { eventsMax: 2 });
    });
    expect(taken).toHaveLength(2);
  });

  test('a process that dies with a turn gives it back by time: a minute, then ever longer, at most an hour', async () => {
    const event = await kept({ type: 'payout.paid', objectId: 'po_1' });
    const waits: number[] = [];
    let ms = 0;
    for (let died = 0; died < 8; died += 1) {
      expect(await beginEventTries(bed.database, { eventsMax: 1 })).toHaveLength(1);
      expect(await resultOf(event)).toBeUndefined();
      const { wait_s: waitS } = await eventRow(event);
      waits.push(Math.round((waitS ?? 0) / 60));
      ms += (waitS ?? 0) * 1_000 + 1_000;
      await bed.moveClocks({ ms });
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
    expect(await resultOf(event)).toBe('ignored of_no_interest');
  });
});

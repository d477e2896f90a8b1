/**
 * Goal: an order to take money back is carried out once, whatever dies, is lost, is doubled or comes from elsewhere, and
 * the ledger has what came back at Stripe; what may not be reversed is refused and changes nothing.
 * Method: real Postgres, the real SDK and the sandbox; a process that dies is a step that is not taken. After each test
 * every statement about money is asked.
 */
import { processStripeEvent } from '../../src/activities/process-stripe-event';
import { resolveReversal } from '../../src/activities/resolve-reversal';
import { readWhy } from '../../src/client/explain';
import { pauseByOperator } from '../../src/db/operator-pauses';
import { pauseByAutomation } from '../../src/db/payout-controls';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { storeStripeEvent } from '../../src/db/stripe-events';
import { DAY_MS } from '../../src/domain/durations';
import { REASONS, type ReasonCode } from '../../src/domain/reasons';
import { sendReversal } from '../../src/stripe/reversals';
import { newId } from '../support/builders';
import { givenPayable } from './activity-bed';
import { checkedBedOfFile } from './checked-bed';
import { makeAtStripe, pausesOf, postsDuring } from './made-at-stripe';
import { recordingClient } from './recording-client';
import { givenPaid, OPERATOR, reversalBed, type ReversalBed } from './reversal-bed';

const TERMS = { payeeWaitMs: 30 * DAY_MS };

const bed = checkedBedOfFile();
let reversals: ReversalBed;

beforeAll(() => {
  reversals = reversalBed(bed);
});

/** What came back, three times: at Stripe, in the row, in the ledger. */
async function cameBack(transfer: PayoutTransfer) {
  const { amountReversedMinor } = await bed.rowOf(transfer);
  return [
    await reversals.reversedAtStripe(transfer),
    amountReversedMinor,
    (await reversals.postingsOf(transfer)).reduce((sum, amount) => sum + amount, 0),
  ];
}

/** Everything about money that a refused order could have changed. */
function moneyRows() {
  return bed.rows(
    `select 'transfer' as what, id::text, status, amount_reversed::text as more from payout_transfers
     union all select 'reversal', id::text, status, attempt_count::text from payout_reversals
     union all select 'action', id::text, action, actor from operator_actions
     union all select 'ledger', id::text, kind, idempotency_key from ledger_transactions order by 1, 2`,
  );
}

/** What a webhook of Stripe's leads to. @returns what was done about it */
async function tellOf(
  type: 'transfer.created' | 'transfer.reversed',
  { id, stripeTransferId }: Pick<PayoutTransfer, 'id' | 'stripeTransferId'>,
): Promise<string | undefined> {
  const eventId = newId('evt').replace('-', '_');
  await storeStripeEvent(bed.database, {
    eventId,
    type,
    objectId: stripeTransferId!,
    accountId: null,
    payoutTransferId: id,
    installationId: bed.platform.installationId,
    livemode: false,
    createdAt: new Date(),
  });
  const { client } = recordingClient();
  return (await processStripeEvent({ ...bed.dependencies, client }, eventId))?.result;
}

/** The winner's available balance at Stripe. */
async function winnerHas(transfer: PayoutTransfer, available: number): Promise<void> {
  const [generation] = await bed.generationsOf(transfer);
  await bed.sandbox.control('balance', {
    account: generation!.destination,
    currency: transfer.currency,
    available,
  });
}

describe('an order', () => {
  test('brings all back that is left, and the payment stays paid', async () => {
    const transfer = await givenPaid(bed);
    const reversal = await reversals.ordered({ transferId: transfer.id });
    expect(reversal).toMatchObject({
      amountMinor: 1_000,
      reversedBeforeMinor: 0,
      idempotencyKey: `reversal:${reversal.id}`,
      requestedBy: OPERATOR.actor,
      metadata: {
        payout_reversal_id: reversal.id,
        payout_transfer_id: transfer.id,
        settlement_id: transfer.settlementId,
        installation_id: bed.platform.installationId,
      },
    });
    const ended = await reversals.drive(reversal);
    expect(ended).toMatchObject({ status: 'completed', attemptCount: 1 });
    expect(ended.stripeReversalId).toMatch(/^trr_/);
    expect(await cameBack(transfer)).toEqual([1_000, 1_000, 1_000]);
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'completed' });
    const [action] = await bed.rows(
      `select action, actor, reason, subject ->> 'reversalId' as of from operator_actions order by id desc limit 1`,
    );
    expect(action).toEqual({ action: 'reverse', ...OPERATOR, of: reversal.id });
  });

  test('two parts are two orders with two keys', async () => {
    const transfer = await givenPaid(bed);
    const first = await reversals.ordered({ transferId: transfer.id, amountMinor: 300 });
    await reversals.drive(first);
    const second = await reversals.ordered({ transferId: transfer.id, amountMinor: 200 });
    await reversals.drive(second);
    expect(await reversals.postingsOf(transfer)).toEqual([300, 200]);
    expect(await cameBack(transfer)).toEqual([500, 500, 500]);
    expect(second).toMatchObject({ reversedBeforeMinor: 300 });
  });

  test('of a debt that was paid twice the second payment can be named', async () => {
    const transfer = await givenPaid(bed);
    const secondId = await makeAtStripe(bed, transfer);
    await tellOf('transfer.created', { ...transfer, stripeTransferId: secondId });
    const reversal = await reversals.ordered({
      transferId: transfer.id,
      stripeTransferId: secondId,
    });
    expect(await reversals.drive(reversal)).toMatchObject({
      status: 'completed',
      stripeTransferId: secondId,
    });
    expect(await reversals.postingsOf(transfer)).toEqual([1_000]);
    expect(await bed.rowOf(transfer)).toMatchObject({ amountReversedMinor: 0 });
  });
});

describe('what may not be reversed is refused, and nothing changed', () => {
  const refusedWith = async (code: string, order: Parameters<ReversalBed['order']>[0]) => {
    const before = await moneyRows();
    const posts = await postsDuring(bed, async () => {
      expect(await reversals.order(order)).toMatchObject({ is: 'refused', code });
    });
    expect(posts).toBe(0);
    expect(await moneyRows()).toEqual(before);
  };

  test('an unpaid transfer', async () => {
    const { id } = await givenPayable(bed);
    await refusedWith('not_paid', { transferId: id });
  });

  test('an amount above the payment, and above what is left of it', async () => {
    const { id } = await givenPaid(bed);
    await refusedWith('amount_above_what_is_left', { transferId: id, amountMinor: 1_001 });
    await reversals.drive(await reversals.ordered({ transferId: id, amountMinor: 400 }));
    await refusedWith('amount_above_what_is_left', { transferId: id, amountMinor: 601 });
    await reversals.drive(await reversals.ordered({ transferId: id, amountMinor: 600 }));
    await refusedWith('nothing_left', { transferId: id });
    await refusedWith('nothing_left', { transferId: id, amountMinor: 1 });
  });

  test.each([0, -1, 0.5])('an amount of %s', async (amountMinor) => {
    const { id } = await givenPaid(bed);
    await refusedWith('amount_not_in_whole_units', { transferId: id, amountMinor });
  });

  test('a transfer of another settlement than was named', async () => {
    const { id, settlementId } = await givenPaid(bed);
    const other = await givenPaid(bed);
    const order = { transferId: id, settlementId: other.settlementId };
    await refusedWith('other_settlement', order);
    expect(await reversals.order({ transferId: id, settlementId })).toMatchObject({
      is: 'ordered',
    });
  });

  test('a Stripe transfer that is another payment, or none', async () => {
    const { id } = await givenPaid(bed);
    const { stripeTransferId } = await givenPaid(bed);
    for (const other of [stripeTransferId!, 'tr_none']) {
      await refusedWith('other_stripe_transfer', { transferId: id, stripeTransferId: other });
    }
  });

  test('while another is open', async () => {
    const { id } = await givenPaid(bed);
    const open = await reversals.ordered({ transferId: id, amountMinor: 100 });
    await refusedWith('reversal_is_open', { transferId: id, amountMinor: 100 });
    await reversals.fault({ kind: 'hang', executed: true });
    await reversals.step(open);
    expect(await reversals.rowOf(open)).toMatchObject({ status: 'unknown' });
    await refusedWith('reversal_is_open', { transferId: id });
  });

  test('when another amount came back than the operator saw', async () => {
    const { id } = await givenPaid(bed);
    const order = { transferId: id, amountMinor: 100, expectedReversedMinor: 0 };
    await reversals.drive(await reversals.ordered(order));
    await refusedWith('changed_since', order);
  });

  test('of two at once one is taken', async () => {
    const transfer = await givenPaid(bed);
    const order = { transferId: transfer.id, amountMinor: 100, expectedReversedMinor: 0 };
    const answers = await Promise.all([1, 2, 3].map(() => reversals.order(order)));
    const taken = answers.flatMap((answer) => (answer.is === 'ordered' ? [answer.reversal] : []));
    expect(taken).toHaveLength(1);
    expect(answers.filter(({ is }) => is === 'refused')).toMatchObject([
      { code: 'reversal_is_open', openReversalId: taken[0]!.id },
      { code: 'reversal_is_open', openReversalId: taken[0]!.id },
    ]);
    await reversals.drive(taken[0]!);
    expect(await cameBack(transfer)).toEqual([100, 100, 100]);
  });
});

describe('what dies or is lost reverses once', () => {
  test('the process dies before it sends: the same key is sent', async () => {
    const transfer = await givenPaid(bed);
    const reversal = await reversals.ordered({ transferId: transfer.id });
    await reversals.begin(reversal);
    expect(await reversals.step(reversal, 'run-2')).toMatchObject({
      status: 'completed',
      attemptCount: 2,
    });
    expect(await cameBack(transfer)).toEqual([1_000, 1_000, 1_000]);
  });

  test('the process dies before it keeps the answer: Stripe says it again', async () => {
    const transfer = await givenPaid(bed);
    const reversal = await reversals.ordered({ transferId: transfer.id, amountMinor: 400 });
    await reversals.post(reversal);
    expect(await reversals.step(reversal, 'run-2')).toMatchObject({ status: 'completed' });
    const [first, second] = await reversals.attemptsOf(reversal);
    expect([first!.resolution, second!.resolution, second!.replayed]).toEqual([
      'created',
      'created',
      true,
    ]);
    expect(await cameBack(transfer)).toEqual([400, 400, 400]);
  });

  test.each(['drop_after', 'truncate_after', 'drop_before'])('%s', async (kind) => {
    const transfer = await givenPaid(bed);
    const reversal = await reversals.ordered({ transferId: transfer.id, amountMinor: 400 });
    await reversals.fault({ kind });
    expect(await reversals.step(reversal)).toMatchObject({ status: 'unknown' });
    expect(await reversals.step(reversal)).toMatchObject({ status: 'completed' });
    expect(await cameBack(transfer)).toEqual([400, 400, 400]);
  });

  test('a run that is not the claimant sends nothing', async () => {
    const transfer = await givenPaid(bed);
    const reversal = await reversals.ordered({ transferId: transfer.id });
    await reversals.claimToSend(reversal, 'run-1');
    await reversals.claimToSend(reversal, 'run-2');
    expect(await postsDuring(bed, () => reversals.send(reversal, 'run-1'))).toBe(0);
    expect(await postsDuring(bed, () => reversals.send(reversal, 'run-2'))).toBe(1);
    expect(await reversals.rowOf(reversal)).toMatchObject({ status: 'completed' });
  });

  test('a stored 500 is not sent again: the list tells, also much later', async () => {
    const transfer = await givenPaid(bed);
    const reversal = await reversals.ordered({ transferId: transfer.id, amountMinor: 400 });
    await reversals.fault({ kind: 'commit_later', afterMs: 3_600_000 });
    await reversals.step(reversal);
    await reversals.step(reversal);
    const posts = await postsDuring(bed, () => reversals.drive(reversal));
    expect(posts).toBe(0);
    expect(await reversals.rowOf(reversal)).toMatchObject({ status: 'unknown' });
    await bed.moveClocks({ hours: 2 });
    expect(await reversals.step(reversal)).toMatchObject({ status: 'completed' });
    expect(await cameBack(transfer)).toEqual([400, 400, 400]);
  });

  test('after 23 hours the key is dead: Stripe is looked at, and nothing is sent', async () => {
    const transfer = await givenPaid(bed);
    const reversal = await reversals.ordered({ transferId: transfer.id, amountMinor: 400 });
    await reversals.fault({ kind: 'drop_after' });
    await reversals.step(reversal);
    await bed.moveClocks({ hours: 25 });
    expect(await postsDuring(bed, () => reversals.drive(reversal))).toBe(0);
    expect(await reversals.rowOf(reversal)).toMatchObject({ status: 'completed', attemptCount: 1 });
    expect(await cameBack(transfer)).toEqual([400, 400, 400]);
  });

  test('what was never made is refused after two empty looks, a day after the last send', async () => {
    const transfer = await givenPaid(bed);
    const reversal = await reversals.ordered({ transferId: transfer.id, amountMinor: 400 });
    await reversals.fault({ kind: 'drop_before' });
    await reversals.step(reversal);
    await bed.moveClocks({ hours: 23.5 });
    expect(await reversals.step(reversal)).toMatchObject({
      status: 'unknown',
      failureReason: 'unknown_key_too_old',
    });
    await bed.moveClocks({ hours: 24.5 });
    expect(await reversals.step(reversal)).toMatchObject({
      status: 'refused',
      failureReason: 'reversal_not_found_at_stripe',
    });
    expect(await cameBack(transfer)).toEqual([0, 0, 0]);
    expect(await reversals.order({ transferId: transfer.id })).toMatchObject({ is: 'ordered' });
  });

  test('one empty look proves nothing, however late', async () => {
    const transfer = await givenPaid(bed);
    const reversal = await reversals.ordered({ transferId: transfer.id });
    await reversals.fault({ kind: 'drop_before' });
    await reversals.step(reversal);
    await bed.moveClocks({ hours: 30 });
    for (let looks = 0; looks < 3; looks += 1) {
      expect(await reversals.step(reversal)).toMatchObject({ status: 'unknown' });
    }
    await bed.moveClocks({ hours: 30.2 });
    expect(await reversals.step(reversal)).toMatchObject({ status: 'refused' });
  });

  test('a look that seems to come before the send, since the clock was set back, is no first look for ever', async () => {
    const { id: transferId } = await givenPaid(bed);
    const reversal = await reversals.ordered({ transferId });
    await reversals.fault({ kind: 'drop_before' });
    await reversals.step(reversal);
    await bed.rows(
      `update payout_reversals set not_seen_since =
         (select sent_at - interval '1 minute' from payout_reversal_attempts where reversal_id = $1) where id = $1`,
      [reversal.id],
    );
    await bed.moveClocks({ hours: 30 });
    expect(await reversals.step(reversal)).toMatchObject({ status: 'unknown' });
    await bed.moveClocks({ hours: 30.2 });
    expect(await reversals.step(reversal)).toMatchObject({ status: 'refused' });
  });

  test('a key of which nothing was taken for a day ends its order', async () => {
    const { id: transferId } = await givenPaid(bed);
    const reversal = await reversals.ordered({ transferId });
    await reversals.fault({ kind: 'status', status: 429, code: 'rate_limit' });
    expect(await reversals.step(reversal)).toMatchObject({
      status: 'processing',
      failureReason: 'transient_rate_limited',
    });
    await bed.moveClocks({ hours: 24 });
    expect(await postsDuring(bed, () => reversals.step(reversal))).toBe(0);
    expect(await reversals.rowOf(reversal)).toMatchObject({
      status: 'refused',
      failureReason: 'reversal_key_too_old',
    });
  });

  test('a key that has grown old says nothing of a send that a restored database has lost', async () => {
    const transfer = await givenPaid(bed);
    const reversal = await reversals.ordered({ transferId: transfer.id, amountMinor: 400 });
    await reversals.fault({ kind: 'status', status: 429, code: 'rate_limit' });
    await reversals.step(reversal);
    const { amountMinor, currency, idempotencyKey, metadata, stripeTransferId } =
      await reversals.rowOf(reversal);
    // After the backup: sent and answered, and no row tells of it.
    await sendReversal(bed.dependencies.stripe, {
      idempotencyKey,
      request: { amountMinor, currency, metadata, stripeTransferId },
    });
    await bed.moveClocks({ hours: 48 });
    expect(await reversals.drive(reversal, 'run-2')).toMatchObject({ status: 'completed' });
    expect(await cameBack(transfer)).toEqual([400, 400, 400]);
  });

  test('a late success is recorded over a refusal', async () => {
    const transfer = await givenPaid(bed);
    const reversal = await reversals.ordered({ transferId: transfer.id, amountMinor: 400 });
    await reversals.fault({ kind: 'commit_later', afterMs: 60 * 3_600_000 });
    await reversals.step(reversal);
    await bed.moveClocks({ hours: 25 });
    await reversals.step(reversal);
    await bed.moveClocks({ hours: 25.5 });
    expect(await reversals.step(reversal)).toMatchObject({ status: 'refused' });
    await bed.moveClocks({ hours: 61 });
    // Any call makes the sandbox carry out what is due.
    await reversals.reversedAtStripe(transfer);
    await tellOf('transfer.reversed', transfer);
    expect(await reversals.rowOf(reversal)).toMatchObject({ status: 'completed' });
    expect(await cameBack(transfer)).toEqual([400, 400, 400]);
  });
});

describe('a fresh refusal proves nothing about an earlier send', () => {
  test.each<[number, string | undefined, ReasonCode]>([
    [401, undefined, 'unknown_connection_lost'],
    [429, 'rate_limit', 'unknown_connection_lost'],
    [409, 'idempotency_key_in_use', 'unknown_connection_lost'],
    [400, 'balance_insufficient', 'unknown_connection_lost'],
  ])('%s %s after a lost answer', async (status, code, reason) => {
    const transfer = await givenPaid(bed);
    const reversal = await reversals.ordered({ transferId: transfer.id, amountMinor: 400 });
    await reversals.fault({ kind: 'drop_after' });
    await reversals.step(reversal);
    await reversals.fault({ kind: 'status', status, ...(code !== undefined && { code }) });
    expect(await reversals.step(reversal)).toMatchObject({
      status: 'unknown',
      failureReason: reason,
    });
    expect(await reversals.step(reversal)).toMatchObject({ status: 'completed' });
    expect(await cameBack(transfer)).toEqual([400, 400, 400]);
  });

  test('a replayed refusal does', async () => {
    const transfer = await givenPaid(bed);
    await winnerHas(transfer, 0);
    const reversal = await reversals.ordered({ transferId: transfer.id });
    await reversals.fault({ kind: 'drop_after' });
    await reversals.step(reversal);
    expect(await reversals.step(reversal)).toMatchObject({
      status: 'refused',
      failureReason: 'reversal_balance_insufficient',
    });
  });
});

describe('what Stripe refuses', () => {
  test('too little on the winner’s account is said, kept, and may be tried again', async () => {
    const transfer = await givenPaid(bed);
    await winnerHas(transfer, 400);
    const first = await reversals.ordered({ transferId: transfer.id });
    expect(await reversals.drive(first)).toMatchObject({
      status: 'refused',
      failureClass: 'payee',
      failureReason: 'reversal_balance_insufficient',
      attemptCount: 1,
    });
    expect(await cameBack(transfer)).toEqual([0, 0, 0]);
    const { operatorText, winnerText } = REASONS.reversal_balance_insufficient;
    expect(await readWhy(bed.database, transfer.id, TERMS)).toMatchObject({
      operator: expect.stringContaining(operatorText),
      winner: winnerText,
    });
    await winnerHas(transfer, 1_000);
    const second = await reversals.ordered({ transferId: transfer.id });
    expect(second.idempotencyKey).not.toBe(first.idempotencyKey);
    expect(await reversals.drive(second)).toMatchObject({ status: 'completed' });
    expect(await cameBack(transfer)).toEqual([1_000, 1_000, 1_000]);
    const { operator } = await readWhy(bed.database, transfer.id, TERMS);
    expect(operator).not.toContain('has ordered');
  });

  test('above what is left: what came back there is booked, and the order ends', async () => {
    const transfer = await givenPaid(bed);
    const reversal = await reversals.ordered({ transferId: transfer.id });
    await reversals.claimToSend(reversal);
    await bed.dependencies.stripe.transfers.createReversal(transfer.stripeTransferId!, {
      amount: 300,
    });
    await reversals.send(reversal);
    expect(await reversals.drive(reversal)).toMatchObject({
      status: 'refused',
      failureReason: 'reversal_amount_refused',
    });
    expect(await cameBack(transfer)).toEqual([300, 300, 300]);
    await reversals.drive(await reversals.ordered({ transferId: transfer.id }));
    expect(await cameBack(transfer)).toEqual([1_000, 1_000, 1_000]);
  });

  test('another reversal than was sent is unknown, with an alarm', async () => {
    const transfer = await givenPaid(bed);
    const reversal = await reversals.ordered({ transferId: transfer.id, amountMinor: 400 });
    await reversals.fault({ kind: 'altered', amount: 401 });
    expect(await reversals.step(reversal)).toMatchObject({
      status: 'unknown',
      failureReason: 'unknown_other_reversal',
    });
    expect(await pausesOf(bed, transfer)).toEqual([
      `settlement unknown_other_reversal:${reversal.id}`,
    ]);
    await bed.moveClocks({ hours: 30 });
    expect(await postsDuring(bed, () => reversals.drive(reversal))).toBe(0);
    await bed.moveClocks({ hours: 60 });
    // What came back is booked; the order stays open, since Stripe has a reversal that names it.
    expect(await reversals.drive(reversal)).toMatchObject({ status: 'unknown' });
    expect(await cameBack(transfer)).toEqual([401, 401, 401]);
  });
});

describe('a reversal that Stripe made with another amount than was ordered', () => {
  const givenOther = async () => {
    const transfer = await givenPaid(bed);
    const order = await reversals.ordered({ transferId: transfer.id, amountMinor: 400 });
    await reversals.fault({ kind: 'altered', amount: 401 });
    await reversals.step(order);
    await reversals.drive(order);
    const [listed] = await reversalsAt(transfer);
    return { transfer, order, stripeReversalId: listed!.id };
  };
  const reversalsAt = async ({ stripeTransferId }: PayoutTransfer) =>
    (await bed.dependencies.stripe.transfers.listReversals(stripeTransferId!)).data;
  const resolve = async (transfer: PayoutTransfer, stripeReversalId: string) =>
    resolveReversal(bed.dependencies, await bed.rowOf(transfer), { ...OPERATOR, stripeReversalId });
  const actionsOf = ({ id }: PayoutTransfer) =>
    bed.rows(
      `select actor, reason, subject ->> 'cameBackMinor' as back from operator_actions
       where action = 'resolve_reversal' and subject ->> 'transferId' = $1`,
      [id],
    );

  test('stays open until a person says that it is what came of it; then another part may follow', async () => {
    const { order, stripeReversalId, transfer } = await givenOther();
    expect(await reversals.rowOf(order)).toMatchObject({ status: 'unknown' });
    expect(await readWhy(bed.database, transfer.id, TERMS)).toMatchObject({
      operator: expect.stringContaining(`payouts resolve ${transfer.id} --reversal`),
    });
    const resolved = await resolve(transfer, stripeReversalId);
    expect(resolved).toMatchObject({
      is: 'resolved',
      reversal: { id: order.id, cameBackMinor: 401 },
    });
    expect(await reversals.rowOf(order)).toMatchObject({ status: 'completed', amountMinor: 400 });
    expect(await resolve(transfer, stripeReversalId)).toMatchObject({ is: 'resolved' });
    expect(await actionsOf(transfer)).toEqual([{ ...OPERATOR, back: '401' }]);
    expect(await cameBack(transfer)).toEqual([401, 401, 401]);
    // What was settled once raises no alarm again, whoever looks.
    await bed.liftPauses();
    expect(await tellOf('transfer.reversed', transfer)).toBe('reversals_known');
    const rest = await reversals.ordered({ transferId: transfer.id });
    expect(await reversals.drive(rest)).toMatchObject({ status: 'completed', amountMinor: 599 });
    expect(await cameBack(transfer)).toEqual([1_000, 1_000, 1_000]);
    expect(await pausesOf(bed, transfer)).toEqual([]);
  });

  test('is not settled by another reversal, or one that Stripe does not have', async () => {
    const { order, transfer } = await givenOther();
    const { id: elsewhere } = await bed.dependencies.stripe.transfers.createReversal(
      transfer.stripeTransferId!,
      { amount: 1 },
    );
    const refused = (why: string) => ({ is: 'refused', why });
    expect(await resolve(transfer, elsewhere)).toEqual(refused('of_another_reversal'));
    expect(await resolve(transfer, 'trr_none')).toEqual(refused('no_such_stripe_reversal'));
    const ofNobody = await givenPaid(bed);
    expect(await resolve(ofNobody, elsewhere)).toEqual(refused('no_reversal_ordered'));
    expect(await reversals.rowOf(order)).toMatchObject({ status: 'unknown', cameBackMinor: null });
    expect(await actionsOf(transfer)).toEqual([]);
  });

  test('and that is as ordered after all is completed as ordered', async () => {
    const transfer = await givenPaid(bed);
    const order = await reversals.ordered({ transferId: transfer.id, amountMinor: 400 });
    await reversals.fault({ kind: 'drop_after' });
    await reversals.step(order);
    const [listed] = await reversalsAt(transfer);
    expect(await resolve(transfer, listed!.id)).toMatchObject({
      is: 'resolved',
      reversal: { id: order.id, cameBackMinor: null },
    });
    expect(await actionsOf(transfer)).toEqual([]);
  });

  test('not while a send of it is under way', async () => {
    const transfer = await givenPaid(bed);
    const order = await reversals.ordered({ transferId: transfer.id, amountMinor: 400 });
    await reversals.begin(order);
    const { id } = await bed.dependencies.stripe.transfers.createReversal(
      transfer.stripeTransferId!,
      { amount: 401, metadata: order.metadata },
    );
    expect(await resolve(transfer, id)).toEqual({ is: 'refused', why: 'still_under_way' });
  });
});

describe('what is learnt elsewhere', () => {
  test('the webhook books it first: the order is completed with it, and the run finds it done', async () => {
    const transfer = await givenPaid(bed);
    const reversal = await reversals.ordered({ transferId: transfer.id, amountMinor: 400 });
    await reversals.post(reversal);
    expect(await tellOf('transfer.reversed', transfer)).toBe('reversal_booked');
    expect(await reversals.rowOf(reversal)).toMatchObject({ status: 'completed' });
    expect(await postsDuring(bed, () => reversals.step(reversal))).toBe(0);
    expect(await reversals.claim(reversal)).toBe('rest');
    expect(await reversals.postingsOf(transfer)).toEqual([400]);
    await tellOf('transfer.reversed', transfer);
    expect(await reversals.postingsOf(transfer)).toEqual([400]);
  });

  test('one made in the Dashboard completes no order, and ends one that did not expect it', async () => {
    const transfer = await givenPaid(bed);
    const reversal = await reversals.ordered({ transferId: transfer.id, amountMinor: 400 });
    await bed.dependencies.stripe.transfers.createReversal(transfer.stripeTransferId!, {
      amount: 400,
    });
    expect(await postsDuring(bed, () => reversals.step(reversal))).toBe(0);
    expect(await reversals.rowOf(reversal)).toMatchObject({
      status: 'refused',
      failureReason: 'reversal_changed_at_stripe',
      attemptCount: 0,
    });
    expect(await cameBack(transfer)).toEqual([400, 400, 400]);
  });

  test('a restored database that has forgotten an order sees at Stripe that it was carried out', async () => {
    const transfer = await givenPaid(bed);
    await bed.dependencies.stripe.transfers.createReversal(transfer.stripeTransferId!, {
      amount: 400,
      metadata: { payout_reversal_id: '7d2f5a0e-0000-4000-8000-000000000000' },
    });
    const again = await reversals.ordered({
      transferId: transfer.id,
      amountMinor: 400,
      expectedReversedMinor: 0,
    });
    expect(await reversals.drive(again)).toMatchObject({
      status: 'refused',
      failureReason: 'reversal_changed_at_stripe',
    });
    expect(await cameBack(transfer)).toEqual([400, 400, 400]);
  });

  test('a restored database that has forgotten the sends of an order completes it by its metadata', async () => {
    const transfer = await givenPaid(bed);
    const reversal = await reversals.ordered({ transferId: transfer.id, amountMinor: 400 });
    await bed.dependencies.stripe.transfers.createReversal(
      transfer.stripeTransferId!,
      { amount: 400, metadata: reversal.metadata },
      { idempotencyKey: reversal.idempotencyKey },
    );
    expect(await postsDuring(bed, () => reversals.step(reversal))).toBe(0);
    expect(await reversals.rowOf(reversal)).toMatchObject({ status: 'completed' });
    expect(await cameBack(transfer)).toEqual([400, 400, 400]);
  });

  test('a look at Stripe that is minutes old is no ground for a first send', async () => {
    const { id: transferId } = await givenPaid(bed);
    const reversal = await reversals.ordered({ transferId });
    await reversals.claimToSend(reversal);
    await bed.moveClocks({ ms: 6 * 60_000 });
    expect(await postsDuring(bed, () => reversals.send(reversal))).toBe(0);
    expect(await reversals.claim(reversal)).toBe('look');
    expect(await reversals.drive(reversal)).toMatchObject({ status: 'completed' });
  });
});

describe('pauses', () => {
  test('a person’s pause stops paying out and not taking back', async () => {
    const transfer = await givenPaid(bed);
    await pauseByOperator(bed.database, transfer.settlementId, OPERATOR);
    await pauseByOperator(bed.database, null, OPERATOR);
    const reversal = await reversals.ordered({ transferId: transfer.id });
    expect(await reversals.drive(reversal)).toMatchObject({ status: 'completed' });
  });

  test('trouble with the platform’s key stops both, also between claim and send', async () => {
    const { id: transferId } = await givenPaid(bed);
    const reversal = await reversals.ordered({ transferId });
    await reversals.claimToSend(reversal);
    await pauseByAutomation(bed.database, {
      settlementId: null,
      cause: 'platform_key_rejected',
      isLiftedByItself: true,
    });
    expect(await postsDuring(bed, () => reversals.send(reversal))).toBe(0);
    expect(await reversals.step(reversal)).toMatchObject({
      status: 'processing',
      failureReason: 'platform_paused',
      firstSentAt: null,
    });
    await bed.liftPauses();
    expect(await reversals.drive(reversal)).toMatchObject({ status: 'completed' });
  });
});

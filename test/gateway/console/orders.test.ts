/**
 * Goal: every order that an operator gives in the console does what its command does, once, under his name, and only about what he saw.
 * Method: each order is given in its three steps over real HTTP, and once where it has to be refused; the rows, the records of operators and the invariants say what it did.
 */
import { sql } from 'drizzle-orm';

import { inTransaction, type Executor } from '../../../src/db/database';
import { findTransfersByJob, type PayoutTransfer } from '../../../src/db/payout-transfers';
import { ORDERS_AT_ONCE } from '../../../src/domain/limits';
import { schedulePayoutJob } from '../../../src/db/schedule-payout-job';
import { insertSettlement } from '../../../src/db/settlements';
import {
  insertUserStripeAccount,
  replaceUserStripeAccount,
} from '../../../src/db/user-stripe-accounts';
import { givenPayable, givenPayableSettlement } from '../../activities/activity-bed';
import { reversalBed } from '../../activities/reversal-bed';
import {
  givenTransfer,
  newAccountId,
  settlementOf,
  TERMS,
  untilSomebodyWaitsForLock,
} from '../../support/builders';
import { until } from '../../e2e/bed';
import { brokenInvariants } from '../../support/invariants';
import { BOB } from '../gateway-bed';
import type { Answer } from '../http-client';
import { linksOf, textOf, type Browser } from './browser';
import { askedToConfirm, give, openConsoleBed, type ConsoleBed } from './console-bed';

let bed: ConsoleBed;
let browser: Browser;

beforeAll(async () => {
  bed = await openConsoleBed();
  browser = await bed.browser();
});
afterAll(() => bed.close());
afterEach(async () => {
  expect(await brokenInvariants(bed)).toEqual([]);
  await bed.calm();
});

async function givenFailed(): Promise<PayoutTransfer> {
  const transfer = await givenPayable(bed, 1);
  await bed.fault({ kind: 'status', status: 400, code: 'parameter_invalid_integer' });
  const failed = await bed.step(transfer);
  expect(failed.status).toBe('failed_terminal');
  return failed;
}

/** Stripe made it, and the answer was lost; or the process died before the POST. */
async function givenUnknown({ isPaid }: { readonly isPaid: boolean }): Promise<PayoutTransfer> {
  const transfer = await givenPayable(bed);
  const claim = await bed.claimToSend(transfer);
  await (isPaid ? bed.post(claim) : bed.begin(claim));
  await bed.record(claim);
  return bed.rowOf(transfer);
}

async function stripeIdOf(transfer: PayoutTransfer): Promise<string> {
  return (await bed.sandbox.oracle()).byPayoutTransferId[transfer.id]!.ids[0]!;
}

/** It was done: the page that is gone to says so, once. */
async function expectDone(answer: Answer, message: string): Promise<void> {
  expect(answer.status === 303 ? '' : textOf(answer)).toBe('');
  expect(textOf(await browser.follow(answer))).toContain(message);
  expect(textOf(await browser.follow(answer))).not.toContain(message);
}

function expectRefused(answer: Answer, text: string): void {
  expect(answer.status).toBe(409);
  expect(textOf(answer)).toContain(text);
  expect(textOf(answer)).toContain('Nothing was changed');
}

test('retry: a failed winner is tried again, and a paid one is refused', async () => {
  const failed = await givenFailed();
  const page = await browser.get(bed.pathOf(failed));
  expect(linksOf(page)).toContain(`${bed.pathOf(failed)}/retry`);
  await expectDone(await give(browser, `${bed.pathOf(failed)}/retry`), 'Retried');
  expect(await bed.rowOf(failed)).toMatchObject({ status: 'retryable' });
  expect(await bed.actionsOn(failed.id)).toEqual(['retry by alice: as agreed']);

  const paid = await bed.step(await givenPayable(bed));
  expect(linksOf(await browser.get(bed.pathOf(paid)))).not.toContain(`${bed.pathOf(paid)}/retry`);
  expectRefused(await give(browser, `${bed.pathOf(paid)}/retry`), 'it is paid');
  expect(await bed.actionsOn(paid.id)).toEqual([]);
});

test('a double click on the last button does it once', async () => {
  const failed = await givenFailed();
  const path = `${bed.pathOf(failed)}/retry`;
  const page = await askedToConfirm(browser, path);
  const answers = await Promise.all([1, 2, 3].map(() => browser.submit(page, '/confirm')));
  expect(answers.map(({ status }) => status).sort()).toEqual([303, 409, 409]);
  expect(await bed.actionsOn(failed.id)).toHaveLength(1);
});

test('what has moved since the page was made is refused and not looked at again', async () => {
  const failed = await givenFailed();
  const page = await askedToConfirm(browser, `${bed.pathOf(failed)}/cancel`);
  await expectDone(await give(browser, `${bed.pathOf(failed)}/retry`), 'Retried');
  const moved = await bed.rowOf(failed);
  expectRefused(await browser.submit(page, '/confirm'), 'it has moved since');
  expect(await bed.rowOf(failed)).toEqual(moved);
});

test('neither of the first two steps changes anything', async () => {
  const failed = await givenFailed();
  const page = await askedToConfirm(browser, `${bed.pathOf(failed)}/retry`);
  expect(textOf(page)).toContain('Retry: confirm');
  expect(textOf(page)).toContain(failed.userId);
  expect(textOf(page)).toContain('in the name of alice');
  expect(await bed.rowOf(failed)).toEqual(failed);
  expect(await bed.actionsOn(failed.id)).toEqual([]);
});

test('cancel, restore, cancel again and void; what is paid cannot be cancelled', async () => {
  const transfer = await givenPayable(bed);
  const path = bed.pathOf(transfer);
  await expectDone(await give(browser, `${path}/cancel`), 'Cancelled: nothing is sent');
  await expectDone(await give(browser, `${path}/restore`), 'Restored');
  expect(await bed.rowOf(transfer)).toMatchObject({ status: 'pending', cancelRequestedAt: null });
  expectRefused(await give(browser, `${path}/void`), 'it is not cancelled');
  await expectDone(await give(browser, `${path}/cancel`), 'Cancelled');
  await expectDone(await give(browser, `${path}/void`), 'Voided');
  expect(await bed.rowOf(transfer)).toMatchObject({ status: 'voided' });
  expectRefused(await give(browser, `${path}/restore`), 'its debt is voided, which is final');
  expect((await bed.actionsOn(transfer.id)).map((text) => text.split(' ')[0])).toEqual([
    'cancel',
    'restore',
    'cancel',
    'void',
  ]);
  const paid = await bed.step(await givenPayable(bed));
  expectRefused(await give(browser, `${bed.pathOf(paid)}/cancel`), 'it is paid');
});

test('resolve as paid: only by the Stripe transfer that paid it', async () => {
  const unknown = await givenUnknown({ isPaid: true });
  const other = await bed.step(await givenPayable(bed));
  const path = `${bed.pathOf(unknown)}/resolve-paid`;
  const wrong = await browser.submit(await browser.get(path), path, {
    reason: 'as agreed',
    value: 'no id',
  });
  expect([wrong.status, textOf(wrong).includes('expected an id such as tr_1AbC')]).toEqual([
    400,
    true,
  ]);
  const foreign = await give(browser, path, { value: other.stripeTransferId! });
  expect(foreign.status).toBe(409);
  expect(await bed.rowOf(unknown)).toMatchObject({ status: 'unknown' });
  await expectDone(
    await give(browser, path, { value: await stripeIdOf(unknown) }),
    'Resolved: it is completed',
  );
  expect(await bed.actionsOn(unknown.id)).toEqual(['resolve_paid by alice: as agreed']);
  expect(await bed.paidTimes(unknown)).toBe(1);
});

test('resolve as unpaid: refused where Stripe has a payment, and while a send may be under way', async () => {
  const paid = await givenUnknown({ isPaid: true });
  expectRefused(await give(browser, `${bed.pathOf(paid)}/resolve-unpaid`), 'tr_');
  const unpaid = await givenUnknown({ isPaid: false });
  await bed.moveClocks({ hours: 2 });
  await expectDone(
    await give(browser, `${bed.pathOf(unpaid)}/resolve-unpaid`),
    'Resolved: it is retryable. Take care',
  );
  expect(await bed.actionsOn(unpaid.id)).toEqual(['resolve_unpaid by alice: as agreed']);
  expectRefused(await give(browser, `${bed.pathOf(unpaid)}/resolve-unpaid`), 'not');
});

test('pause and resume one settlement: what is set since the page was made stays in force', async () => {
  const { settlementId } = await givenPayable(bed);
  const path = `/console/settlements/${settlementId}`;
  await expectDone(await give(browser, `${path}/pause`), 'Paused. Nothing is on its way');
  expectRefused(await give(browser, `${path}/pause`), 'in force already');
  const page = await askedToConfirm(browser, `${path}/resume`);
  await bed.rows(
    `insert into payout_controls (settlement_id, cause, owner) values ($1, 'an_alarm', 'automation')`,
    [settlementId],
  );
  await expectDone(
    await browser.submit(page, '/confirm'),
    'Resumed: 1 pause lifted. 1 pause still in force',
  );
  expectRefused(await browser.submit(page, '/confirm'), 'it has moved since');
  expect(await bed.actionsOn(settlementId)).toEqual([
    'pause by alice: as agreed',
    'resume by alice: as agreed',
  ]);
});

test('pause and resume everything', async () => {
  await expectDone(await give(browser, '/console/pauses/pause'), 'Paused');
  expect(textOf(await browser.get('/console'))).toContain('everything alice as agreed');
  await expectDone(await give(browser, '/console/pauses/resume'), 'Resumed: 1 pause lifted');
  expect(await bed.actionsOn(null)).toEqual([
    'pause by alice: as agreed',
    'resume by alice: as agreed',
  ]);
});

test('all failed of a settlement at once; refused where there are more or fewer by now', async () => {
  const transfers = await givenPayableSettlement(bed, { winners: 3 });
  const path = `/console/settlements/${transfers[0]!.settlementId}`;
  for (const transfer of transfers.slice(0, 2)) {
    await bed.fault({ kind: 'status', status: 400, code: 'parameter_invalid_integer' });
    expect((await bed.step(transfer)).status).toBe('failed_terminal');
  }
  const page = await askedToConfirm(browser, `${path}/retry-failed`);
  expect(textOf(page)).toContain('2 winners');
  await expectDone(await browser.submit(page, '/confirm'), '2 winners retried.');
  expectRefused(await browser.submit(page, '/confirm'), 'it has moved since');
});

test('all of a settlement: cancelled, restored, cancelled, voided', async () => {
  const transfers = await givenPayableSettlement(bed, { winners: 3 });
  await bed.step(transfers[0]!);
  const path = `/console/settlements/${transfers[0]!.settlementId}`;
  await expectDone(await give(browser, `${path}/cancel`), '2 winners cancelled');
  await expectDone(await give(browser, `${path}/restore`), '2 winners restored');
  await expectDone(await give(browser, `${path}/cancel`), '2 winners cancelled');
  await expectDone(await give(browser, `${path}/void`), '2 winners voided');
  const partly = await give(browser, `${path}/restore`);
  expect([partly.status, textOf(partly).includes('2 refused')]).toEqual([200, true]);
  const states = await Promise.all(transfers.map((transfer) => bed.rowOf(transfer)));
  expect(states.map(({ status }) => status)).toEqual(['completed', 'voided', 'voided']);
});

test('an order that takes long is answered while it goes on, and its place says how it ended', async () => {
  const transfers = await givenPayableSettlement(bed, { winners: 3 });
  const { settlementId } = transfers[0]!;
  const path = `/console/settlements/${settlementId}`;
  const impatient = await bed.another({ orderAnswerMs: 1 });
  try {
    const elsewhere = browser.at(impatient.url);
    const page = await askedToConfirm(elsewhere, `${path}/cancel`);
    await inTransaction(bed.database, async (executor) => {
      await lock(executor, transfers[1]!);
      const answer = await elsewhere.submit(page, '/confirm');
      expect([answer.status, answer.headers.location]).toEqual([303, path]);
      expect(textOf(await elsewhere.get(path))).toMatch(
        /Cancel all who are not paid, ordered by alice.*It goes on/,
      );
      const single = await give(elsewhere, `${bed.pathOf(transfers[1]!)}/cancel`);
      expectRefused(single, '“Cancel all who are not paid”, ordered by alice, is under way');
    });
    await until('it has ended', async () =>
      textOf(await elsewhere.get(path)).includes('3 winners cancelled'),
    );
  } finally {
    await impatient.close();
  }
  expect(await statusesOf(transfers)).toEqual(['cancelled', 'cancelled', 'cancelled']);
});

test('an order about one winner that takes long is told of on his page', async () => {
  const [transfer] = await givenPayableSettlement(bed, { winners: 1 });
  const path = bed.pathOf(transfer!);
  const impatient = await bed.another({ orderAnswerMs: 1 });
  try {
    const elsewhere = browser.at(impatient.url);
    const page = await askedToConfirm(elsewhere, `${path}/cancel`);
    await inTransaction(bed.database, async (executor) => {
      await lock(executor, transfer!);
      await elsewhere.submit(page, '/confirm');
      expect(textOf(await elsewhere.get(path))).toContain('It goes on');
    });
    await until('its page says how it ended', async () => {
      const text = textOf(await elsewhere.get(path));
      return text.includes('ordered by alice') && !text.includes('It goes on');
    });
  } finally {
    await impatient.close();
  }
});

test('a gateway that is stopped deals with the page that its order is at, on an open database', async () => {
  const winners = ORDERS_AT_ONCE + 1;
  const transfers = await givenPayableSettlement(bed, { winners });
  const [first] = [...transfers].sort((left, right) => (left.id < right.id ? -1 : 1));
  const path = `/console/settlements/${first!.settlementId}/cancel`;
  const impatient = await bed.another({ orderAnswerMs: 1 });
  const page = await askedToConfirm(browser, path);
  let closed: Promise<void> | undefined;
  await inTransaction(bed.database, async (executor) => {
    await lock(executor, first!);
    await browser.at(impatient.url).submit(page, '/confirm');
    await untilSomebodyWaitsForLock(bed);
    closed = impatient.close();
  });
  await closed;
  expect(await statusesOf(transfers)).toEqual(Array(winners).fill('cancelled'));
});

const lock = (executor: Executor, { id }: PayoutTransfer) =>
  executor.execute(sql`select from payout_transfers where id = ${id} for update`);

const statusesOf = async (transfers: readonly PayoutTransfer[]) =>
  (await Promise.all(transfers.map((transfer) => bed.rowOf(transfer)))).map(({ status }) => status);

test('approve: not by whoever recorded it, not with another content, then once', async () => {
  const settlement = settlementOf({ winners: 2 });
  const { settlementId } = settlement;
  const { job } = await inTransaction(bed.database, async (executor) => {
    await insertSettlement(executor, settlement, BOB.name);
    const terms = { installationId: 'test', ...TERMS, approvalAbove: {} };
    return schedulePayoutJob(executor, settlementId, terms);
  });
  const firstTwo = { afterTransferId: null, transfersMax: 2 };
  const transfers = await findTransfersByJob(bed.database, job.id, firstTwo);
  const path = `/console/settlements/${settlementId}/approve`;
  const bob = await bed.browser(BOB.token);
  expectRefused(await give(bob, path), 'whoever recorded a settlement cannot approve it');
  const page = await askedToConfirm(browser, path);
  expect(textOf(page)).toContain('2 winners, 20.01 USD');
  await give(browser, `${bed.pathOf(transfers[0]!)}/cancel`);
  expectRefused(
    await browser.submit(page, '/confirm'),
    'the hash is not that of what would be paid',
  );
  const account = { userId: transfers[1]!.userId, stripeAccountId: newAccountId() };
  await insertUserStripeAccount(bed.database, account);
  const seen = await askedToConfirm(browser, path);
  await replaceUserStripeAccount(bed.database, { ...account, stripeAccountId: newAccountId() });
  expectRefused(await browser.submit(seen, '/confirm'), 'accounts of its winners were replaced');
  await expectDone(await give(browser, path), 'Approved: 1 winner.');
  const [approved] = await bed.rows<{ approval: string; approved_by: string }>(
    'select approval, approved_by from payout_jobs where settlement_id = $1',
    [settlementId],
  );
  expect(approved).toEqual({ approval: 'approved', approved_by: 'alice' });

  // Who was cancelled then and is restored now was not approved.
  await give(browser, `${bed.pathOf(transfers[0]!)}/restore`);
  expect(await bed.rowOf(transfers[0]!)).toMatchObject({ approval: 'required' });
  expect(linksOf(await browser.get(`/console/settlements/${settlementId}`))).toContain(path);
  await expectDone(await give(browser, path), 'Approved: 1 winner.');
  expect(await bed.rowOf(transfers[0]!)).toMatchObject({ approval: 'approved' });
});

test('an account that was replaced after the approval is confirmed as it was seen', async () => {
  const transfer = await givenTransfer(bed.database, {
    account: newAccountId(),
    terms: { approvalAbove: {} },
  });
  await expectDone(
    await give(browser, `/console/settlements/${transfer.settlementId}/approve`),
    'Approved',
  );
  const path = `${bed.pathOf(transfer)}/confirm-account`;
  const [second, third] = [newAccountId(), newAccountId()];
  await replaceUserStripeAccount(bed.database, {
    userId: transfer.userId,
    stripeAccountId: second,
  });
  const page = await askedToConfirm(browser, path);
  expect(textOf(page)).toContain(second);
  await replaceUserStripeAccount(bed.database, { userId: transfer.userId, stripeAccountId: third });
  expectRefused(await browser.submit(page, '/confirm'), 'is not the one that was named');
  await expectDone(await give(browser, path), `Confirmed: the payment goes to ${third}`);
  expect(await bed.actionsOn(transfer.id)).toEqual(['confirm_account by alice: as agreed']);
});

test('reverse: in part, for what was seen, once', async () => {
  const paid = await bed.step(await givenPayable(bed));
  const path = `${bed.pathOf(paid)}/reverse`;
  const page = await askedToConfirm(browser, path, { value: '300' });
  expect(textOf(page)).toContain('is taken back now 3.00 USD');
  await expectDone(await browser.submit(page, '/confirm'), 'Ordered: 3.00 USD are taken back');
  expectRefused(await browser.submit(page, '/confirm'), 'another reversal of it is under way');
  expect(await bed.actionsOn(paid.id)).toEqual(['reverse by alice: as agreed']);
  const unpaid = await givenPayable(bed);
  expectRefused(await give(browser, `${bed.pathOf(unpaid)}/reverse`), 'it is not paid');
});

test('a reversal that Stripe made with another amount is settled by its id, and by no other', async () => {
  const reversals = reversalBed(bed);
  const paid = await bed.step(await givenPayable(bed));
  const path = `${bed.pathOf(paid)}/resolve-reversal`;
  const order = await reversals.ordered({ transferId: paid.id, amountMinor: 300 });
  expect(linksOf(await browser.get(bed.pathOf(paid)))).not.toContain(path);
  await reversals.fault({ kind: 'altered', amount: 301 });
  await reversals.step(order);
  const page = await browser.get(bed.pathOf(paid));
  expect(linksOf(page)).toContain(path);
  expect(linksOf(page)).not.toContain(`${bed.pathOf(paid)}/reverse`);
  expectRefused(await give(browser, path, { value: 'trr_none' }), 'Stripe has no such reversal');
  const { data } = await bed.dependencies.stripe.transfers.listReversals(paid.stripeTransferId!);
  await expectDone(
    await give(browser, path, { value: data[0]!.id }),
    'Resolved: 3.01 USD came back, 3.00 USD were ordered.',
  );
  expect(await reversals.rowOf(order)).toMatchObject({ status: 'completed', cameBackMinor: 301 });
  expect(await bed.actionsOn(paid.id)).toContain('resolve_reversal by alice: as agreed');
  expect(textOf(await browser.get(bed.pathOf(paid)))).toContain('3.00 USD, came back 3.01 USD');
});

test('while Temporal is away an order stands, and the page says that it is told later', async () => {
  const failed = await givenFailed();
  bed.temporal.cut();
  try {
    await expectDone(
      await give(browser, `${bed.pathOf(failed)}/retry`),
      'Temporal could not be told now',
    );
  } finally {
    bed.temporal.restore();
  }
  expect(await bed.rowOf(failed)).toMatchObject({ status: 'retryable' });
});

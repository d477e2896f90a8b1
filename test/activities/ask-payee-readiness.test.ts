/**
 * Goal: a winner who becomes ready is paid, and until then Stripe is asked ever more rarely, once for all who wait (S41).
 * Method: accounts of the sandbox change their state, its journal counts the questions, and minutes pass by moved clocks.
 */
import { askPayeeReadiness } from '../../src/activities/ask-payee-readiness';
import { claimTransfer } from '../../src/activities/claim-transfer';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { replaceUserStripeAccount } from '../../src/db/user-stripe-accounts';
import type { ClaimAnswer } from '../../src/domain/contracts';
import {
  givenScheduledSettlement,
  givenTransfer,
  newAccountId,
  newId,
  untilSomebodyWaitsForLock,
} from '../support/builders';
import { checkedBedOfFile } from './checked-bed';
import { pausesOf, postsDuring } from './made-at-stripe';

const bed = checkedBedOfFile();

const MINUTE_MS = 60_000;

interface Unready {
  readonly transfer: PayoutTransfer;
  readonly account: string;
}

/** A winner whose account Stripe has refused: onboarding is unfinished. */
async function givenUnready(): Promise<Unready> {
  const account = newAccountId();
  await bed.account(account, 'inactive');
  const transfer = await bed.step(await givenTransfer(bed.database, { account }));
  expect(transfer).toMatchObject({
    status: 'blocked',
    failureReason: 'payee_capability_inactive',
  });
  return { transfer, account };
}

/** The claim alone, and the question if it is its turn to ask. */
async function look({ id: transferId }: Pick<PayoutTransfer, 'id'>): Promise<ClaimAnswer> {
  const answer = await claimTransfer(bed.dependencies, { transferId, runId: 'run-1' });
  if (answer.next === 'ask') {
    await askPayeeReadiness(bed.dependencies, { transferId });
  }
  return answer;
}

async function accountRowOf({ userId }: PayoutTransfer) {
  const [row] = await bed.rows<{ readiness: string; ask_count: number; wait_min: number }>(
    `select readiness, ask_count,
       round(extract(epoch from next_ask_at - payout_now()) / 60)::int as wait_min
     from user_stripe_accounts where user_id = $1`,
    [userId],
  );
  return row!;
}

async function failReads(status: number, code?: string): Promise<void> {
  await bed.sandbox.control('faults', {
    match: { method: 'GET', path: '/v1/accounts/*' },
    fault: { kind: 'status', status, ...(code !== undefined && { code }) },
  });
}

describe('an account that is not ready', () => {
  test('is asked about 1, 2, 4, 8 … minutes after the refusal, at most an hour apart, by Postgres’s clock', async () => {
    const { transfer } = await givenUnready();
    let nowMin = 0;
    for (const waitMin of [1, 1, 2, 4, 8, 16, 32, 60, 60]) {
      expect(await accountRowOf(transfer)).toMatchObject({ wait_min: waitMin });
      await bed.moveClocks({ ms: nowMin * MINUTE_MS + (waitMin - 0.5) * MINUTE_MS });
      expect(await look(transfer)).toMatchObject({ next: 'rest' });
      nowMin += waitMin;
      await bed.moveClocks({ ms: (nowMin + 0.1) * MINUTE_MS });
      nowMin += 0.1;
      expect(await look(transfer)).toMatchObject({ next: 'ask' });
    }
    expect(await bed.attemptsOf(transfer)).toHaveLength(1);
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'blocked' });
  });

  test('lets who waits for it sleep until the next question, and no longer', async () => {
    const { transfer } = await givenUnready();
    const { next, view } = await look(transfer);
    expect(next).toBe('rest');
    expect(view.waitMs).toBeGreaterThan(0);
    expect(view.waitMs).toBeLessThanOrEqual(MINUTE_MS);
  });

  test('is asked about once, however many of its transfers wait', async () => {
    const userId = newId('user');
    const account = newAccountId();
    await bed.account(account, 'inactive');
    await bed.rows(
      'insert into user_stripe_accounts (user_id, stripe_account_id) values ($1, $2)',
      [userId, account],
    );
    const { transfers } = await givenScheduledSettlement(bed.database, {
      winners: ['first', 'second', 'third'].map((award) => ({ userId, award })),
    });
    // All three were claimed before the first refusal said that the account is not ready.
    for (const transfer of transfers) {
      await bed.claimToSend(transfer);
    }
    for (const transfer of transfers) {
      const { generation, claimNumber } = await bed.rowOf(transfer);
      const claim = { transferId: transfer.id, generation, claimNumber, runId: 'run-1' };
      await bed.send(claim);
      await bed.record(claim);
    }
    await bed.moveClocks({ ms: 1.1 * MINUTE_MS });
    let looking: Promise<ClaimAnswer[]> | undefined;
    await bed.database.transaction(async (transaction) => {
      await transaction.execute(
        `select from user_stripe_accounts where user_id = '${userId}' for update`,
      );
      looking = Promise.all(
        transfers.map(({ id: transferId }) =>
          claimTransfer(bed.dependencies, { transferId, runId: 'run-1' }),
        ),
      );
      // All three have read that a question is due.
      await untilSomebodyWaitsForLock(bed, 3);
    });
    const answers = await looking!;
    expect(answers.map(({ next }) => next).sort()).toEqual(['ask', 'rest', 'rest']);
    await bed.account(account, 'active');
    await askPayeeReadiness(bed.dependencies, { transferId: transfers[0]!.id });
    for (const transfer of transfers) {
      expect(await bed.step(transfer)).toMatchObject({ status: 'completed', generation: 2 });
      expect(await bed.paidTimes(transfer)).toBe(1);
    }
  });

  test('that becomes active is paid by the next generation, and no money was tried before', async () => {
    const { account, transfer } = await givenUnready();
    await bed.moveClocks({ ms: 1.1 * MINUTE_MS });
    expect(await postsDuring(bed, () => look(transfer))).toBe(0);
    await bed.account(account, 'active');
    await bed.moveClocks({ ms: 4 * MINUTE_MS });
    expect(await postsDuring(bed, () => look(transfer))).toBe(0);
    expect(await accountRowOf(transfer)).toMatchObject({ readiness: 'ready' });
    expect(await bed.step(transfer)).toMatchObject({ status: 'completed', generation: 2 });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('that Stripe refuses again after saying it was ready is asked about as rarely as before', async () => {
    const { account, transfer } = await givenUnready();
    await bed.account(account, 'active');
    await bed.moveClocks({ ms: 1.1 * MINUTE_MS });
    await look(transfer);
    await bed.account(account, 'inactive');
    expect(await bed.step(transfer)).toMatchObject({ status: 'blocked', generation: 2 });
    expect(await accountRowOf(transfer)).toMatchObject({ readiness: 'not_ready', wait_min: 2 });
  });

  test('that is replaced is tried at once, and its successor starts without its history', async () => {
    const { transfer } = await givenUnready();
    await bed.moveClocks({ ms: 1.1 * MINUTE_MS });
    await look(transfer);
    const stripeAccountId = newAccountId();
    await replaceUserStripeAccount(bed.database, { ...transfer, stripeAccountId });
    expect(await accountRowOf(transfer)).toMatchObject({ readiness: 'not_asked', ask_count: 0 });
    expect(await bed.step(transfer)).toMatchObject({ status: 'completed', generation: 2 });
    expect((await bed.generationsOf(transfer))[0]).toMatchObject({ destination: stripeAccountId });
  });

  test('that is replaced while it is asked about leaves its answer behind', async () => {
    const { account, transfer } = await givenUnready();
    const successor = newAccountId();
    await bed.account(successor, 'inactive');
    await replaceUserStripeAccount(bed.database, { ...transfer, stripeAccountId: successor });
    await bed.step(transfer);
    await bed.account(account, 'active');
    await bed.moveClocks({ ms: 1.1 * MINUTE_MS });
    await look(transfer);
    expect(await accountRowOf(transfer)).toMatchObject({ readiness: 'not_ready' });
  });
});

describe('when Stripe cannot tell', () => {
  test('a POST decides: refused, it waits on; accepted, it is paid', async () => {
    const { account, transfer } = await givenUnready();
    await bed.moveClocks({ ms: 1.1 * MINUTE_MS });
    await failReads(404, 'resource_missing');
    await look(transfer);
    expect(await accountRowOf(transfer)).toMatchObject({ readiness: 'not_asked' });
    expect(await bed.step(transfer)).toMatchObject({
      status: 'blocked',
      failureReason: 'payee_capability_inactive',
      countedAttemptCount: 0,
    });
    await bed.account(account, 'active');
    await bed.moveClocks({ hours: 1 });
    await failReads(404, 'resource_missing');
    await look(transfer);
    expect(await bed.step(transfer)).toMatchObject({ status: 'completed' });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test.each([[429], [503]])('for the moment (%d), the question is tried again', async (status) => {
    const { account, transfer } = await givenUnready();
    await bed.account(account, 'active');
    await bed.moveClocks({ ms: 1.1 * MINUTE_MS });
    const { id: transferId } = transfer;
    await claimTransfer(bed.dependencies, { transferId, runId: 'run-1' });
    await failReads(status);
    const ask = () => askPayeeReadiness(bed.dependencies, { transferId });
    await expect(ask()).rejects.toMatchObject({ httpStatus: status });
    expect(await accountRowOf(transfer)).toMatchObject({ readiness: 'not_ready' });
    await ask();
    expect(await accountRowOf(transfer)).toMatchObject({ readiness: 'ready' });
    expect(await pausesOf(bed, transfer)).toEqual([]);
  });

  test('because the key is rejected, everything pauses and nothing is learnt of the payee', async () => {
    const { transfer } = await givenUnready();
    await bed.moveClocks({ ms: 1.1 * MINUTE_MS });
    await failReads(401);
    await expect(look(transfer)).rejects.toMatchObject({ httpStatus: 401 });
    expect(await pausesOf(bed, transfer)).toEqual(['everything platform_key_rejected']);
    expect(await accountRowOf(transfer)).toMatchObject({ readiness: 'not_ready' });
  });
});

test('a disconnected account is waited for, and paid when it connects again', async () => {
  const account = newAccountId();
  await bed.account(account, 'deauthorised');
  const transfer = await bed.step(await givenTransfer(bed.database, { account }));
  expect(transfer).toMatchObject({ failureReason: 'payee_account_disconnected' });
  await bed.moveClocks({ ms: 1.1 * MINUTE_MS });
  await look(transfer);
  expect(await accountRowOf(transfer)).toMatchObject({ readiness: 'not_ready' });
  await bed.account(account, 'active');
  await bed.moveClocks({ hours: 2 });
  await look(transfer);
  expect(await bed.step(transfer)).toMatchObject({ status: 'completed', generation: 2 });
});

/**
 * Goal: one run gets the right to send, exactly when nothing stands in the way, and otherwise the reason (S10, S41).
 * Method: accounts come, are replaced and fail, pauses are set and lifted, and days pass by a moved clock.
 */
import { claimTransfer } from '../../src/activities/claim-transfer';
import { replaceUserStripeAccount } from '../../src/db/user-stripe-accounts';
import { insertUserStripeAccount } from '../../src/db/user-stripe-accounts';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import {
  givenApproval,
  givenTransfer,
  NEEDS_APPROVAL,
  newAccountId,
  untilSomebodyWaitsForLock,
} from '../support/builders';
import { checkedBedOfFile } from './checked-bed';

const bed = checkedBedOfFile();

function connect({ userId }: PayoutTransfer, stripeAccountId: string): Promise<boolean> {
  return insertUserStripeAccount(bed.database, { userId, stripeAccountId });
}

async function pause(settlementId: string | null): Promise<void> {
  await bed.rows(
    `insert into payout_controls (settlement_id, cause, owner) values ($1, 'test', 'operator')`,
    [settlementId],
  );
}

describe('S41 the account of the winner', () => {
  test('S41 without an account the transfer is blocked, and looked at again within the hour', async () => {
    const transfer = await givenTransfer(bed.database, {});
    const answer = await bed.claim(transfer);
    expect(answer).toMatchObject({
      next: 'rest',
      view: { status: 'blocked', failureReason: 'payee_account_missing', failureClass: 'payee' },
    });
    expect(answer.view.waitMs).toBeGreaterThan(0);
    const first = await bed.rowOf(transfer);
    expect(await bed.claim(transfer)).toEqual(answer);
    expect(await bed.rowOf(transfer)).toEqual(first);
  });

  test('S41 when the account comes the transfer goes from blocked to processing', async () => {
    const transfer = await givenTransfer(bed.database, {});
    await bed.claim(transfer);
    const destination = newAccountId();
    await connect(transfer, destination);
    expect(await bed.claim(transfer)).toMatchObject({
      next: 'send',
      claim: { generation: 1, claimNumber: 1 },
      view: { status: 'processing', failureReason: null },
    });
    expect(await bed.generationsOf(transfer)).toMatchObject([
      { destination, amountMinor: transfer.amountMinor, closedAt: null, firstSentAt: null },
    ]);
  });
});

describe('a claim belongs to one run', () => {
  test('the same run gets the same claim again', async () => {
    const transfer = await givenTransfer(bed.database, { account: newAccountId() });
    const first = await bed.claim(transfer, 'run-1');
    expect(await bed.claim(transfer, 'run-1')).toEqual(first);
    expect((await bed.rowOf(transfer)).claimNumber).toBe(1);
  });

  test('another run has to find out first, and nothing changes', async () => {
    const transfer = await givenTransfer(bed.database, { account: newAccountId() });
    await bed.claim(transfer, 'run-1');
    const before = await bed.rowOf(transfer);
    expect(await bed.claim(transfer, 'run-2')).toMatchObject({ next: 'reconcile' });
    expect(await bed.rowOf(transfer)).toEqual(before);
  });

  test('S25 of two runs that claim at once one sends and the other finds out', async () => {
    const transfer = await givenTransfer(bed.database, { account: newAccountId() });
    let claims:
      | ReturnType<typeof Promise.all<[ReturnType<typeof bed.claim>, ReturnType<typeof bed.claim>]>>
      | undefined;
    await bed.database.transaction(async (transaction) => {
      await transaction.execute(
        `select from payout_transfers where id = '${transfer.id}' for update`,
      );
      claims = Promise.all([bed.claim(transfer, 'run-1'), bed.claim(transfer, 'run-2')]);
      await untilSomebodyWaitsForLock(bed, 2);
    });
    const answers = await claims!;
    expect(answers.map((answer) => answer.next).sort()).toEqual(['reconcile', 'send']);
    expect(await bed.generationsOf(transfer)).toHaveLength(1);
  });

  test('a paid transfer rests for every run', async () => {
    const transfer = await givenTransfer(bed.database, { account: newAccountId() });
    await bed.step(transfer);
    expect(await bed.claim(transfer, 'run-2')).toMatchObject({
      next: 'rest',
      view: { status: 'completed' },
    });
  });
});

describe('a replaced account', () => {
  test('opens the next generation when nothing is unresolved', async () => {
    const [old, young] = [newAccountId(), newAccountId()];
    const transfer = await givenTransfer(bed.database, { account: old });
    await bed.fault({ kind: 'status', status: 429, code: 'rate_limit' });
    expect(await bed.step(transfer)).toMatchObject({ status: 'retryable' });
    await replaceUserStripeAccount(bed.database, { ...transfer, stripeAccountId: young });
    expect(await bed.step(transfer)).toMatchObject({ status: 'completed', generation: 2 });
    expect(await bed.generationsOf(transfer)).toMatchObject([
      { generation: 2, destination: young, idempotencyKey: `payout:${transfer.id}:g2` },
      { generation: 1, destination: old, closedReason: 'payee_account_replaced' },
    ]);
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('waits while a send to the old one may have paid: the same key goes to the old account', async () => {
    const [old, young] = [newAccountId(), newAccountId()];
    const transfer = await givenTransfer(bed.database, { account: old });
    await bed.fault({ kind: 'drop_after' });
    expect(await bed.step(transfer)).toMatchObject({ status: 'unknown' });
    await replaceUserStripeAccount(bed.database, { ...transfer, stripeAccountId: young });
    expect(await bed.step(transfer)).toMatchObject({ status: 'completed', generation: 1 });
    expect(await bed.generationsOf(transfer)).toMatchObject([{ destination: old }]);
    expect(await bed.paidTimes(transfer)).toBe(1);
  });
});

describe('the wait for a payee', () => {
  test('is over after 30 days', async () => {
    const transfer = await givenTransfer(bed.database, {});
    await bed.claim(transfer);
    await bed.moveClocks({ days: 30, ms: -60_000 });
    expect(await bed.claim(transfer)).toMatchObject({ view: { status: 'blocked' } });
    await bed.moveClocks({ days: 30 });
    expect(await bed.claim(transfer)).toMatchObject({
      next: 'rest',
      view: { status: 'failed_terminal', failureReason: 'payee_wait_over' },
    });
  });

  test('is counted from the first refusal, however often Stripe was asked', async () => {
    const destination = newAccountId();
    await bed.account(destination, 'inactive');
    const transfer = await givenTransfer(bed.database, { account: destination });
    expect(await bed.step(transfer)).toMatchObject({ failureReason: 'payee_capability_inactive' });
    await bed.moveClocks({ days: 20 });
    expect(await bed.claim(transfer)).toMatchObject({ next: 'rest', view: { status: 'blocked' } });
    await bed.moveClocks({ days: 31 });
    expect(await bed.claim(transfer)).toMatchObject({ view: { status: 'failed_terminal' } });
    expect(await bed.paidTimes(transfer)).toBe(0);
  });

  test('does not stop an account that has come, however late', async () => {
    const transfer = await givenTransfer(bed.database, {});
    await bed.claim(transfer);
    await connect(transfer, newAccountId());
    await bed.moveClocks({ days: 40 });
    expect(await bed.step(transfer)).toMatchObject({ status: 'completed' });
  });
});

describe('pauses and approvals', () => {
  test.each([['everything'], ['the settlement']])(
    '%s paused: blocked until it is lifted',
    async (scope) => {
      const transfer = await givenTransfer(bed.database, { account: newAccountId() });
      await pause(scope === 'everything' ? null : transfer.settlementId);
      expect(await bed.claim(transfer)).toMatchObject({
        next: 'rest',
        view: { status: 'blocked', failureReason: 'platform_paused', failureClass: 'platform' },
      });
      await bed.calm();
      expect(await bed.step(transfer)).toMatchObject({ status: 'completed' });
    },
  );

  test('a pause after the claim stops the send, and nothing is written but the block', async () => {
    const transfer = await givenTransfer(bed.database, { account: newAccountId() });
    const claim = await bed.claimToSend(transfer);
    await pause(null);
    expect(await bed.send(claim)).toEqual({
      type: 'SendRefused',
      reason: 'platform_paused',
      isRetried: false,
    });
    expect(await bed.record(claim)).toMatchObject({ status: 'blocked', attemptCount: 0 });
    expect(await bed.attemptsOf(transfer)).toEqual([]);
    expect(await bed.recordsOf(transfer)).toEqual([]);
  });

  test('a missing approval blocks, an approval lets go', async () => {
    const transfer = await givenTransfer(bed.database, {
      account: newAccountId(),
      terms: NEEDS_APPROVAL,
    });
    expect(await bed.claim(transfer)).toMatchObject({
      view: { status: 'blocked', failureReason: 'platform_approval_missing' },
    });
    await givenApproval(bed.database, transfer.settlementId);
    expect(await bed.step(transfer)).toMatchObject({ status: 'completed' });
  });

  test('the reason of the block follows what stands in the way', async () => {
    const transfer = await givenTransfer(bed.database, {});
    await pause(null);
    expect(await bed.claim(transfer)).toMatchObject({
      view: { failureReason: 'platform_paused' },
    });
    await bed.calm();
    expect(await bed.claim(transfer)).toMatchObject({
      view: { failureReason: 'payee_account_missing' },
    });
  });

  test('an unknown outcome is not asked about by sending while paused', async () => {
    const transfer = await givenTransfer(bed.database, { account: newAccountId() });
    await bed.fault({ kind: 'drop_before' });
    await bed.step(transfer);
    await pause(null);
    expect(await bed.claim(transfer)).toMatchObject({ next: 'reconcile' });
  });
});

test('a first send waits for Stripe’s list, which was read 12 hours ago, to be read again', async () => {
  const transfer = await givenTransfer(bed.database, { account: newAccountId() });
  await bed.moveClocks({ hours: 12 });
  const look = { transferId: transfer.id, runId: 'run-1' };
  expect(await claimTransfer(bed.dependencies, look)).toMatchObject({
    next: 'rest',
    tellJob: true,
    view: { status: 'pending', attemptCount: 0 },
  });
  expect(await bed.generationsOf(transfer)).toEqual([]);
  await bed.readList(transfer);
  expect(await claimTransfer(bed.dependencies, look)).toMatchObject({ next: 'send' });
});

test('a key that only met refusals is left behind after 23 hours', async () => {
  const transfer = await givenTransfer(bed.database, { account: newAccountId() });
  await bed.fault({ kind: 'status', status: 429, code: 'rate_limit' });
  await bed.step(transfer);
  await bed.moveClocks({ hours: 23 });
  expect(await bed.step(transfer)).toMatchObject({ status: 'completed', generation: 2 });
  expect(await bed.generationsOf(transfer)).toMatchObject([
    { generation: 2 },
    { generation: 1, closedReason: 'key_too_old' },
  ]);
  expect(await bed.paidTimes(transfer)).toBe(1);
});

test('a key that may have paid is never left behind: after 23 hours it is looked up', async () => {
  const transfer = await givenTransfer(bed.database, { account: newAccountId() });
  await bed.fault({ kind: 'drop_after' });
  await bed.step(transfer);
  await bed.moveClocks({ hours: 23 });
  expect(await bed.claim(transfer)).toMatchObject({ next: 'reconcile' });
  expect(await bed.reconcile(transfer)).toMatchObject({ status: 'completed', generation: 1 });
  expect(await bed.paidTimes(transfer)).toBe(1);
});

test('a transfer that does not exist is an error, not a silence', async () => {
  const id = '00000000-0000-4000-8000-000000000000';
  await expect(bed.claim({ id })).rejects.toThrow('does not exist');
  await expect(bed.reconcile({ id })).rejects.toThrow('does not exist');
  const claim = { transferId: id, generation: 1, claimNumber: 1, runId: 'run' };
  await expect(bed.record(claim)).rejects.toThrow('does not exist');
  await expect(bed.send(claim)).rejects.toThrow('does not exist');
});

/**
 * Goal: above a limit nothing is sent before a second person has approved it, nor to an account that came after that,
 * nor while it is held (M6, M13); below it nothing changes.
 * Method: the activities and the functions of the commands over real Postgres and a sandbox, which counts what was paid.
 */
import { cancelTransfer, restoreTransfer } from '../../src/activities/cancel-transfer';
import { checkApproval } from '../../src/activities/check-approval';
import { confirmAccount, approveSettlement } from '../../src/client/approval';
import { importAccounts } from '../../src/client/import-accounts';
import { previewSettlement } from '../../src/client/preview';
import { readJobStatus } from '../../src/client/read-status';
import { findJobBySettlement } from '../../src/db/payout-jobs';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { findTransfersToWake } from '../../src/db/waiting-transfers';
import { JOB_IDLE_LOOK_MS } from '../../src/domain/limits';
import {
  givenScheduledSettlement,
  NEEDS_APPROVAL,
  newAccountId,
  untilSomebodyWaitsForLock,
} from '../support/builders';
import { checkedBedOfFile } from './checked-bed';

const bed = checkedBedOfFile();

const HOUR_MS = 3_600_000;
const by = (actor: string) => ({ actor, reason: 'looked at it' });

/** Of two winners that wait for an approval, recorded by ann; each has an account unless said otherwise. */
async function given(
  terms: Parameters<typeof givenScheduledSettlement>[2] = NEEDS_APPROVAL,
  withAccounts = true,
): Promise<[PayoutTransfer, PayoutTransfer]> {
  const { transfers } = await givenScheduledSettlement(
    bed.database,
    { winners: 2 },
    { ...terms, recordedBy: 'ann' },
  );
  if (withAccounts) {
    for (const { userId } of transfers) {
      await importAs('ann', userId, newAccountId());
    }
  }
  return transfers as [PayoutTransfer, PayoutTransfer];
}

async function importAs(actor: string, userId: string, stripeAccountId: string, isKnown = true) {
  const { report } = await importAccounts(
    bed.database,
    { accepted: [{ userId, stripeAccountId }], rejected: [] },
    { ...by(actor), isKnown },
  );
  return report;
}

const preview = ({ settlementId }: PayoutTransfer) => previewSettlement(bed.database, settlementId);

async function approve(
  transfer: PayoutTransfer,
  actor = 'bob',
  seen?: { readonly hash: string; readonly accountReplacements?: number },
) {
  const { settlementId } = transfer;
  const { hash } = seen ?? (await preview(transfer));
  return approveSettlement(
    { database: bed.database, operator: by(actor) },
    { settlementId, hash, accountReplacements: seen?.accountReplacements },
  );
}

async function order(transfer: PayoutTransfer) {
  const row = await bed.rowOf(transfer);
  return {
    ...by('ann'),
    transferId: row.id,
    seenStatus: row.status,
    seenAttemptCount: row.attemptCount,
    seenReason: row.failureReason,
    seenUpdatedAtMs: row.updatedAt.getTime(),
  };
}

const actionsOf = async ({ settlementId }: PayoutTransfer, action: string) =>
  bed.rows<{ actor: string }>(
    `select actor from operator_actions where action = $2 and subject ->> 'settlementId' = $1`,
    [settlementId, action],
  );

const traceOf = async (transfer: PayoutTransfer) => ({
  job: await findJobBySettlement(bed.database, transfer.settlementId),
  row: await bed.rowOf(transfer),
  actions: await actionsOf(transfer, 'approve'),
});

describe('a settlement above the limit', () => {
  test('waits, is shown, is approved by a second person, is paid', async () => {
    const [first, second] = await given();
    expect(await bed.claim(first)).toMatchObject({
      view: { status: 'blocked', failureReason: 'platform_approval_missing' },
    });
    const { counts, hash, winners, ...shown } = await preview(first);
    expect(shown).toMatchObject({ approval: 'required', recordedBy: 'ann', totalMinor: 2_001 });
    expect(counts).toMatchObject({ winners: 2, waitingForApproval: 2, toPay: 2 });
    expect(winners.map(({ obstacles }) => obstacles)).toEqual([
      ['platform_approval_missing'],
      ['platform_approval_missing'],
    ]);
    expect(await approve(first, 'bob', { hash })).toMatchObject({
      result: 'approved',
      transfers: 2,
      sumMinor: 2_001,
    });
    expect(await findTransfersToWake(bed.database, first.settlementId, PAGE)).toEqual([first.id]);
    expect(await readJobStatus(bed.database, first.settlementId)).toMatchObject({
      approval: 'approved',
      approvedBy: 'bob',
    });
    expect(await bed.step(first)).toMatchObject({ status: 'completed' });
    expect(await bed.step(second)).toMatchObject({ status: 'completed' });
  });

  test.each([
    ['by who recorded it', 'ann', undefined, 'approver_recorded_it'],
    ['with an old hash', 'bob', 'f'.repeat(64), 'approval_hash_changed'],
  ] as const)('is not approved %s, and nothing is changed', async (_how, actor, hash, code) => {
    const [first] = await given();
    const before = await traceOf(first);
    expect(await approve(first, actor, hash === undefined ? undefined : { hash })).toMatchObject({
      result: 'refused',
      code,
    });
    expect(await traceOf(first)).toEqual(before);
  });

  test('is approved once, however often it is said', async () => {
    const [first] = await given();
    const { hash } = await preview(first);
    const results = await Promise.all([1, 2, 3].map(() => approve(first, 'bob', { hash })));
    expect(results.map(({ result }) => result).sort()).toEqual([
      'approved',
      'unchanged',
      'unchanged',
    ]);
    const before = await traceOf(first);
    expect(before.actions).toEqual([{ actor: 'bob' }]);
    expect(await approve(first, 'eve', { hash })).toMatchObject({ result: 'unchanged' });
    expect(await traceOf(first)).toEqual(before);
  });

  test('whose winner is cancelled after the preview has another hash; who is restored needs an approval of his own', async () => {
    const [first, second] = await given();
    const { hash } = await preview(first);
    await cancelTransfer(bed.database, await order(second));
    expect(await approve(first, 'bob', { hash })).toMatchObject({ code: 'approval_hash_changed' });
    expect(await approve(first)).toMatchObject({ result: 'approved', transfers: 1 });
    await restoreTransfer({ database: bed.database, maxAttempts: 3 }, await order(second));
    expect(await bed.step(first)).toMatchObject({ status: 'completed' });
    expect(await bed.claim(second)).toMatchObject({
      view: { status: 'blocked', failureReason: 'platform_approval_missing' },
    });
    expect(await approve(first)).toMatchObject({ result: 'approved', transfers: 1 });
    // The first hash again: it names both, as the whole approval does now.
    expect((await preview(first)).hash).toBe(hash);
    expect(await bed.step(second)).toMatchObject({ status: 'completed' });
  });

  test('a cancel that is under way while it is approved is waited for', async () => {
    const [first, second] = await given();
    const { hash } = await preview(first);
    const other = bed.connect();
    const client = await other.database.$client.connect();
    await client.query('begin');
    await client.query(`update payout_transfers set status = 'cancelled' where id = $1`, [
      second.id,
    ]);
    const approval = approve(first, 'bob', { hash });
    await untilSomebodyWaitsForLock(bed);
    await client.query('commit');
    client.release();
    expect(await approval).toMatchObject({ result: 'refused', code: 'approval_hash_changed' });
  });

  test('with nobody left has nothing to approve', async () => {
    const [first, second] = await given();
    await cancelTransfer(bed.database, await order(first));
    await cancelTransfer(bed.database, await order(second));
    expect(await approve(first)).toMatchObject({ code: 'nothing_to_approve' });
  });

  test('has winners whose wait for an account begins with the approval', async () => {
    const [first] = await given(NEEDS_APPROVAL, false);
    await scheduleAgain(first);
    await bed.moveClocks({ days: 40 });
    await approve(first);
    expect(await bed.claim(first)).toMatchObject({
      view: { status: 'blocked', failureReason: 'payee_account_missing' },
    });
  });

  test('stays so under the terms of its recording, whatever the settings have become', async () => {
    const [first] = await given();
    await bed.claim(first);
    await scheduleAgain(first);
    expect(await bed.claim(first)).toMatchObject({
      view: { failureReason: 'platform_approval_missing' },
    });
  });
});

const PAGE = { afterTransferId: null, transfersMax: 10 };

async function scheduleAgain({ settlementId }: PayoutTransfer): Promise<void> {
  const { scheduleJob } = await import('../../src/activities/schedule-job.js');
  const [row] = await bed.rows<{ content_hash: string }>(
    'select content_hash from settlements where settlement_id = $1',
    [settlementId],
  );
  await scheduleJob(bed.dependencies, {
    settlementId,
    contentHash: row!.content_hash,
    runId: 'run-2',
    isContinued: false,
  });
}

test('a settlement below the limit is paid as ever, and cannot be approved', async () => {
  const [first] = await given({ approvalAbove: { usd: 2_001 } });
  expect(await approve(first)).toMatchObject({ code: 'approval_not_needed' });
  expect(await bed.step(first)).toMatchObject({ status: 'completed' });
});

describe('an account', () => {
  const confirm = (transfer: PayoutTransfer, accountId: string, actor = 'bob') =>
    confirmAccount(
      { database: bed.database, operator: by(actor) },
      { transferId: transfer.id, accountId },
    );
  const unconfirmed = {
    view: { status: 'blocked', failureReason: 'platform_account_unconfirmed' },
  };

  test('that is the winner’s first needs no confirmation', async () => {
    const [first] = await given(NEEDS_APPROVAL, false);
    await approve(first);
    await importAs('ann', first.userId, newAccountId());
    expect(await bed.step(first)).toMatchObject({ status: 'completed' });
  });

  test('that was replaced after the approval waits until somebody else confirms it', async () => {
    const [first, second] = await given();
    await approve(first);
    const accountId = newAccountId();
    await importAs('ann', first.userId, accountId);
    expect(await bed.claim(first)).toMatchObject(unconfirmed);
    expect(await bed.step(second)).toMatchObject({ status: 'completed' });
    expect(await confirm(first, newAccountId())).toMatchObject({ code: 'account_is_another' });
    expect(await confirm(first, accountId, 'ann')).toMatchObject({ code: 'confirmer_replaced_it' });
    expect(await findTransfersToWake(bed.database, first.settlementId, PAGE)).toEqual([]);
    expect(await confirm(first, accountId)).toMatchObject({ result: 'confirmed' });
    expect(await confirm(first, accountId)).toMatchObject({ result: 'unchanged' });
    expect(await actionsOf(first, 'confirm_account')).toEqual([{ actor: 'bob' }]);
    expect(await findTransfersToWake(bed.database, first.settlementId, PAGE)).toEqual([first.id]);
    expect(await bed.step(first)).toMatchObject({ status: 'completed' });
  });

  test('that was replaced between claim and send is not paid', async () => {
    const [first] = await given();
    await approve(first);
    const claim = await bed.claimToSend(first);
    const { account } = await accountOf(first);
    await importAs('ann', first.userId, newAccountId());
    await importAs('ann', first.userId, account);
    expect(await bed.send(claim)).toMatchObject({ reason: 'platform_account_unconfirmed' });
    expect(await bed.record(claim)).toMatchObject({ status: 'blocked', attemptCount: 0 });
  });

  test('that was replaced after the preview is looked at before the approval', async () => {
    const [first, second] = await given();
    const seen = await preview(first);
    await importAs('ann', first.userId, newAccountId());
    const stale = { hash: seen.hash, accountReplacements: seen.accountReplacements };
    const before = await traceOf(first);
    expect(await approve(first, 'bob', stale)).toMatchObject({ code: 'approval_accounts_changed' });
    expect(await traceOf(first)).toEqual(before);
    const again = await preview(first);
    expect(again.winners.map(({ accountVersion }) => accountVersion).sort()).toEqual([1, 2]);
    expect(again.hash).toBe(seen.hash);
    // Put back it is still another one than was seen.
    await importAs(
      'ann',
      first.userId,
      seen.winners.find(({ userId }) => userId === first.userId)!.accountId!,
    );
    expect(await approve(first, 'bob', { ...stale, accountReplacements: 1 })).toMatchObject({
      code: 'approval_accounts_changed',
    });
    const { accountReplacements } = await preview(first);
    expect(await approve(first, 'bob', { ...stale, accountReplacements })).toMatchObject({
      result: 'approved',
    });
    await importAs('ann', second.userId, newAccountId());
    expect(await approve(first, 'bob', { ...stale, accountReplacements })).toMatchObject({
      result: 'unchanged',
    });
    expect(await bed.step(first)).toMatchObject({ status: 'completed' });
    expect(await bed.claim(second)).toMatchObject(unconfirmed);
  });

  test('that came first since the preview is no change', async () => {
    const [first] = await given(NEEDS_APPROVAL, false);
    const { accountReplacements, hash } = await preview(first);
    await importAs('ann', first.userId, newAccountId());
    expect(await approve(first, 'bob', { hash, accountReplacements })).toMatchObject({
      result: 'approved',
    });
  });

  test('whose replacement is under way while it is approved is waited for', async () => {
    const [first] = await given();
    const { accountReplacements, hash } = await preview(first);
    const client = await bed.connect().database.$client.connect();
    await client.query('begin');
    await client.query(
      `update user_stripe_accounts set stripe_account_id = 'acct_other', version = version + 1 where user_id = $1`,
      [first.userId],
    );
    const approval = approve(first, 'bob', { hash, accountReplacements });
    await untilSomebodyWaitsForLock(bed);
    await client.query('commit');
    client.release();
    expect(await approval).toMatchObject({ code: 'approval_accounts_changed' });
  });

  test('that came while an earlier send may have paid does not keep that from being asked about', async () => {
    const [first] = await given();
    await approve(first);
    await bed.fault({ kind: 'drop_after' });
    expect(await bed.step(first)).toMatchObject({ status: 'unknown' });
    await importAs('ann', first.userId, newAccountId());
    expect(await bed.step(first)).toMatchObject({ status: 'completed' });
    expect(await bed.paidTimes(first)).toBe(1);
  });

  test('that the approver has put there is left for somebody else', async () => {
    const [first] = await given();
    const accountId = newAccountId();
    await importAs('bob', first.userId, accountId);
    await approve(first, 'bob');
    expect(await bed.claim(first)).toMatchObject(unconfirmed);
    expect(await confirm(first, accountId, 'bob')).toMatchObject({ code: 'confirmer_replaced_it' });
    expect(await confirm(first, accountId, 'eve')).toMatchObject({ result: 'confirmed' });
    expect(await bed.step(first)).toMatchObject({ status: 'completed' });
  });

  test('is not replaced by somebody whom no token names', async () => {
    const [first] = await given();
    const report = await importAs('os/ann', first.userId, newAccountId(), false);
    expect(report.rejected).toEqual([
      expect.objectContaining({ reason: expect.stringContaining('PAYOUT_OPERATOR_TOKEN') }),
    ]);
  });

  async function accountOf({ userId }: PayoutTransfer) {
    const [row] = await bed.rows<{ account: string }>(
      'select stripe_account_id as account from user_stripe_accounts where user_id = $1',
      [userId],
    );
    return row!;
  }
});

describe('a settlement that is held', () => {
  const HELD = { holdMs: 48 * HOUR_MS };

  test('is not sent before, whoever claims, and is after', async () => {
    const [first, second] = await given(HELD);
    expect(await bed.claim(first)).toMatchObject({
      view: { status: 'blocked', failureReason: 'platform_on_hold' },
    });
    await bed.moveClocks({ hours: 47 });
    expect(await bed.claim(second)).toMatchObject({ view: { status: 'blocked' } });
    expect(await findTransfersToWake(bed.database, first.settlementId, PAGE)).toEqual([]);
    await bed.moveClocks({ hours: 49 });
    expect(await findTransfersToWake(bed.database, first.settlementId, PAGE)).toHaveLength(2);
    expect(await bed.step(first)).toMatchObject({ status: 'completed' });
  });

  test('has winners whose wait for an account begins when the hold is over', async () => {
    const [first] = await given({ holdMs: 60 * 24 * HOUR_MS }, false);
    await scheduleAgain(first);
    await bed.moveClocks({ days: 61 });
    expect(await bed.claim(first)).toMatchObject({
      view: { status: 'blocked', failureReason: 'payee_account_missing' },
    });
  });
});

describe('the job’s look', () => {
  async function look({ payoutJobId: jobId }: PayoutTransfer) {
    const { lookAgainInMs, progress } = await checkApproval(bed.dependencies, { jobId });
    return { lookAgainInMs, status: progress.status, gate: progress.gate };
  }

  test('waits for the approval, then for the hold, then goes on', async () => {
    const [first] = await given({ ...NEEDS_APPROVAL, holdMs: 48 * HOUR_MS });
    expect(await look(first)).toMatchObject({
      lookAgainInMs: JOB_IDLE_LOOK_MS,
      status: 'awaiting_approval',
      gate: { isApprovalMissing: true, heldUntil: expect.any(String) },
    });
    await approve(first);
    const held = await look(first);
    expect(held).toMatchObject({ status: 'awaiting_approval', gate: { isApprovalMissing: false } });
    expect(held.lookAgainInMs! / HOUR_MS).toBeCloseTo(48, 1);
    await bed.moveClocks({ hours: 49 });
    expect(await look(first)).toMatchObject({ lookAgainInMs: null });
  });

  test('never waits where nothing is asked for', async () => {
    const [first] = await given({});
    expect(await look(first)).toEqual({ lookAgainInMs: null, status: 'pending', gate: undefined });
  });
});

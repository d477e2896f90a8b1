/**
 * Goal: the questions of claim and `beginSend` whether a payment was approved (M6, M13): what happens without each.
 * Method: each is asked as if nobody had to approve, behind the triggers; the rest of the gates stay as they are.
 */
import type * as Attempts from '../../src/db/payout-attempts';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { bedOfFile } from '../activities/bed-of-file';
import { givenTransfer, NEEDS_APPROVAL, newAccountId } from '../support/builders';
import { brokenInvariants } from '../support/invariants';
import { GuardSwitch } from './guard-switch';
import { postsDuring } from '../activities/made-at-stripe';

const gate = new GuardSwitch();

jest.mock('../../src/db/payout-attempts', () => {
  const actual = jest.requireActual<typeof Attempts>('../../src/db/payout-attempts');
  return {
    ...actual,
    beginSend: (...asked: Parameters<typeof actual.beginSend>) =>
      gate.isOff
        ? asIfNotNeeded({ id: asked[1].transferId }, () => actual.beginSend(...asked))
        : actual.beginSend(...asked),
  };
});

const bed = bedOfFile();

beforeEach(() => gate.switchOn());

async function setApproval({ id }: Pick<PayoutTransfer, 'id'>, approval: string): Promise<void> {
  await bed.inTransaction(
    'set local session_replication_role = replica',
    `update payout_jobs set approval = '${approval}'
     where id = (select payout_job_id from payout_transfers where id = '${id}')`,
    `update payout_transfers set approval = '${approval}' where id = '${id}'`,
  );
}

async function asIfNotNeeded<Result>(
  transfer: Pick<PayoutTransfer, 'id'>,
  work: () => Promise<Result>,
): Promise<Result> {
  await setApproval(transfer, 'not_required');
  const result = await work();
  await setApproval(transfer, 'required');
  return result;
}

const given = () => givenTransfer(bed.database, { account: newAccountId(), terms: NEEDS_APPROVAL });

test('without the claim’s question `beginSend` stands behind it: nothing is sent, it waits for the approval', async () => {
  const transfer = await given();
  const claim = await asIfNotNeeded(transfer, () => bed.claimToSend(transfer));
  expect(await postsDuring(bed, () => bed.send(claim))).toBe(0);
  expect(await bed.record(claim)).toMatchObject({ failureReason: 'platform_approval_missing' });
  expect(await brokenInvariants(bed)).toEqual([]);
});

test('without that of `beginSend` the claim stands before it', async () => {
  const transfer = await given();
  gate.switchOff();
  expect(await bed.claim(transfer)).toMatchObject({
    next: 'rest',
    view: { failureReason: 'platform_approval_missing' },
  });
});

test('without both nothing stands behind them: WHAT NOBODY APPROVED IS PAID, once, and verify says so', async () => {
  const transfer = await given();
  gate.switchOff();
  const claim = await asIfNotNeeded(transfer, () => bed.claimToSend(transfer));
  expect(await postsDuring(bed, () => bed.send(claim))).toBe(1);
  await bed.record(claim);
  expect(await bed.paidTimes(transfer)).toBe(1);
  const broken = await brokenInvariants(bed);
  expect(JSON.stringify(broken)).toContain('nothing was sent for anybody who was not approved');
});

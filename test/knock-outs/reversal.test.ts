/**
 * Goal: the 23-hour rule (M6) and the one-open index are what keep a reversal from being made twice, and what stands
 * behind each is seen.
 * Method: the rule is mocked away, the index dropped by its owner; what came back is counted by the sandbox.
 */
import type * as Limits from '../../src/domain/limits';
import { insertReversal } from '../../src/db/payout-reversals';
import type * as Invariants from '../support/invariants';
import { bedOfFile } from '../activities/bed-of-file';
import { givenPaid, OPERATOR, reversalBed, type ReversalBed } from '../activities/reversal-bed';
import { GuardSwitch } from './guard-switch';
import { FOR_EVER_MS, LOST } from './knock-out-bed';

const rule = new GuardSwitch();

jest.mock('../../src/domain/limits', () => {
  const actual = jest.requireActual<typeof Limits>('../../src/domain/limits');
  return {
    ...actual,
    get KEY_SENDABLE_MS() {
      return rule.isOff ? FOR_EVER_MS : actual.KEY_SENDABLE_MS;
    },
  };
});

const bed = bedOfFile();
let reversals: ReversalBed;

beforeAll(() => {
  reversals = reversalBed(bed);
});

beforeEach(() => {
  rule.switchOn();
});

async function givenAnswerLostADayAgo() {
  const transfer = await givenPaid(bed);
  const reversal = await reversals.ordered({ transferId: transfer.id, amountMinor: 400 });
  await reversals.fault(LOST);
  expect(await reversals.step(reversal)).toMatchObject({ status: 'unknown' });
  await bed.moveClocks({ hours: 25 });
  return { reversal, transfer };
}

test('with the 23-hour rule Stripe is looked at instead of the dead key: it came back once', async () => {
  const { reversal, transfer } = await givenAnswerLostADayAgo();
  expect(await reversals.step(reversal)).toMatchObject({ status: 'completed' });
  expect(await reversals.reversedAtStripe(transfer)).toBe(400);
});

test('without it the forgotten key takes back TWICE; the next look books both and stops the settlement', async () => {
  const { reversal, transfer } = await givenAnswerLostADayAgo();
  rule.switchOff();
  await reversals.step(reversal);
  rule.switchOn();
  expect(await reversals.reversedAtStripe(transfer)).toBe(800);
  const second = await reversals.ordered({ transferId: transfer.id, amountMinor: 100 });
  await reversals.step(second);
  // The second order does not expect what is at Stripe, so it ends unsent.
  expect(await reversals.rowOf(second)).toMatchObject({
    status: 'refused',
    failureReason: 'reversal_changed_at_stripe',
  });
  expect(await reversals.postingsOf(transfer)).toEqual([400, 400]);
  const alarms = await bed.rows<{ cause: string }>(
    'select cause from payout_controls where settlement_id = $1 and lifted_at is null',
    [transfer.settlementId],
  );
  expect(alarms).toEqual([{ cause: `duplicate_stripe_reversal:${reversal.id}` }]);
});

test('without the one-open index a writer past the lock makes two orders; the second sees the first at Stripe', async () => {
  const transfer = await givenPaid(bed);
  const first = await reversals.ordered({ transferId: transfer.id, amountMinor: 400 });
  const order = {
    transferId: transfer.id,
    settlementId: transfer.settlementId,
    stripeTransferId: transfer.stripeTransferId!,
    amountMinor: 400,
    currency: transfer.currency,
    reversedBeforeMinor: 0,
  };
  const insert = () => insertReversal(bed.database, order, OPERATOR, bed.platform);
  await expect(insert()).rejects.toThrow();
  await bed.rows('drop index payout_reversals_one_open');
  const second = await insert();
  // Not above: it reads the rule as it is loaded.
  const { brokenInvariants } = jest.requireActual<typeof Invariants>('../support/invariants');
  expect(await brokenInvariants(bed, transfer.settlementId)).toEqual([
    `no transfer has two open reversals: ${transfer.id}`,
  ]);
  await reversals.drive(first);
  expect(await reversals.drive(second)).toMatchObject({
    status: 'refused',
    failureReason: 'reversal_changed_at_stripe',
  });
  expect(await reversals.reversedAtStripe(transfer)).toBe(400);
  await bed.rows(
    `create unique index payout_reversals_one_open on payout_reversals (transfer_id)
     where status in ('pending', 'processing', 'unknown')`,
  );
});

/**
 * Goal: what is wrong for everybody stops the settlement or everything, and fails nobody; one winner's trouble does not (M7).
 * Method: winners of one settlement are sent one after the other into scripted refusals of the sandbox.
 */
import { lookAtPauses } from '../../src/activities/look-at-pauses';
import { findPausesInForce } from '../../src/db/payout-controls';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { insertUserStripeAccount } from '../../src/db/user-stripe-accounts';
import { givenScheduledSettlement, newAccountId } from '../support/builders';
import { checkedBedOfFile } from './checked-bed';

const bed = checkedBedOfFile();

const REGION = { kind: 'status', status: 400, code: 'transfers_not_allowed' };
const AMOUNT = { kind: 'status', status: 400, code: 'amount_too_small' };
const NOT_READY = { kind: 'status', status: 400, code: 'insufficient_capabilities_for_transfer' };
const RATE_LIMITED = { kind: 'status', status: 429, code: 'rate_limit' };

async function givenWinners(winners: number): Promise<readonly PayoutTransfer[]> {
  const { transfers } = await givenScheduledSettlement(bed.database, { winners });
  for (const { userId } of transfers) {
    await insertUserStripeAccount(bed.database, { userId, stripeAccountId: newAccountId() });
  }
  return transfers;
}

async function stepWith(
  transfer: PayoutTransfer,
  fault: Readonly<Record<string, unknown>> | undefined,
): Promise<PayoutTransfer> {
  if (fault !== undefined) {
    await bed.fault(fault);
  }
  return bed.step(transfer);
}

async function pausesOf([transfer]: readonly PayoutTransfer[]) {
  const pauses = await findPausesInForce(bed.database, transfer!.settlementId);
  return pauses.map(({ cause, nextLookAt, settlementId }) => ({
    cause,
    scope: settlementId === null ? 'everything' : 'settlement',
    isLiftedByItself: nextLookAt !== null,
  }));
}

describe('the same refusal at three winners in a row', () => {
  test.each([
    ['of the payee', REGION, 'payee_region_not_allowed'],
    ['of the request', AMOUNT, 'request_amount_refused'],
  ])('%s pauses the settlement for a person, not before the third', async (_, fault, cause) => {
    const winners = await givenWinners(4);
    for (const winner of winners.slice(0, 2)) {
      await stepWith(winner, fault);
    }
    expect(await pausesOf(winners)).toEqual([]);
    await stepWith(winners[2]!, fault);
    expect(await pausesOf(winners)).toEqual([
      { cause, scope: 'settlement', isLiftedByItself: false },
    ]);
    expect(await bed.claim(winners[3]!)).toMatchObject({
      view: { status: 'blocked', failureReason: 'platform_paused' },
    });
  });

  test('does not pause with a payment between them', async () => {
    const winners = await givenWinners(5);
    const faults = [REGION, REGION, undefined, REGION, REGION];
    for (const [index, winner] of winners.entries()) {
      await stepWith(winner, faults[index]);
    }
    expect(await pausesOf(winners)).toEqual([]);
  });

  test('does not pause where another refusal stands between them', async () => {
    const winners = await givenWinners(3);
    const faults = [REGION, AMOUNT, REGION];
    for (const [index, winner] of winners.entries()) {
      await stepWith(winner, faults[index]);
    }
    expect(await pausesOf(winners)).toEqual([]);
  });

  test('never pauses for payees who are not ready', async () => {
    const winners = await givenWinners(6);
    for (const winner of winners) {
      expect(await stepWith(winner, NOT_READY)).toMatchObject({ status: 'blocked' });
    }
    expect(await pausesOf(winners)).toEqual([]);
  });
});

test('a key that may read and not send: its pause comes back, looked at later each time, and nobody fails', async () => {
  const winners = await givenWinners(1);
  const { settlementId } = winners[0]!;
  const waitsMs: number[] = [];
  let movedMs = 0;
  for (let round = 0; round < 3; round += 1) {
    expect(await stepWith(winners[0]!, { kind: 'status', status: 403 })).toMatchObject({
      status: 'blocked',
      failureReason: 'platform_permission_missing',
      countedAttemptCount: 0,
    });
    const [pause] = await findPausesInForce(bed.database, settlementId);
    const waitMs = pause!.nextLookAt!.getTime() - pause!.setAt.getTime();
    waitsMs.push(waitMs);
    movedMs += waitMs + 1_000;
    await bed.moveClocks({ ms: movedMs });
    await lookAtPauses(bed.dependencies, { settlementId }, () => Promise.resolve());
    expect(await findPausesInForce(bed.database, settlementId)).toEqual([]);
  }
  expect(waitsMs.map((waitMs) => Math.round(waitMs / 60_000))).toEqual([1, 2, 4]);
});

test('twenty 429s in a row pause the settlement until automation looks, nineteen do not', async () => {
  const winners = await givenWinners(20);
  for (const winner of winners.slice(0, 19)) {
    expect(await stepWith(winner, RATE_LIMITED)).toMatchObject({ status: 'retryable' });
  }
  expect(await pausesOf(winners)).toEqual([]);
  await stepWith(winners[19]!, RATE_LIMITED);
  expect(await pausesOf(winners)).toEqual([
    { cause: 'transient_rate_limited', scope: 'settlement', isLiftedByItself: true },
  ]);
});

describe('a problem of the platform’s fails nobody and uses up nothing:', () => {
  test.each([
    ['401', { status: 401 }, 'platform_key_rejected', 'everything', true],
    ['403', { status: 403 }, 'platform_permission_missing', 'everything', true],
    [
      'no funds',
      { status: 400, code: 'balance_insufficient' },
      'platform_balance_insufficient',
      'settlement',
      true,
    ],
    [
      'mixed up modes',
      { status: 400, code: 'livemode_mismatch' },
      'platform_mode_mismatch',
      'everything',
      false,
    ],
    [
      'risk controls',
      { status: 400, code: 'action_blocked' },
      'platform_risk_control',
      'settlement',
      false,
    ],
  ] as const)('%s', async (_, answer, ...[cause, scope, isLiftedByItself]) => {
    const winners = await givenWinners(5);
    expect(await stepWith(winners[0]!, { kind: 'status', ...answer })).toMatchObject({
      status: 'blocked',
      failureClass: 'platform',
      failureReason: cause,
      countedAttemptCount: 0,
    });
    expect(await pausesOf(winners)).toEqual([{ cause, scope, isLiftedByItself }]);
    for (const winner of winners.slice(1)) {
      await bed.claim(winner);
      expect(await bed.rowOf(winner)).toMatchObject({ status: 'blocked', attemptCount: 0 });
    }
  });
});

/**
 * Goal: an approval names exactly who gets how much: whatever is changed is another text, whatever is only moved about is not.
 * Method: settlements drawn at random, one thing of each changed; the rules at every fact.
 */
import * as fc from 'fast-check';

import {
  canonicalApprovalText,
  decideApproval,
  decideConfirmation,
  isAccountConfirmed,
  isPartOfApproval,
  needsApproval,
  type AccountFacts,
  type ApprovalFacts,
  type ApprovedWinner,
} from '../../src/domain/approval';
import { TRANSFER_STATUSES } from '../../src/domain/transfer-state';

const id = fc.stringMatching(/^[A-Za-z0-9_.:-]{1,12}$/);
const winners: fc.Arbitrary<ApprovedWinner[]> = fc.uniqueArray(
  fc.record({ userId: id, award: id, amountMinor: fc.integer({ min: 1, max: 1e9 }) }),
  { minLength: 1, maxLength: 8, selector: ({ award, userId }) => `${userId}/${award}` },
);
const settlement = { settlementId: 's', currency: 'usd' };
const textOf = (of: readonly ApprovedWinner[]) => canonicalApprovalText(settlement, of);

describe('the text of an approval', () => {
  test('is the same in whatever order the winners come', () => {
    const shuffled = winners.chain((given) =>
      fc.tuple(
        fc.constant(given),
        fc.shuffledSubarray(given, { minLength: given.length, maxLength: given.length }),
      ),
    );
    fc.assert(
      fc.property(shuffled, ([given, moved]) => {
        expect(textOf(moved)).toBe(textOf(given));
      }),
    );
  });

  test('is another when one winner, award or amount is another, or missing', () => {
    const changes: ((winner: ApprovedWinner) => ApprovedWinner[])[] = [
      () => [],
      (winner) => [{ ...winner, userId: `${winner.userId}x` }],
      (winner) => [{ ...winner, award: `${winner.award}x` }],
      (winner) => [{ ...winner, amountMinor: winner.amountMinor + 1 }],
      (winner) => [winner, { ...winner, award: 'one more than any' }],
    ];
    fc.assert(
      fc.property(winners, fc.nat(), fc.constantFrom(...changes), (given, at, change) => {
        const index = at % given.length;
        const changed = given.flatMap((winner, each) => (each === index ? change(winner) : winner));
        expect(textOf(changed)).not.toBe(textOf(given));
      }),
    );
  });

  test('is another for another settlement or currency', () => {
    const of = [{ userId: 'u', award: 'a', amountMinor: 1 }];
    const texts = [
      settlement,
      { ...settlement, settlementId: 't' },
      { ...settlement, currency: 'eur' },
    ].map((each) => canonicalApprovalText(each, of));
    expect(new Set(texts).size).toBe(3);
  });
});

test.each(TRANSFER_STATUSES)('%s: part of an approval unless given up before it', (status) => {
  const isGivenUp = status === 'cancelled' || status === 'voided';
  expect(isPartOfApproval({ status, approval: 'required' })).toBe(!isGivenUp);
  expect(isPartOfApproval({ status, approval: 'approved' })).toBe(true);
});

test.each([
  [undefined, 'usd', 1e9, false],
  [{ usd: 500 }, 'usd', 500, false],
  [{ usd: 500 }, 'usd', 501, true],
  [{ usd: 0 }, 'usd', 1, true],
  [{ usd: 500 }, 'eur', 1, true],
  [{}, 'usd', 1, true],
  [{ usd: 500 }, 'constructor', 1, true],
])('limits %j, %s %d: needs an approval %s', (limits, currency, totalMinor, isNeeded) => {
  expect(needsApproval(limits, { currency, totalMinor })).toBe(isNeeded);
});

describe('an approval', () => {
  const facts: ApprovalFacts = {
    approval: 'required',
    recordedBy: 'ann',
    hash: 'now',
    waitingCount: 2,
    accountReplacements: 3,
  };
  const order = { actor: 'bob', hash: 'now' };
  test.each([
    ['approve', {}, {}],
    ['approve', { recordedBy: null }, {}],
    ['approve', { approval: 'approved', waitingCount: 1 }, {}],
    ['approve', {}, { accountReplacements: 3 }],
    ['approval_accounts_changed', {}, { accountReplacements: 2 }],
    ['approval_accounts_changed', {}, { accountReplacements: 4 }],
    ['approval_hash_changed', {}, { hash: 'old', accountReplacements: 2 }],
    ['unchanged', { approval: 'approved', waitingCount: 0 }, {}],
    ['unchanged', { approval: 'approved', waitingCount: 0 }, { accountReplacements: 2 }],
    ['nothing_to_approve', { waitingCount: 0 }, {}],
    ['approval_not_needed', { approval: 'not_required', waitingCount: 0 }, {}],
    ['approver_recorded_it', {}, { actor: 'ann' }],
    ['approver_recorded_it', {}, { actor: 'ann', hash: 'old' }],
    ['approval_hash_changed', {}, { hash: 'old' }],
    ['approval_hash_changed', { approval: 'approved', waitingCount: 0 }, { hash: 'old' }],
  ] as const)('%s where %j, ordered with %j', (decision, changed, ordered) => {
    expect(decideApproval({ ...facts, ...changed }, { ...order, ...ordered })).toBe(decision);
  });
});

describe('an account', () => {
  const facts: AccountFacts = {
    approval: 'approved',
    status: 'blocked',
    approvedAccountVersion: 1,
    account: { stripeAccountId: 'acct_new', version: 2 },
    replacedBy: 'ann',
  };
  const order = { actor: 'bob', accountId: 'acct_new' };
  test.each([
    ['confirm', {}, {}],
    ['confirm', { replacedBy: null }, {}],
    ['unchanged', { approvedAccountVersion: 2 }, {}],
    ['confirmer_replaced_it', {}, { actor: 'ann' }],
    ['account_is_another', {}, { accountId: 'acct_old' }],
    ['account_is_another', { account: undefined }, {}],
    ['confirmation_not_needed', { approval: 'required', approvedAccountVersion: null }, {}],
    ['confirmation_not_needed', { approval: 'not_required', approvedAccountVersion: null }, {}],
    ['payment_has_ended', { status: 'completed' }, {}],
    ['payment_has_ended', { status: 'voided' }, {}],
  ] as const)('%s where %j, ordered with %j', (decision, changed, ordered) => {
    expect(decideConfirmation({ ...facts, ...changed }, { ...order, ...ordered })).toBe(decision);
  });

  test.each([
    ['approved', 1, undefined, true],
    ['approved', 1, 1, true],
    ['approved', 1, 2, false],
    ['approved', 2, 1, false],
    ['not_required', null, 7, true],
    ['required', null, 7, true],
  ] as const)('%s for version %s, now %s: confirmed %s', (approval, approved, now, isConfirmed) => {
    const account = now === undefined ? undefined : { version: now };
    expect(isAccountConfirmed({ approval, approvedAccountVersion: approved }, account)).toBe(
      isConfirmed,
    );
  });
});

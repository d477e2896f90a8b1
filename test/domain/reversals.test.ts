/**
 * Goal: of what came back each part is booked once, and a contradiction between Stripe and the ledger books nothing.
 * Method: lists as Stripe and the ledger may show them, in every order of knowing.
 */
import { judgeReversals, type Reversal } from '../../src/domain/reversals';

const PAID = { amountMinor: 1_000, currency: 'usd' };
const A: Reversal = { id: 'trr_a', amountMinor: 300, currency: 'usd' };
const B: Reversal = { id: 'trr_b', amountMinor: 700, currency: 'usd' };

test('what the ledger does not have is booked, what it has is not booked again', () => {
  expect(judgeReversals(PAID, [A], [], [])).toEqual({ is: 'book', fresh: [A], reversedMinor: 300 });
  expect(judgeReversals(PAID, [B, A], [A], ['trr_a'])).toEqual({
    is: 'book',
    fresh: [B],
    reversedMinor: 1_000,
  });
  expect(judgeReversals(PAID, [B, A], [A, B], ['trr_a'])).toEqual({
    is: 'book',
    fresh: [],
    reversedMinor: 1_000,
  });
});

test('a ledger that has learnt of another while the list was read is believed', () => {
  expect(judgeReversals(PAID, [A], [A, B], ['trr_a'])).toEqual({
    is: 'book',
    fresh: [],
    reversedMinor: 1_000,
  });
});

test.each([
  ['more came back than was paid', 'over_reversed', [A, { ...B, amountMinor: 701 }], [], []],
  [
    'more, of which the ledger knows a part',
    'over_reversed',
    [{ ...B, amountMinor: 701 }],
    [A],
    [],
  ],
  [
    'another amount than is booked',
    'reversal_differs',
    [{ ...A, amountMinor: 299 }],
    [A],
    ['trr_a'],
  ],
  ['another currency', 'reversal_differs', [{ ...A, currency: 'eur' }], [], []],
  ['one is booked that Stripe does not have', 'reversal_not_at_stripe', [B], [A], ['trr_a']],
] as const)('%s: an alarm, and nothing is booked', (_what, reason, listed, booked, before) => {
  expect(judgeReversals(PAID, listed, booked, before)).toEqual({ is: 'alarm', reason });
});

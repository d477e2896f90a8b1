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

const CONTRADICTIONS: readonly {
  readonly what: string;
  readonly reason: string;
  readonly listed: readonly Reversal[];
  readonly booked?: readonly Reversal[];
  readonly before?: readonly string[];
}[] = [
  {
    what: 'more came back than was paid',
    reason: 'over_reversed',
    listed: [A, { ...B, amountMinor: 701 }],
  },
  {
    what: 'more, of which only the ledger knows a part',
    reason: 'over_reversed',
    listed: [{ ...B, amountMinor: 701 }],
    booked: [A],
  },
  {
    what: 'another amount than is booked',
    reason: 'reversal_differs',
    listed: [{ ...A, amountMinor: 299 }],
    booked: [A],
    before: ['trr_a'],
  },
  {
    what: 'another currency',
    reason: 'reversal_differs',
    listed: [{ ...A, currency: 'eur' }],
  },
  {
    what: 'one is booked that Stripe does not have',
    reason: 'reversal_not_at_stripe',
    listed: [B],
    booked: [A],
    before: ['trr_a'],
  },
];

test.each(CONTRADICTIONS)(
  '$what: an alarm, and nothing is booked',
  ({ before = [], booked = [], listed, reason }) => {
    expect(judgeReversals(PAID, listed, booked, before)).toEqual({ is: 'alarm', reason });
  },
);

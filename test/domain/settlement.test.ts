/**
 * Goal: a settlement is accepted whole or refused with every problem's place, and its canonical text depends on nothing
 * but its content.
 * Method: a table of the refusals; properties for the canonical text.
 */
import fc from 'fast-check';
import { InvalidInputError, PROBLEMS_SHOWN_MAX } from '../../src/domain/invalid-input';
import { WINNERS_PER_SETTLEMENT_MAX } from '../../src/domain/limits';
import {
  canonicalSettlementText,
  checkSettlement,
  type Settlement,
  type SettlementCandidate,
} from '../../src/domain/settlement';

const RULES = { amountMinorMax: 1_000_000 };
const GOOD: SettlementCandidate = {
  settlementId: 's-1',
  contestId: 'c:1',
  currency: 'USD',
  winners: [
    { userId: 'u2', amountMinor: 250 },
    { userId: 'u1', amountMinor: 1000, award: 'second' },
    { userId: 'u1', amountMinor: 500 },
  ],
  totalMinor: 1750,
};

function accepted(candidate: SettlementCandidate): Settlement {
  const check = checkSettlement(candidate, RULES);
  if (!check.ok) {
    throw new InvalidInputError('refused', check.problems);
  }
  return check.settlement;
}

function refusal(changes: Partial<SettlementCandidate>) {
  const check = checkSettlement({ ...GOOD, totalMinor: undefined, ...changes }, RULES);
  if (check.ok) {
    throw new Error('accepted');
  }
  return check;
}

const winners = (...amounts: readonly number[]) =>
  amounts.map((amountMinor, index) => ({ userId: `u${index}`, amountMinor }));

test('a good settlement gets the default award, a lower-case currency and its total', () => {
  expect(accepted(GOOD)).toEqual({
    settlementId: 's-1',
    contestId: 'c:1',
    currency: 'usd',
    winners: [
      { userId: 'u2', award: 'prize', amountMinor: 250 },
      { userId: 'u1', award: 'second', amountMinor: 1000 },
      { userId: 'u1', award: 'prize', amountMinor: 500 },
    ],
    totalMinor: 1750,
  });
});

test.each<[string, Partial<SettlementCandidate>, string, string]>([
  ['no winners', { winners: [] }, 'winners', '1 to 100000 winners'],
  ['amount 0', { winners: winners(0) }, 'winners[0].amountMinor', 'from 1 to'],
  ['a negative amount', { winners: winners(5, -5) }, 'winners[1].amountMinor', 'from 1 to'],
  ['a fraction', { winners: winners(1.5) }, 'winners[0].amountMinor', 'whole number'],
  ['beyond 2^53', { winners: winners(2 ** 53) }, 'winners[0].amountMinor', 'whole number'],
  ['above the cap', { winners: winners(1_000_001) }, 'winners[0].amountMinor', 'at most 1000000'],
  [
    'a fraction of yen',
    { currency: 'jpy', winners: winners(10.5) },
    'winners[0].amountMinor',
    'no decimals',
  ],
  [
    'three decimals',
    { currency: 'kwd', winners: winners(1234) },
    'winners[0].amountMinor',
    'multiple of 10',
  ],
  [
    'parts of a króna',
    { currency: 'isk', winners: winners(550) },
    'winners[0].amountMinor',
    'multiple of 100',
  ],
  ['an unknown currency', { currency: 'zzz' }, 'currency', 'such as usd'],
  ['an empty id', { settlementId: '' }, 'settlementId', '1 to 100 characters'],
  ['a long id', { contestId: 'c'.repeat(101) }, 'contestId', '1 to 100 characters'],
  [
    'an id with a slash',
    { winners: [{ userId: 'a/b', amountMinor: 1 }] },
    'winners[0].userId',
    '1 to 100',
  ],
  ['an id with a line end', { settlementId: 's-1\n' }, 'settlementId', '1 to 100 characters'],
  [
    'an empty award',
    { winners: [{ userId: 'a', award: '', amountMinor: 1 }] },
    'winners[0].award',
    '1 to 100',
  ],
  ['another total', { totalMinor: 1749 }, 'totalMinor', '1750, the sum'],
])('%s is refused', (_what, changes, place, expected) => {
  const { problems } = refusal(changes);
  expect(problems).toEqual([
    { place, found: expect.any(String), expected: expect.stringContaining(expected) },
  ]);
});

test('a winner given twice names both places, also when only one says the default award', () => {
  const { problems } = refusal({
    winners: [
      { userId: 'u1', amountMinor: 1 },
      { userId: 'u2', amountMinor: 1 },
      { userId: 'u1', award: 'prize', amountMinor: 2 },
    ],
  });
  expect(problems).toHaveLength(1);
  expect(problems[0]?.place).toBe('winners[2]');
  expect(problems[0]?.expected).toContain('winners[0]');
});

test('too many winners and a sum beyond 2^53 − 1 are refused', () => {
  const many = Array.from({ length: WINNERS_PER_SETTLEMENT_MAX + 1 }, (_, index) => ({
    userId: `u${index}`,
    amountMinor: 1,
  }));
  expect(refusal({ winners: many }).problems[0]?.place).toBe('winners');
  const huge = { ...GOOD, totalMinor: undefined, winners: winners(2 ** 52, 2 ** 52) };
  const check = checkSettlement(huge, { amountMinorMax: Number.MAX_SAFE_INTEGER });
  expect(check).toMatchObject({ ok: false, problems: [{ place: 'winners' }] });
});

test('many problems are counted, not all listed; values are shortened and escaped', () => {
  const bad = Array.from({ length: 30 }, (_, index) => ({
    userId: `\u001b[31m\u202e${index}${'x'.repeat(500)}`,
    amountMinor: 1,
  }));
  const { problems, omitted } = refusal({ winners: bad });
  expect(problems).toHaveLength(PROBLEMS_SHOWN_MAX);
  expect(omitted).toBe(10);
  const { message } = new InvalidInputError('refused', problems, omitted);
  expect(message).toContain('\\u001b[31m\\u202e0xxx');
  expect(message).toContain('and 10 more');
  expect(message).not.toMatch(/[\u001b\u202e]/);
  expect(message.split('\n').every((line) => line.length < 200)).toBe(true);
});

const id = fc.stringMatching(/^[A-Za-z0-9_.:-]{1,12}$/);
const candidates = fc.record({
  settlementId: id,
  contestId: id,
  currency: fc.constantFrom('usd', 'EUR', 'Jpy'),
  winners: fc.uniqueArray(
    fc.record({ userId: id, award: id, amountMinor: fc.integer({ min: 1, max: 1000 }) }),
    { minLength: 1, maxLength: 8, selector: ({ userId, award }) => `${userId}/${award}` },
  ),
});

test('the canonical text does not depend on the order of winners or the case of the currency', () => {
  fc.assert(
    fc.property(candidates, fc.infiniteStream(fc.nat()), (candidate, ranks) => {
      const shuffled = candidate.winners
        .map((winner) => ({ winner, rank: ranks.next().value as number }))
        .sort((left, right) => left.rank - right.rank)
        .map(({ winner }) => winner);
      const other = { ...candidate, winners: shuffled, currency: candidate.currency.toUpperCase() };
      const text = canonicalSettlementText(accepted(candidate));
      expect(canonicalSettlementText(accepted(other))).toBe(text);
    }),
  );
});

test('the canonical text changes with every part of the content', () => {
  const text = canonicalSettlementText(accepted(GOOD));
  const [first, ...rest] = GOOD.winners;
  const changes: readonly Partial<SettlementCandidate>[] = [
    { settlementId: 's-2' },
    { contestId: 'c-2' },
    { currency: 'eur' },
    { winners: rest },
    { winners: [{ ...first!, amountMinor: 251 }, ...rest] },
    { winners: [{ ...first!, award: 'other' }, ...rest] },
    { winners: [{ ...first!, userId: 'u9' }, ...rest] },
  ];
  for (const change of changes) {
    const changed = accepted({ ...GOOD, ...change, totalMinor: undefined });
    expect(canonicalSettlementText(changed)).not.toBe(text);
  }
});

test('the canonical text is this text for ever: stored hashes are made of it', () => {
  expect(canonicalSettlementText(accepted(GOOD))).toBe(
    '{"settlementId":"s-1","contestId":"c:1","currency":"usd","winners":[' +
      '{"userId":"u1","award":"prize","amountMinor":500},' +
      '{"userId":"u1","award":"second","amountMinor":1000},' +
      '{"userId":"u2","award":"prize","amountMinor":250}]}',
  );
});

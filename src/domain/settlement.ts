import { compareText } from './compare-text';
import { currencyRule } from './currencies';
import { DEFAULT_AWARD, ID_PATTERN } from './ids';
import { ProblemList, type Problem } from './invalid-input';
import { ID_CHARACTERS_MAX, WINNERS_PER_SETTLEMENT_MAX } from './limits';
import { amountProblem, sumMinor } from './money';
import { shownValue } from './shown-value';

/** How far a settlement in the database is: written, handed in, and then accepted or rejected by the validator. */
export const SETTLEMENT_STATUSES = ['open', 'completed', 'accepted', 'rejected'] as const;

export type SettlementStatus = (typeof SETTLEMENT_STATUSES)[number];

/** One prize: a user may win several in a contest, told apart by their award. */
export interface Winner {
  readonly userId: string;
  readonly award: string;
  /** Integer minor units of the settlement's currency. */
  readonly amountMinor: number;
}

/** The closed result of a contest, every rule of which has been checked. */
export interface Settlement {
  readonly settlementId: string;
  readonly contestId: string;
  /** Lower case, as Stripe takes it. */
  readonly currency: string;
  readonly winners: readonly Winner[];
  /** The sum of the winners' amounts. */
  readonly totalMinor: number;
}

/** A settlement of the right shape and not yet of the right content. */
export interface SettlementCandidate {
  readonly settlementId: string;
  readonly contestId: string;
  readonly currency: string;
  readonly winners: readonly {
    readonly userId: string;
    readonly amountMinor: number;
    readonly award?: string | undefined;
  }[];
  /** Where the sender declares a total, the winners have to add up to it. */
  readonly totalMinor?: number | undefined;
}

export type SettlementCheck =
  | { readonly ok: true; readonly settlement: Settlement }
  | {
      readonly ok: false;
      /** The first problems, at most `PROBLEMS_SHOWN_MAX`. */
      readonly problems: readonly Problem[];
      /** How many more there are. */
      readonly omitted: number;
    };

const ID_EXPECTED = `1 to ${ID_CHARACTERS_MAX.toString()} characters of A-Z a-z 0-9 _ . : -`;

function checkId(problems: ProblemList, place: string, id: string): void {
  if (!ID_PATTERN.test(id)) {
    problems.add({ place, found: shownValue(id), expected: ID_EXPECTED });
  }
}

/** Two entries for one prize would be one debt with two amounts; both places are named. */
function checkDuplicates(problems: ProblemList, winners: readonly Winner[]): void {
  const firstIndexes = new Map<string, number>();
  winners.forEach((winner, index) => {
    const identity = JSON.stringify([winner.userId, winner.award]);
    const first = firstIndexes.get(identity);
    if (first === undefined) {
      firstIndexes.set(identity, index);
      return;
    }
    problems.add({
      place: `winners[${index.toString()}]`,
      found: `user ${shownValue(winner.userId)} with award ${shownValue(winner.award)} a second time`,
      expected: `each user and award once (the first is winners[${first.toString()}])`,
    });
  });
}

function checkWinners(
  problems: ProblemList,
  winners: readonly Winner[],
  rule: { readonly currency: string; readonly amountMinorMax: number },
): void {
  if (winners.length === 0 || winners.length > WINNERS_PER_SETTLEMENT_MAX) {
    problems.add({
      place: 'winners',
      found: shownValue(winners),
      expected: `1 to ${WINNERS_PER_SETTLEMENT_MAX.toString()} winners`,
    });
    return;
  }
  const isCurrencyKnown = currencyRule(rule.currency) !== undefined;
  winners.forEach((winner, index) => {
    const place = `winners[${index.toString()}]`;
    checkId(problems, `${place}.userId`, winner.userId);
    checkId(problems, `${place}.award`, winner.award);
    const expected = isCurrencyKnown
      ? amountProblem(winner.amountMinor, rule.currency, rule.amountMinorMax)
      : undefined;
    if (expected !== undefined) {
      const found = shownValue(winner.amountMinor);
      problems.add({ place: `${place}.amountMinor`, found, expected });
    }
  });
  checkDuplicates(problems, winners);
}

/** @returns the sum; 0 where it cannot be told, in which case there is a problem */
function checkTotal(
  problems: ProblemList,
  winners: readonly Winner[],
  declared: number | undefined,
): number {
  const total = sumMinor(winners.map((winner) => winner.amountMinor));
  if (total === undefined && problems.isEmpty) {
    problems.add({
      place: 'winners',
      found: 'amounts with a sum that is not a whole number within 2^53 − 1',
      expected: `amounts that add up to at most ${Number.MAX_SAFE_INTEGER.toString()}`,
    });
  }
  if (total === undefined) {
    return 0;
  }
  if (declared !== undefined && declared !== total) {
    problems.add({
      place: 'totalMinor',
      found: shownValue(declared),
      expected: `${total.toString()}, the sum of the winners' amounts`,
    });
  }
  return total;
}

/**
 * Checks a settlement whole: either every rule holds and it may be recorded, or nothing of it may.
 *
 * A winner without an award gets the default one; the currency may come in any case and is lowered. Pure: the same
 * candidate always gives the same answer.
 * @param rules.amountMinorMax the largest single prize of this installation, in minor units
 */
export function checkSettlement(
  candidate: SettlementCandidate,
  rules: { readonly amountMinorMax: number },
): SettlementCheck {
  const problems = new ProblemList();
  const currency = candidate.currency.toLowerCase();
  const winners = candidate.winners.map(({ userId, award, amountMinor }) => ({
    userId,
    award: award ?? DEFAULT_AWARD,
    amountMinor,
  }));
  checkId(problems, 'settlementId', candidate.settlementId);
  checkId(problems, 'contestId', candidate.contestId);
  if (currencyRule(currency) === undefined) {
    problems.add({
      place: 'currency',
      found: shownValue(candidate.currency),
      expected: 'the three-letter code of a currency that Stripe pays in, such as usd',
    });
  }
  checkWinners(problems, winners, { currency, amountMinorMax: rules.amountMinorMax });
  const totalMinor = checkTotal(problems, winners, candidate.totalMinor);
  if (!problems.isEmpty) {
    return { ok: false, problems: problems.shown, omitted: problems.omitted };
  }
  const { settlementId, contestId } = candidate;
  return { ok: true, settlement: { settlementId, contestId, currency, winners, totalMinor } };
}

/**
 * The one text of a settlement's content, whatever the order of its winners or the case of its currency (M10). Two
 * settlements are the same exactly when their texts are.
 */
export function canonicalSettlementText(settlement: Settlement): string {
  const winners = [...settlement.winners]
    .sort(
      (left, right) =>
        compareText(left.userId, right.userId) || compareText(left.award, right.award),
    )
    .map(({ userId, award, amountMinor }) => ({ userId, award, amountMinor }));
  return JSON.stringify({
    settlementId: settlement.settlementId,
    contestId: settlement.contestId,
    currency: settlement.currency.toLowerCase(),
    winners,
  });
}

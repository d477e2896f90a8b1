import { z } from 'zod';
import { InvalidInputError, ProblemList } from '../domain/invalid-input';
import { SETTLEMENT_FILE_BYTES_MAX } from '../domain/limits';
import { checkSettlement, type Settlement } from '../domain/settlement';
import { shownPlace, shownValue } from '../domain/shown-value';
import { readInputFile } from './input-file';
import { parseStrictJson } from './strict-json';

const REFUSED = 'the settlement is refused whole; nothing was recorded';

/** The messages of the schema say what was expected; what was found is looked up in the value itself. */
const AMOUNT_EXPECTED = 'a whole number of minor units, without quotation marks';

function objectOf(fields: string) {
  return (issue: { readonly code?: string }): string =>
    issue.code === 'unrecognized_keys' ? `only the fields ${fields}` : `an object with ${fields}`;
}

const winnerShape = z.strictObject(
  {
    userId: z.string('text'),
    amountMinor: z.number(AMOUNT_EXPECTED),
    award: z.string('text, or no such field').optional(),
  },
  { error: objectOf('userId, amountMinor and, if wanted, award') },
);

const settlementShape = z.strictObject(
  {
    settlementId: z.string('text'),
    contestId: z.string('text'),
    currency: z.string('the three-letter code of a currency, such as "usd"'),
    winners: z.array(winnerShape, 'a list of winners'),
    totalMinor: z.number(`${AMOUNT_EXPECTED}, or no such field`).optional(),
  },
  { error: objectOf('settlementId, contestId, currency, winners and, if wanted, totalMinor') },
);

/** What stands at a path of a parsed JSON value; undefined where nothing does. */
function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, step) =>
      typeof inner === 'object' && inner !== null && Object.hasOwn(inner, step)
        ? (inner as Record<PropertyKey, unknown>)[step]
        : undefined,
    value,
  );
}

function shapeProblems(value: unknown, issues: readonly z.core.$ZodIssue[]): ProblemList {
  const problems = new ProblemList();
  for (const issue of issues) {
    const extraFields = issue.code === 'unrecognized_keys' ? issue.keys : [];
    for (const field of extraFields) {
      const place = shownPlace([...issue.path, field]);
      problems.add({ place, found: 'an unknown field', expected: issue.message });
    }
    if (extraFields.length === 0) {
      const found = shownValue(valueAt(value, issue.path));
      problems.add({ place: shownPlace(issue.path), found, expected: issue.message });
    }
  }
  return problems;
}

/**
 * A settlement out of the JSON text of a file or a request: `{"settlementId", "contestId", "currency", "winners":
 * [{"userId", "amountMinor", "award"?}], "totalMinor"?}`.
 *
 * @param rules.amountMinorMax the largest single prize, in minor units
 * @throws InvalidInputError naming each wrong field, its place and what was expected
 */
export function parseSettlement(
  text: string,
  rules: { readonly amountMinorMax: number },
): Settlement {
  const value = parseStrictJson(text, { wholeNumbersOnly: true });
  const shape = settlementShape.safeParse(value);
  if (!shape.success) {
    const problems = shapeProblems(value, shape.error.issues);
    throw new InvalidInputError(REFUSED, problems.shown, problems.omitted);
  }
  const check = checkSettlement(shape.data, rules);
  if (!check.ok) {
    throw new InvalidInputError(REFUSED, check.problems, check.omitted);
  }
  return check.settlement;
}

/**
 * Reads and checks a settlement file. Nothing is written anywhere; reading it again gives the same answer.
 *
 * @throws InvalidInputError for a file that cannot be read, is too large, is not UTF-8 or JSON, or breaks a rule
 */
export async function readSettlementFile(
  path: string,
  rules: { readonly amountMinorMax: number },
): Promise<Settlement> {
  return parseSettlement(await readInputFile(path, SETTLEMENT_FILE_BYTES_MAX), rules);
}

import { visit, type JSONVisitor } from 'jsonc-parser';
import { InvalidInputError, ProblemList } from '../domain/invalid-input';
import { shownPlace, shownText } from '../domain/shown-value';

const STRICT = { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false };

const WHOLE_NUMBER = /^-?\d+$/;

/** Not JSON at all, so nothing can be said of its fields. */
export class NotJsonError extends InvalidInputError {}

/** Lines and columns as editors count them, from 1. */
function place(line: number, character: number): string {
  return `line ${(line + 1).toString()}, column ${(character + 1).toString()}`;
}

/** The second reader goes down into nested values by calling itself, which `JSON.parse` does not. */
function visitStrictly(text: string, visitor: JSONVisitor): void {
  try {
    visit(text, visitor, STRICT);
  } catch (error) {
    if (error instanceof RangeError) {
      const problem = {
        place: 'the whole file',
        found: 'values nested in values without an end in reach',
        expected: 'an object or a list that is a few levels deep',
      };
      throw new InvalidInputError('the file is refused; nothing was recorded', [problem]);
    }
    throw error;
  }
}

function isExactWhole(value: number, literal: string): boolean {
  return WHOLE_NUMBER.test(literal) && Number.isSafeInteger(value);
}

/** `JSON.parse` does not always say where it stopped, so a second reader finds the place. */
function syntaxError(text: string): NotJsonError {
  let first: { readonly offset: number; readonly place: string } | undefined;
  visitStrictly(text, {
    onError: (_code, offset, ...[, line, character]) => {
      first ??= { offset, place: place(line, character) };
    },
  });
  const at = first ?? { offset: 0, place: '(whole file)' };
  const rest = text.slice(at.offset, at.offset + 20);
  return new NotJsonError('the file is not JSON; nothing was recorded', [
    {
      place: at.place,
      found: rest === '' ? 'the end of the file' : `"${shownText(rest)}"`,
      expected: 'valid JSON',
    },
  ]);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw syntaxError(text);
  }
}

/**
 * What `JSON.parse` passes over in silence and money cannot afford: a field given twice, of which it keeps the last, and
 * numbers that it rounds (9007199254740993) or that look like a decimal amount (12.00).
 */
function findHiddenProblems(text: string, wantsWholeNumbers: boolean): ProblemList {
  const problems = new ProblemList();
  const openObjects: Set<string>[] = [];
  visitStrictly(text, {
    onObjectBegin: () => {
      openObjects.push(new Set());
    },
    onObjectEnd: () => {
      openObjects.pop();
    },
    onObjectProperty: (property, ...[, , , , path]) => {
      const names = openObjects.at(-1);
      if (names?.has(property)) {
        const found = 'the same field a second time';
        problems.add({ place: shownPlace([...path(), property]), found, expected: 'it once' });
      }
      names?.add(property);
    },
    onLiteralValue: (value: unknown, offset, length, ...[, , path]) => {
      const literal = text.slice(offset, offset + length);
      if (wantsWholeNumbers && typeof value === 'number' && !isExactWhole(value, literal)) {
        problems.add({
          place: shownPlace(path()),
          found: shownText(literal),
          expected: 'a whole number of minor units within 2^53 − 1, written in digits only',
        });
      }
    },
  });
  return problems;
}

/**
 * The value of a JSON text, read more strictly than `JSON.parse` does.
 *
 * @param options.wholeNumbersOnly refuses every number that is not written as a whole one and kept exactly
 * @throws InvalidInputError with line and column for text that is not JSON, with the place of a doubled field or bad number
 */
export function parseStrictJson(
  text: string,
  options: { readonly wholeNumbersOnly: boolean },
): unknown {
  const value = parse(text);
  const problems = findHiddenProblems(text, options.wholeNumbersOnly);
  if (!problems.isEmpty) {
    const summary = 'the file is not valid; nothing was recorded';
    throw new InvalidInputError(summary, problems.shown, problems.omitted);
  }
  return value;
}

/** One thing that is wrong with an input: where it is, what is there and what should be. */
export interface Problem {
  /** A path such as `winners[3].amountMinor`, or a line and column where there is no structure yet. */
  readonly place: string;
  /** The value, shortened and with control characters escaped. */
  readonly found: string;
  readonly expected: string;
}

/** More problems than this tell a person nothing new; the rest is counted. */
export const PROBLEMS_SHOWN_MAX = 20;

/** Problems found so far: the first ones in full, the others as a number. */
export class ProblemList {
  readonly shown: Problem[] = [];
  omitted = 0;

  add(problem: Problem): void {
    if (this.shown.length < PROBLEMS_SHOWN_MAX) {
      this.shown.push(problem);
    } else {
      this.omitted += 1;
    }
  }

  get isEmpty(): boolean {
    return this.shown.length === 0;
  }
}

/** Problems as lines of text, the last one saying how many are not listed. */
function describeProblems(problems: readonly Problem[], omitted: number): string {
  const lines = problems.map(
    ({ place, found, expected }) => `  ${place}: found ${found}, expected ${expected}`,
  );
  return [...lines, ...(omitted > 0 ? [`  and ${omitted.toString()} more`] : [])].join('\n');
}

/**
 * An input from outside is refused whole: nothing was written. The command line ends with exit code 2.
 * Its message names every problem up to `PROBLEMS_SHOWN_MAX`; sending the same input again cannot help.
 */
export class InvalidInputError extends Error {
  readonly problems: readonly Problem[];
  /** How many problems are not in `problems`. */
  readonly omitted: number;

  constructor(summary: string, problems: readonly Problem[], omitted = 0) {
    super(problems.length === 0 ? summary : `${summary}\n${describeProblems(problems, omitted)}`);
    this.name = 'InvalidInputError';
    this.problems = problems;
    this.omitted = omitted;
  }
}

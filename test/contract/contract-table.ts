import Table from 'cli-table3';
import type { ContractSettings } from './contract-settings';
import type { Agreement, OpenPoint } from './open-point';
import { ADVICE, COMPARISON, REPLAYED_REFUSALS, RESTRICTED_KEY } from './points-of-keys';
import { GROUP_LENGTH, UNITS, VISIBILITY } from './points-of-transfers';
import { NotAsked, setUpContract, type SetUp } from './set-up';

/** In the order in which they are asked: the burst comes last, so that no other point waits for a rate limit. */
const OPEN_POINTS: readonly OpenPoint[] = [
  REPLAYED_REFUSALS,
  COMPARISON,
  VISIBILITY,
  UNITS,
  GROUP_LENGTH,
  RESTRICTED_KEY,
  ADVICE,
];

export interface Answer {
  readonly point: OpenPoint;
  readonly observed: string;
  readonly agree: Agreement;
}

export interface ContractReport {
  readonly answers: readonly Answer[];
  /** Heading, table and what was set up, ready to be printed. */
  readonly text: string;
}

/**
 * Asks every open point, one after the other, and puts the answers into one table. A point that cannot be asked says
 * so there.
 *
 * @throws Error when the key does not work at all
 */
export async function askOpenPoints(settings: ContractSettings): Promise<ContractReport> {
  const setUp = await setUpContract(settings);
  const answers: Answer[] = [];
  for (const point of OPEN_POINTS) {
    answers.push(await ask(point, setUp));
  }
  answers.sort((left, right) => left.point.number - right.point.number);
  const text = [
    settings.isStripe
      ? 'Open points, as Stripe’s test mode answers them'
      : `Open points, asked of ${settings.apiBase}: this was NOT Stripe`,
    table(answers),
    ...setUp.notes.map((note) => `set-up: ${note}`),
  ].join('\n');
  return { answers, text };
}

async function ask(point: OpenPoint, setUp: SetUp): Promise<Answer> {
  try {
    return { point, ...(await point.ask(setUp)) };
  } catch (error) {
    // Names only: the message of a failed fetch may hold an address, that of JSON a piece of a body.
    const reason =
      error instanceof NotAsked
        ? error.message
        : `failed: ${(error as { name?: string }).name ?? ''}`;
    return { point, observed: `not asked: ${reason}`, agree: 'not asked' };
  }
}

function table(answers: readonly Answer[]): string {
  const rows = new Table({
    head: ['point', 'question', 'observed', 'our sandbox and our code assume', 'agree'],
    colWidths: [7, 26, 48, 48, 7],
    wordWrap: true,
    style: { head: [], border: [] },
  });
  rows.push(
    ...answers.map(({ point, observed, agree }) => [
      point.number.toString(),
      point.question,
      observed,
      point.assumed,
      agree,
    ]),
  );
  return rows.toString();
}

import Table from 'cli-table3';

import { describeSettings } from '../../config/describe-settings';
import { EXIT_CODES } from '../exit-codes';
import type { CommandContext, JsonOption } from './command-context';

/** `payouts config`: every setting with its source, secrets hidden; exit code 2 when one is wrong. */
export function configCommand(context: CommandContext, options: JsonOption): number {
  const rows = describeSettings(context.environment);
  const table = new Table({
    head: ['setting', 'value', 'source', 'problem'],
    style: { head: [], border: [] },
  });
  table.push(
    ...rows.map(({ name, value, source, problem }) => [name, value, source, problem ?? '']),
  );
  context.print({ settings: rows }, table.toString(), options);
  return rows.some(({ problem }) => problem !== undefined) ? EXIT_CODES.wrongUse : EXIT_CODES.done;
}

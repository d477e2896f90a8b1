import { describeSettings } from '../../config/describe-settings';
import { EXIT_CODES } from '../exit-codes';
import { plainTable } from '../plain-table';
import type { CommandContext, JsonOption } from './command-context';

/** `payouts config`: every setting with its source, secrets hidden; exit code 2 when one is wrong. */
export function configCommand(context: CommandContext, options: JsonOption): number {
  const rows = describeSettings(context.environment);
  const table = plainTable(
    { setting: 'left', value: 'left', source: 'left', problem: 'left' },
    rows.map(({ name, value, source, problem }) => [name, value, source, problem ?? '']),
  );
  context.print({ settings: rows }, table, options);
  return rows.some(({ problem }) => problem !== undefined) ? EXIT_CODES.wrongUse : EXIT_CODES.done;
}

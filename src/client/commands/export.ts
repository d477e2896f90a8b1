import { assertInstallation } from '../../db/installation';
import { shownValue } from '../../domain/shown-value';
import { withDatabase } from '../connections';
import { EXIT_CODES, UsageError } from '../exit-codes';
import { writeExport, type ExportFormat, type ExportName } from '../export';
import { refuseToOverwrite, type OutputOptions } from '../output';
import type { CommandContext } from './command-context';

export interface ExportOptions extends OutputOptions {
  readonly settlement?: string;
  readonly since?: string;
  readonly until?: string;
  readonly format: ExportFormat;
}

/** `payouts export attempts|postings|actions [--settlement S] [--since T] [--until T] [--format csv|jsonl] [--output FILE]` */
export async function exportCommand(
  context: CommandContext,
  what: ExportName,
  options: ExportOptions,
): Promise<number> {
  const { since, until } = timesOf(options);
  await refuseToOverwrite(options.output, options.force);
  await withDatabase(context.environment.variables, async (database) => {
    await assertInstallation(database, {});
    const order = { what, format: options.format, settlementId: options.settlement, since, until };
    await writeExport(database, order, options);
  });
  return EXIT_CODES.done;
}

function timesOf(options: ExportOptions): { since: Date | undefined; until: Date | undefined } {
  const since = momentOf('--since', options.since);
  const until = momentOf('--until', options.until);
  if (since !== undefined && until !== undefined && since >= until) {
    throw new UsageError('--since has to be before --until; --until itself is not part of it');
  }
  return { since, until };
}

/** A day, or a moment with its offset: without one it would be another moment on another machine. */
const MOMENT = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/;

function momentOf(option: string, text: string | undefined): Date | undefined {
  if (text === undefined) {
    return undefined;
  }
  const moment = new Date(text);
  // JavaScript makes the 2nd of March of the 30th of February.
  const isDay = moment.getTime() === Date.parse(text) && isDayOfCalendar(text);
  if (!MOMENT.test(text) || !isDay) {
    throw new UsageError(
      `${option}: found ${shownValue(text)}, expected a day such as 2026-11-01 (UTC) or a moment such as 2026-11-01T08:00:00Z`,
    );
  }
  return moment;
}

function isDayOfCalendar(text: string): boolean {
  const day = text.slice(0, 10);
  const midnight = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
}

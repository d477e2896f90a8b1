import type { Database } from '../../db/database';
import { assertInstallation } from '../../db/installation';
import { withDatabase } from '../connections';
import { EXIT_CODES } from '../exit-codes';
import { readStatus } from '../read-status';
import { statusText } from '../show-status';
import { watchStatus } from '../watch-status';
import type { CommandContext, JsonOption } from './command-context';

export interface StatusOptions extends JsonOption {
  readonly watch?: boolean;
}

/** `payouts status SETTLEMENT [--watch]` */
export async function statusCommand(
  context: CommandContext,
  settlementId: string,
  options: StatusOptions,
): Promise<number> {
  return withDatabase(context.environment.variables, async (database) => {
    await assertInstallation(database, {});
    const found = await readStatus(database, settlementId);
    const isWatched = options.watch === true && found.status === 'accepted';
    if (isWatched) {
      await watchUntilInterrupted(database, settlementId);
    }
    const report = isWatched ? await readStatus(database, settlementId) : found;
    context.print(report, statusText(report), options);
    return report.status === 'accepted' ? EXIT_CODES.done : EXIT_CODES.problemFound;
  });
}

async function watchUntilInterrupted(database: Database, settlementId: string): Promise<void> {
  const stop = new AbortController();
  const onSignal = () => {
    stop.abort();
  };
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  // Nobody reads the progress any more: watching on would be invisible.
  process.stderr.once('error', onSignal);
  await watchStatus(database, settlementId, { signal: stop.signal });
}

import type { Database } from '../../db/database';
import { assertInstallation } from '../../db/installation';
import { withDatabase } from '../connections';
import { EXIT_CODES } from '../exit-codes';
import { readStatus, SettlementNotAcceptedError } from '../read-status';
import { handedInText } from '../show-handed-in';
import { statusTable } from '../show-status';
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
    try {
      return await showStatus(context, database, settlementId, options);
    } catch (error) {
      if (!(error instanceof SettlementNotAcceptedError)) {
        throw error;
      }
      const { settlementId: id, ...settlement } = error.settlement;
      const result = { settlementId: id, settlement, job: null, transfers: [] };
      context.print(result, handedInText(error.settlement), options);
      return EXIT_CODES.problemFound;
    }
  });
}

async function showStatus(
  context: CommandContext,
  database: Database,
  settlementId: string,
  options: StatusOptions,
): Promise<number> {
  if (options.watch === true) {
    const stop = new AbortController();
    const onSignal = () => {
      stop.abort();
    };
    process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
    // Nobody reads the progress any more: watching on would be invisible.
    process.stderr.once('error', onSignal);
    await watchStatus(database, settlementId, { signal: stop.signal });
  }
  const status = await readStatus(database, settlementId);
  context.print(status, statusTable(status), options);
  return EXIT_CODES.done;
}

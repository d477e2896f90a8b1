import { loadSettings } from '../../config/settings';
import { assertInstallation } from '../../db/installation';
import { withDatabase, withTemporal } from '../connections';
import { EXIT_CODES } from '../exit-codes';
import { sweepText } from '../show-sweep';
import { runPayoutScheduler } from '../sweep';
import type { CommandContext, JsonOption } from './command-context';

/** `payouts sweep` */
export async function sweepCommand(context: CommandContext, options: JsonOption): Promise<number> {
  const { variables } = context.environment;
  const settings = loadSettings(variables, ['DATABASE_URL', 'TEMPORAL_ADDRESS']);
  // The sweep itself runs in a worker; asked here, so that a Postgres that is away is told at once.
  await withDatabase(variables, (database) =>
    assertInstallation(database, { installationId: settings.payoutInstallationId }),
  );
  const report = await withTemporal(variables, ({ client }) => runPayoutScheduler(client));
  context.print(report, sweepText(report), options);
  const isGood = report.rejected.length + report.failed.length === 0;
  return isGood ? EXIT_CODES.done : EXIT_CODES.problemFound;
}

import { wakeWaitingTransfers } from '../../activities/wake-waiting-transfers';
import { loadSettings, type EnvironmentVariables } from '../../config/settings';
import { assertInstallation } from '../../db/installation';
import { readAccountsFile } from '../accounts-file';
import { withDatabase, withTemporal } from '../connections';
import { EXIT_CODES, UsageError } from '../exit-codes';
import { importAccounts, type ReplacementPermission } from '../import-accounts';
import { identityOf, operatorOf } from '../operator';
import type { CommandContext, JsonOption } from './command-context';
import { orSay } from './or-say';

export interface AccountsImportOptions extends JsonOption {
  readonly replace?: boolean;
  readonly reason?: string;
}

/** `payouts accounts import FILE [--replace --reason R]` */
export async function accountsImportCommand(
  context: CommandContext,
  file: string,
  options: AccountsImportOptions,
): Promise<number> {
  const { variables } = context.environment;
  const settings = loadSettings(variables, ['DATABASE_URL', 'TEMPORAL_ADDRESS']);
  const permission = permissionOf(variables, options);
  const accounts = await readAccountsFile(file);
  const report = await withDatabase(variables, async (database) => {
    await assertInstallation(database, { installationId: settings.payoutInstallationId });
    const imported = await importAccounts(database, accounts, permission);
    if (imported.changedUserIds.length > 0) {
      await orSay(
        context,
        'the accounts are imported; waiting winners were not told and look again by themselves within the hour',
        withTemporal(variables, ({ client }) =>
          wakeWaitingTransfers({ client, database }, imported.changedUserIds),
        ),
      );
    }
    return imported.report;
  });
  const { imported, unchanged, replaced, rejected } = report;
  const text = [
    `${imported.toString()} imported, ${unchanged.toString()} unchanged, ${replaced.length.toString()} replaced, ${rejected.length.toString()} rejected`,
    ...rejected.map(({ place, userId, reason }) => `  ${place} ${userId ?? ''}: ${reason}`),
  ].join('\n');
  context.print(report, text, options);
  return rejected.length > 0 ? EXIT_CODES.problemFound : EXIT_CODES.done;
}

function permissionOf(
  variables: EnvironmentVariables,
  options: AccountsImportOptions,
): ReplacementPermission | undefined {
  if (options.replace !== true) {
    return undefined;
  }
  if (options.reason === undefined) {
    throw new UsageError('--replace needs --reason: it changes where somebody’s money goes');
  }
  const { isKnown } = identityOf(variables);
  return { ...operatorOf(variables, options), isKnown };
}

import { loadSettings } from '../../config/settings';
import { CONNECT_TIMEOUT_MS } from '../../domain/limits';
import { createStripeClient } from '../../stripe/client';
import { withDatabase, withTemporal } from '../connections';
import { EXIT_CODES } from '../exit-codes';
import { setUp } from '../setup';
import type { CommandContext, JsonOption } from './command-context';

/** `payouts setup` */
export async function setupCommand(context: CommandContext, options: JsonOption): Promise<number> {
  const { variables } = context.environment;
  const settings = loadSettings(variables, ['DATABASE_URL', 'TEMPORAL_ADDRESS', 'STRIPE_API_KEY']);
  const stripe = createStripeClient({
    apiKey: settings.stripeApiKey,
    apiBase: settings.stripeApiBase,
    callDeadlineMs: CONNECT_TIMEOUT_MS,
  });
  // All three are reached before anything is changed in one of them.
  const report = await withTemporal(variables, (temporal) =>
    withDatabase(variables, (database) =>
      setUp({
        databaseUrl: settings.databaseUrl,
        database,
        temporal,
        stripe,
        installationId: settings.payoutInstallationId,
      }),
    ),
  );
  const { migrations, schedule, searchAttributes } = report;
  const text = [
    `migrations: ${migrations.applied.toString()} applied, ${migrations.total.toString()} in all`,
    `search attributes: ${searchAttributes.registered.length.toString()} registered, ${searchAttributes.existing.length.toString()} were there`,
    `schedule ${schedule.scheduleId}: every ${schedule.every}, ${schedule.change}${schedule.paused ? ', paused' : ''}`,
    `namespace ${settings.temporalNamespace} is ready`,
  ].join('\n');
  context.print(report, text, options);
  return EXIT_CODES.done;
}

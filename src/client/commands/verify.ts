import { SingleBar } from 'cli-progress';

import { loadSettings } from '../../config/settings';
import { assertInstallation } from '../../db/installation';
import { identifyStripeAccount } from '../../stripe/balance-and-account';
import { createStripeClient } from '../../stripe/client';
import { withDatabase, withTemporal } from '../connections';
import { EXIT_CODES } from '../exit-codes';
import { verifyTable } from '../verify/show-verify';
import { verify } from '../verify/verify';
import type { CommandContext, JsonOption } from './command-context';

/** `payouts verify [SETTLEMENT]` */
export async function verifyCommand(
  context: CommandContext,
  settlementId: string | undefined,
  options: JsonOption,
): Promise<number> {
  const { variables } = context.environment;
  const settings = loadSettings(variables, ['DATABASE_URL', 'TEMPORAL_ADDRESS', 'STRIPE_API_KEY']);
  const stripe = createStripeClient({
    apiKey: settings.stripeApiKey,
    apiBase: settings.stripeApiBase,
  });
  const installationId = settings.payoutInstallationId;
  const report = await withTemporal(variables, ({ client }) =>
    withDatabase(variables, async (database) => {
      await assertInstallation(database, { installationId });
      // Another account's list would call every payment missing.
      const { accountId, livemode } = await identifyStripeAccount(stripe);
      await assertInstallation(database, { stripeAccountId: accountId, livemode });
      const progress = progressBar();
      try {
        return await verify(
          { client, database, stripe },
          { settlementId, installationId, onProgress: progress.update },
        );
      } finally {
        progress.stop();
      }
    }),
  );
  context.print(report, verifyTable(report), options);
  return report.ok ? EXIT_CODES.done : EXIT_CODES.problemFound;
}

/** For a person who waits at a terminal; nothing where nobody looks, or where one settlement is all. */
function progressBar() {
  const bar = new SingleBar({
    format: '{bar} {value}/{total} settlements, {duration_formatted}',
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
  });
  let isStarted = false;
  return {
    update: (done: number, settlements: number) => {
      if (!process.stderr.isTTY || settlements < 2) {
        return;
      }
      if (!isStarted) {
        bar.start(settlements, done);
        isStarted = true;
      }
      bar.update(done);
    },
    stop: () => {
      if (isStarted) {
        bar.stop();
      }
    },
  };
}

import { loadSettings, type Settings } from '../../config/settings';
import type { Database } from '../../db/database';
import { assertInstallation } from '../../db/installation';
import { CONNECT_TIMEOUT_MS } from '../../domain/limits';
import { availableBalances, identifyStripeAccount } from '../../stripe/balance-and-account';
import { createStripeClient } from '../../stripe/client';
import { stripeErrorCode } from '../../stripe/read-failures';
import { withDatabase } from '../connections';
import { EXIT_CODES } from '../exit-codes';
import { jobNamed } from '../operator';
import { previewSettlement } from '../preview';
import { previewText, type PreviewReport } from '../show-preview';
import type { CommandContext, JsonOption } from './command-context';

type StripeSettings = Settings<'STRIPE_API_KEY'>;

/** `payouts preview SETTLEMENT`: reads only; the balance is advice, and one that cannot be read is said and no error. */
export async function previewCommand(
  context: CommandContext,
  settlementId: string,
  options: JsonOption,
): Promise<number> {
  const { variables } = context.environment;
  const settings = loadSettings(variables, ['DATABASE_URL', 'STRIPE_API_KEY']);
  const report = await withDatabase(variables, async (database): Promise<PreviewReport> => {
    await assertInstallation(database, { installationId: settings.payoutInstallationId });
    await jobNamed(database, settlementId);
    const preview = await previewSettlement(database, settlementId);
    const balance = await balanceOf(database, settings, preview.currency);
    const afterMinor =
      balance.availableMinor === null ? null : balance.availableMinor - preview.toPayMinor;
    return { ...preview, balance: { ...balance, afterMinor } };
  });
  context.print(report, previewText(report), options);
  return EXIT_CODES.done;
}

/** What Stripe has available in a currency, of the account that this installation pays from (M3). */
async function balanceOf(
  database: Database,
  { payoutInstallationId: installationId, stripeApiBase, stripeApiKey }: StripeSettings,
  currency: string,
): Promise<Omit<PreviewReport['balance'], 'afterMinor'>> {
  const stripe = createStripeClient({
    apiKey: stripeApiKey,
    apiBase: stripeApiBase,
    callDeadlineMs: CONNECT_TIMEOUT_MS,
  });
  try {
    const { accountId: stripeAccountId, livemode } = await identifyStripeAccount(stripe);
    await assertInstallation(database, { installationId, stripeAccountId, livemode });
    const available = await availableBalances(stripe);
    return { availableMinor: available.get(currency) ?? 0, unreadable: null };
  } catch (error) {
    const unreadable = stripeErrorCode(error);
    if (unreadable === undefined) {
      throw error;
    }
    return { availableMinor: null, unreadable };
  }
}

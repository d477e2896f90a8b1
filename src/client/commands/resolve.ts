import { loadSettings } from '../../config/settings';
import { startOf } from '../../activities/read-transfer-page';
import type { Database } from '../../db/database';
import { assertInstallation } from '../../db/installation';
import { CONNECT_TIMEOUT_MS } from '../../domain/limits';
import { shownValue } from '../../domain/shown-value';
import { identifyStripeAccount } from '../../stripe/balance-and-account';
import { createStripeClient } from '../../stripe/client';
import { withDatabase } from '../connections';
import { EXIT_CODES, UsageError } from '../exit-codes';
import { operatorOf, transferNamed } from '../operator';
import { noteRefusals } from '../refusals';
import {
  statePaid,
  stateUnpaid,
  STRIPE_TRANSFER_PATTERN,
  type ResolveDependencies,
  type ResolveReport,
} from '../resolve';
import type { CommandContext } from './command-context';
import type { ReasonOptions } from './pause';
import { tellToGoOn } from './tell-temporal';

export interface ResolveOptions extends ReasonOptions {
  readonly paid?: string;
  readonly unpaid?: boolean;
}

/** `payouts resolve TRANSFER --paid tr_… | --unpaid --reason R` */
export async function resolveCommand(
  context: CommandContext,
  transferId: string,
  options: ResolveOptions,
): Promise<number> {
  const { variables } = context.environment;
  loadSettings(variables, ['DATABASE_URL', 'TEMPORAL_ADDRESS', 'STRIPE_API_KEY']);
  const operator = operatorOf(variables, options);
  const stripeTransferId = statementOf(options);
  const report = await withDatabase(variables, async (database) => {
    const dependencies = await connectStripe(context, database);
    const seen = await transferNamed(database, transferId);
    const resolved =
      stripeTransferId === undefined
        ? await stateUnpaid(dependencies, seen, operator)
        : await statePaid(dependencies, seen, { ...operator, stripeTransferId });
    if (resolved.refused === undefined) {
      const stands = 'it is resolved in the database';
      await tellToGoOn(context, database, { stands, transfers: [startOf(seen)] });
    } else {
      await noteRefusals(database, [resolved.refused]);
    }
    return resolved;
  });
  context.print(report, resolveText(report), options);
  return report.refused === undefined ? EXIT_CODES.done : EXIT_CODES.problemFound;
}

/** The Stripe transfer that is said to have paid; undefined when it is said that none did. */
function statementOf({ paid, unpaid }: ResolveOptions): string | undefined {
  if ((paid === undefined) !== (unpaid === true)) {
    throw new UsageError('state either --paid with the id of a Stripe transfer, or --unpaid');
  }
  if (paid !== undefined && !STRIPE_TRANSFER_PATTERN.test(paid)) {
    throw new UsageError(`--paid: found ${shownValue(paid)}, expected an id such as tr_1AbC`);
  }
  return paid;
}

/** Stripe, under the key that this installation pays with: another account's list would prove nothing (M3). */
async function connectStripe(
  context: CommandContext,
  database: Database,
): Promise<ResolveDependencies> {
  const settings = loadSettings(context.environment.variables, ['STRIPE_API_KEY']);
  const stripe = createStripeClient({
    apiKey: settings.stripeApiKey,
    apiBase: settings.stripeApiBase,
    callDeadlineMs: CONNECT_TIMEOUT_MS,
  });
  const identity = await identifyStripeAccount(stripe);
  const platform = await assertInstallation(database, {
    installationId: settings.payoutInstallationId,
    stripeAccountId: identity.accountId,
    livemode: identity.livemode,
  });
  return { database, platform, stripe };
}

function resolveText({ id, refused, status, warning, why }: ResolveReport): string {
  const result =
    refused === undefined ? `${id} is ${status}` : `${id} stays ${status}: ${why ?? refused}`;
  return warning === undefined ? result : `${result}\n  ${warning}`;
}

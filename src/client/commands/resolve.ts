import { loadSettings } from '../../config/settings';
import { startOf } from '../../activities/read-transfer-page';
import { resolvePaid } from '../../activities/resolve-paid';
import { resolveUnpaid } from '../../activities/resolve-unpaid';
import type { Database } from '../../db/database';
import { assertInstallation } from '../../db/installation';
import type { PayoutTransfer } from '../../db/payout-transfers';
import { CONNECT_TIMEOUT_MS } from '../../domain/limits';
import { RESOLVE_REFUSAL_TEXTS, type ResolveRefusal } from '../../domain/manual-resolution';
import type { Operator } from '../../domain/operator-reason';
import { shownValue } from '../../domain/shown-value';
import type { TransferStatus } from '../../domain/transfer-state';
import { identifyStripeAccount } from '../../stripe/balance-and-account';
import { createStripeClient } from '../../stripe/client';
import { withDatabase } from '../connections';
import { EXIT_CODES, UsageError } from '../exit-codes';
import { operatorOf, transferNamed } from '../operator';
import { noteRefusals } from '../refusals';
import type { CommandContext } from './command-context';
import type { ReasonOptions } from './pause';
import { tellToGoOn } from './tell-temporal';

export interface ResolveOptions extends ReasonOptions {
  readonly paid?: string;
  readonly unpaid?: boolean;
}

interface ResolveReport {
  readonly id: string;
  readonly status: TransferStatus;
  /** Where it was refused: a code, and what it means. */
  readonly refused?: ResolveRefusal;
  readonly why?: string;
  readonly warning?: string;
}

const MAY_STILL_BE_PAID =
  'the last send is younger than 24 hours: if Stripe completes it later, that is a second payment';

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
  if (paid !== undefined && !/^tr_[A-Za-z0-9_]{1,100}$/.test(paid)) {
    throw new UsageError(`--paid: found ${shownValue(paid)}, expected an id such as tr_1AbC`);
  }
  return paid;
}

type Dependencies = Parameters<typeof resolvePaid>[0];

/** Stripe, under the key that this installation pays with: another account's list would prove nothing (M3). */
async function connectStripe(context: CommandContext, database: Database): Promise<Dependencies> {
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

async function statePaid(
  dependencies: Dependencies,
  seen: PayoutTransfer,
  order: Operator & { readonly stripeTransferId: string },
): Promise<ResolveReport> {
  const answer = await resolvePaid(dependencies, seen, order);
  return answer === 'completed'
    ? { id: seen.id, status: 'completed' }
    : { id: seen.id, status: seen.status, refused: answer, why: RESOLVE_REFUSAL_TEXTS[answer] };
}

async function stateUnpaid(
  dependencies: Dependencies,
  seen: PayoutTransfer,
  operator: Operator,
): Promise<ResolveReport> {
  const { id } = seen;
  const answer = await resolveUnpaid(dependencies, seen, operator);
  if (answer.is === 'refused') {
    const { stripeTransferId, why: refused } = answer;
    const which = stripeTransferId === undefined ? '' : `: ${stripeTransferId}`;
    const why = `${RESOLVE_REFUSAL_TEXTS[refused]}${which}`;
    return { id, status: seen.status, refused, why };
  }
  return {
    id,
    status: answer.is,
    ...(answer.mayStillBePaid && { warning: MAY_STILL_BE_PAID }),
  };
}

function resolveText({ id, refused, status, warning, why }: ResolveReport): string {
  const result =
    refused === undefined ? `${id} is ${status}` : `${id} stays ${status}: ${why ?? refused}`;
  return warning === undefined ? result : `${result}\n  ${warning}`;
}

import { loadSettings } from '../../config/settings';
import { startOf } from '../../activities/read-transfer-page';
import type { Database } from '../../db/database';
import { assertInstallation } from '../../db/installation';
import type { PayoutTransfer } from '../../db/payout-transfers';
import { CONNECT_TIMEOUT_MS } from '../../domain/limits';
import { formatAmount } from '../../domain/money';
import type { Operator } from '../../domain/operator-reason';
import { shownValue } from '../../domain/shown-value';
import { identifyStripeAccount } from '../../stripe/balance-and-account';
import { createStripeClient } from '../../stripe/client';
import { withDatabase } from '../connections';
import { EXIT_CODES, UsageError } from '../exit-codes';
import { operatorOf, transferNamed } from '../operator';
import { noteRefusals } from '../refusals';
import { tellReversalEnded } from '../reverse';
import {
  stateAccepted,
  statePaid,
  stateReversal,
  stateUnpaid,
  STRIPE_REVERSAL_PATTERN,
  STRIPE_TRANSFER_PATTERN,
  type ResolveDependencies,
  type ResolveReport,
} from '../resolve';
import type { CommandContext } from './command-context';
import type { ReasonOptions } from './pause';
import { tellTemporal, tellToGoOn } from './tell-temporal';

export interface ResolveOptions extends ReasonOptions {
  readonly paid?: string;
  readonly unpaid?: boolean;
  readonly accept?: string;
  readonly reversal?: string;
}

/** `payouts resolve TRANSFER --paid tr_… | --unpaid | --accept tr_… | --reversal trr_… --reason R` */
export async function resolveCommand(
  context: CommandContext,
  transferId: string,
  options: ResolveOptions,
): Promise<number> {
  const { variables } = context.environment;
  loadSettings(variables, ['DATABASE_URL', 'TEMPORAL_ADDRESS', 'STRIPE_API_KEY']);
  const operator = operatorOf(variables, options);
  const statement = statementOf(options);
  const report = await withDatabase(variables, async (database) => {
    const dependencies = await connectStripe(context, database);
    const seen = await transferNamed(database, transferId);
    const resolved = await carryOut(dependencies, seen, { operator, statement });
    if (resolved.refused !== undefined) {
      await noteRefusals(database, [resolved.refused]);
    } else {
      await tellOf(context, database, seen, resolved);
    }
    return resolved;
  });
  context.print(report, resolveText(report), options);
  return report.refused === undefined ? EXIT_CODES.done : EXIT_CODES.problemFound;
}

/** Whose run has something to do: the payment's or its reversal's; an accepted transfer has none. */
async function tellOf(
  context: CommandContext,
  database: Database,
  seen: PayoutTransfer,
  { accepted, reversal }: ResolveReport,
): Promise<void> {
  const stands = 'it is resolved in the database';
  if (reversal !== undefined) {
    await tellTemporal(context, stands, (client) => tellReversalEnded(client, reversal.id));
  } else if (accepted === undefined) {
    await tellToGoOn(context, database, { stands, transfers: [startOf(seen)] });
  }
}

/** What a person says, of one Stripe transfer or of none. */
type Statement =
  | { readonly is: 'unpaid' }
  | { readonly is: 'paid' | 'accepted'; readonly stripeTransferId: string }
  | { readonly is: 'reversed'; readonly stripeReversalId: string };

function statementOf({ accept, paid, reversal, unpaid }: ResolveOptions): Statement {
  const [statement, ...others] = [
    ...(paid === undefined
      ? []
      : [{ is: 'paid', stripeTransferId: idOf('--paid', paid) } as const]),
    ...(unpaid === true ? [{ is: 'unpaid' } as const] : []),
    ...(accept === undefined
      ? []
      : [{ is: 'accepted', stripeTransferId: idOf('--accept', accept) } as const]),
    ...(reversal === undefined
      ? []
      : [{ is: 'reversed', stripeReversalId: reversalIdOf(reversal) } as const]),
  ];
  if (statement === undefined || others.length > 0) {
    throw new UsageError(
      'state one of --paid with the id of a Stripe transfer, --unpaid, --accept with the id of one, or --reversal with ' +
        'the id of a Stripe reversal',
    );
  }
  return statement;
}

function idOf(option: string, id: string): string {
  if (!STRIPE_TRANSFER_PATTERN.test(id)) {
    throw new UsageError(`${option}: found ${shownValue(id)}, expected an id such as tr_1AbC`);
  }
  return id;
}

function reversalIdOf(id: string): string {
  if (!STRIPE_REVERSAL_PATTERN.test(id)) {
    throw new UsageError(`--reversal: found ${shownValue(id)}, expected an id such as trr_1AbC`);
  }
  return id;
}

async function carryOut(
  dependencies: ResolveDependencies,
  seen: PayoutTransfer,
  { operator, statement }: { readonly operator: Operator; readonly statement: Statement },
): Promise<ResolveReport> {
  if (statement.is === 'unpaid') {
    return stateUnpaid(dependencies, seen, operator);
  }
  if (statement.is === 'reversed') {
    const { stripeReversalId } = statement;
    return stateReversal(dependencies, seen, { ...operator, stripeReversalId });
  }
  const { stripeTransferId } = statement;
  const order = { ...operator, stripeTransferId };
  return statement.is === 'paid'
    ? statePaid(dependencies, seen, order)
    : stateAccepted(dependencies, seen, order);
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

function resolveText(report: ResolveReport): string {
  const { accepted, id, refused, reversal, status, warning, why } = report;
  if (reversal !== undefined) {
    const { cameBackMinor, currency, orderedMinor, stripeReversalId } = reversal;
    const [back, ordered] = [cameBackMinor, orderedMinor].map((amount) =>
      formatAmount(amount, currency),
    );
    return (
      `reversal ${reversal.id} has ended with ${stripeReversalId}: ${back ?? ''} came back, ${ordered ?? ''} were ordered\n` +
      '  where its alarm has paused the settlement, `payouts resume` lifts that'
    );
  }
  if (accepted !== undefined) {
    return `${id} stays ${status}; ${accepted} is booked as overpaid and raises no alarm again`;
  }
  const result =
    refused === undefined ? `${id} is ${status}` : `${id} stays ${status}: ${why ?? refused}`;
  return warning === undefined ? result : `${result}\n  ${warning}`;
}

import { loadSettings } from '../../config/settings';
import type { Database } from '../../db/database';
import { assertInstallation } from '../../db/installation';
import type { PayoutReversal } from '../../db/payout-reversals';
import { REVERSAL_WAIT_MS } from '../../domain/limits';
import { formatAmount } from '../../domain/money';
import { reversalReasonText } from '../../domain/reversal-texts';
import { shownValue } from '../../domain/shown-value';
import { awaitReversal } from '../await-reversal';
import { withDatabase } from '../connections';
import { EXIT_CODES, UsageError } from '../exit-codes';
import { jobNamed, operatorOf, transferNamed } from '../operator';
import { orderReversal, startReversal, type ReversalOrderAnswer } from '../reverse';
import { reversalReport, type ReversalReport } from '../show-reversal';
import type { CommandContext } from './command-context';
import type { ReasonOptions } from './pause';
import { tellTemporal } from './tell-temporal';

export interface ReverseOptions extends ReasonOptions {
  readonly amount?: string;
  readonly expectReversed?: string;
  readonly settlement?: string;
  readonly stripeTransfer?: string;
  /** Whether to wait for the outcome. */
  readonly wait?: boolean;
}

/** `payouts reverse TRANSFER [--amount N] [--stripe-transfer tr_…] --reason R [--no-wait]` */
export async function reverseCommand(
  context: CommandContext,
  transferId: string,
  options: ReverseOptions,
): Promise<number> {
  const { variables } = context.environment;
  const settings = loadSettings(variables, ['DATABASE_URL', 'TEMPORAL_ADDRESS']);
  const operator = operatorOf(variables, options);
  const wish = {
    amountMinor: minorUnits('--amount', options.amount, 1),
    expectedReversedMinor: minorUnits('--expect-reversed', options.expectReversed, 0),
    stripeTransferId: stripeTransferOf(options.stripeTransfer),
    settlementId: options.settlement,
  };
  return withDatabase(variables, async (database) => {
    const platform = await assertInstallation(database, {
      installationId: settings.payoutInstallationId,
    });
    if (options.settlement !== undefined) {
      await jobNamed(database, options.settlement);
    }
    const transfer = await transferNamed(database, transferId);
    const order = { ...wish, transferId: transfer.id };
    const answer = await orderReversal({ database, platform, operator }, order);
    if (answer.is === 'refused') {
      return sayRefused(context, transfer, answer, options);
    }
    const { reversal } = answer;
    const stands = `reversal ${reversal.id} is ordered and stands in the database`;
    await tellTemporal(context, stands, (client) => startReversal(client, reversal.id));
    const ended = options.wait === false ? reversal : await outcomeOf(context, database, reversal);
    const report = await reversalReport(database, ended);
    context.print(report, outcomeText(report, options.wait !== false), options);
    return ended.status === 'completed' || options.wait === false
      ? EXIT_CODES.done
      : EXIT_CODES.problemFound;
  });
}

function minorUnits(option: string, text: string | undefined, lowest: 0 | 1): number | undefined {
  if (text === undefined) {
    return undefined;
  }
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < lowest) {
    throw new UsageError(
      `${option}: found ${shownValue(text)}, expected a whole number of minor units from ${lowest.toString()}, such as 1050 for 10.50`,
    );
  }
  return value;
}

function stripeTransferOf(id: string | undefined): string | undefined {
  if (id !== undefined && !/^tr_[A-Za-z0-9_]{1,100}$/.test(id)) {
    throw new UsageError(`--stripe-transfer: found ${shownValue(id)}, expected an id like tr_1Ab…`);
  }
  return id;
}

function sayRefused(
  context: CommandContext,
  { currency, id, settlementId }: { id: string; settlementId: string; currency: string },
  { code, openReversalId, reversedMinor, text }: Extract<ReversalOrderAnswer, { is: 'refused' }>,
  options: ReverseOptions,
): number {
  const report = {
    transferId: id,
    settlementId,
    status: 'refused_order',
    code,
    why: text,
    reversedMinor,
    openReversalId: openReversalId ?? null,
  };
  const known =
    reversedMinor === null ? '' : `; ${formatAmount(reversedMinor, currency)} has come back so far`;
  const open = openReversalId === undefined ? '' : ` (reversal ${openReversalId})`;
  context.print(report, `refused: ${text}${open}${known}; nothing was changed`, options);
  return EXIT_CODES.problemFound;
}

/** Waits for the outcome; Ctrl-C ends the wait and not the reversal. */
async function outcomeOf(
  context: CommandContext,
  database: Database,
  reversal: PayoutReversal,
): Promise<PayoutReversal> {
  const stop = new AbortController();
  const onSignal = () => {
    context.say('the reversal goes on without this command');
    stop.abort();
  };
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  context.say(
    `reversal ${reversal.id}: ${formatAmount(reversal.amountMinor, reversal.currency)} are to come back`,
  );
  try {
    return await awaitReversal(database, reversal, {
      waitMs: REVERSAL_WAIT_MS,
      signal: stop.signal,
      onChange: ({ failureReason, status }) => {
        const why = failureReason === null ? '' : `: ${reversalReasonText(failureReason)}`;
        context.say(`${status}${why}`);
      },
    });
  } catch (error) {
    context.say(`reversal ${reversal.id} is ordered; how it ended could not be read`);
    throw error;
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

function outcomeText(report: ReversalReport, hasWaited: boolean): string {
  const { amountMinor, currency, failureReason, id, paidMinor, reversedMinor, status } = report;
  const amount = formatAmount(amountMinor, currency);
  const inAll = `${formatAmount(reversedMinor, currency)} of ${formatAmount(paidMinor, currency)} in all`;
  switch (status) {
    case 'completed':
      return `reversed: ${amount} came back, ${inAll}`;
    case 'refused':
      return `not reversed: ${report.why ?? status} (${failureReason ?? status}); ${inAll} came back`;
    case 'pending':
    case 'processing':
    case 'unknown':
      return hasWaited
        ? `not known yet: ${report.why ?? status}\n  reversal ${id} goes on by itself; order nothing else for it`
        : `ordered: ${amount} are to come back, reversal ${id}`;
  }
}

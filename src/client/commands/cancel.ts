import { loadSettings } from '../../config/settings';
import type { Database } from '../../db/database';
import { assertInstallation } from '../../db/installation';
import {
  CANCELLED,
  cancelTransfers,
  NOT_PAID,
  restoreTransfers,
  tellGivenUp,
  voidTransfers,
} from '../cancellation';
import { withDatabase } from '../connections';
import { EXIT_CODES, UsageError } from '../exit-codes';
import { jobNamed, operatorOf, transferNamed } from '../operator';
import {
  idsOf,
  seenPagesOf,
  type Meant,
  type Ordering,
  type RefusedOrder,
  type SeenPages,
} from '../operator-orders';
import type { CommandContext } from './command-context';
import type { ReasonOptions } from './pause';
import { tellTemporal, tellToGoOn } from './tell-temporal';

export interface CancelOptions extends ReasonOptions {
  readonly settlement?: string;
}

/** `payouts cancel TRANSFER --reason R`, `payouts cancel --settlement S --reason R` */
export async function cancelCommand(
  context: CommandContext,
  transferId: string | undefined,
  options: CancelOptions,
): Promise<number> {
  const { variables } = context.environment;
  loadSettings(variables, ['DATABASE_URL', 'TEMPORAL_ADDRESS']);
  const order = { transferId, options, meant: NOT_PAID };
  const report = await withTransfers(context, order, async ({ transfers, ...ordering }) => {
    const { report: cancelling, toTell } = await cancelTransfers(ordering, transfers);
    const [first] = toTell;
    if (first !== undefined) {
      const stands =
        'it stands in the database, and nothing is sent; the same command again closes the runs';
      await tellTemporal(context, stands, (client) =>
        tellGivenUp(client, first.settlementId, idsOf(toTell)),
      );
    }
    return cancelling;
  });
  const text = reportText(report.refused, [
    ['cancelled', report.cancelled],
    ['cancelled once it is proven unpaid', report.requested],
    ['was so before', report.unchanged],
  ]);
  context.print(report, text, options);
  return endOf(report);
}

/** `payouts restore TRANSFER --reason R`, `payouts restore --settlement S --reason R` */
export async function restoreCommand(
  context: CommandContext,
  transferId: string | undefined,
  options: CancelOptions,
): Promise<number> {
  const { variables } = context.environment;
  const { payoutMaxAttempts: maxAttempts } = loadSettings(variables, [
    'DATABASE_URL',
    'TEMPORAL_ADDRESS',
  ]);
  const order = { transferId, options, meant: CANCELLED };
  const report = await withTransfers(context, order, async ({ transfers, ...ordering }) => {
    const { report: restoring, toTell } = await restoreTransfers(
      { ...ordering, maxAttempts },
      transfers,
    );
    // The same command again tells nobody: it finds nobody cancelled any more.
    const stands =
      `${toTell.length.toString()} are restored in the database; ` +
      'the same command again finds nobody to restore (not_cancelled), and is not needed';
    await tellToGoOn(context, ordering.database, { stands, transfers: toTell });
    return restoring;
  });
  context.print(report, reportText(report.refused, [['restored', report.restored]]), options);
  return endOf(report);
}

/** `payouts void TRANSFER --reason R`, `payouts void --settlement S --reason R` */
export async function voidCommand(
  context: CommandContext,
  transferId: string | undefined,
  options: CancelOptions,
): Promise<number> {
  const order = { transferId, options, meant: CANCELLED };
  const report = await withTransfers(context, order, ({ transfers, ...ordering }) =>
    voidTransfers(ordering, transfers),
  );
  const text = reportText(report.refused, [
    ['voided', report.voided],
    ['was so before', report.unchanged],
  ]);
  context.print(report, text, options);
  return endOf(report);
}

interface Order {
  readonly transferId: string | undefined;
  readonly options: CancelOptions;
  readonly meant: Meant;
}

/** Finds the transfers that an order is about and carries it out. */
async function withTransfers<Report>(
  context: CommandContext,
  order: Order,
  work: (ordering: Ordering & { readonly transfers: SeenPages }) => Promise<Report>,
): Promise<Report> {
  const { variables } = context.environment;
  const settings = loadSettings(variables, ['DATABASE_URL']);
  const operator = operatorOf(variables, order.options);
  return withDatabase(variables, async (database) => {
    await assertInstallation(database, { installationId: settings.payoutInstallationId });
    const transfers = await transfersOf(database, order);
    const onProgress = (done: number) => {
      if (order.transferId === undefined) {
        context.say(`${done.toString()} transfers`);
      }
    };
    return work({ database, operator, transfers, onProgress });
  });
}

async function transfersOf(
  database: Database,
  { meant, options: { settlement }, transferId }: Order,
): Promise<SeenPages> {
  if (transferId !== undefined && settlement === undefined) {
    return [[await transferNamed(database, transferId)]];
  }
  if (transferId === undefined && settlement !== undefined) {
    const job = await jobNamed(database, settlement);
    return seenPagesOf(database, job.id, meant);
  }
  throw new UsageError('name either one transfer, or --settlement');
}

function endOf({ refused }: { readonly refused: readonly RefusedOrder[] }): number {
  return refused.length > 0 ? EXIT_CODES.problemFound : EXIT_CODES.done;
}

function reportText(
  refused: readonly RefusedOrder[],
  done: readonly (readonly [string, readonly string[]])[],
): string {
  const counts = done.map(([word, ids]) => `${ids.length.toString()} ${word}`);
  return [
    [...counts, `${refused.length.toString()} refused`].join(', '),
    ...done.flatMap(([word, ids]) => ids.map((id) => `  ${word}: ${id}`)),
    ...refused.map(({ id, why }) => `  refused: ${id}: ${why}`),
  ].join('\n');
}

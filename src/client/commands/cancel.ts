import { startOf } from '../../activities/read-transfer-page';
import { loadSettings } from '../../config/settings';
import type { Database } from '../../db/database';
import { assertInstallation } from '../../db/installation';
import type { PayoutTransfer } from '../../db/payout-transfers';
import type { Operator } from '../../domain/operator-reason';
import { isGivenUp, type TransferStatus } from '../../domain/transfer-state';
import {
  cancelTransfers,
  findAllByStatus,
  restoreTransfers,
  tellGivenUp,
  voidTransfers,
  type CancelReport,
  type RefusedOrder,
} from '../cancellation';
import { withDatabase } from '../connections';
import { EXIT_CODES, UsageError } from '../exit-codes';
import { jobNamed, operatorOf, transferNamed } from '../operator';
import type { CommandContext } from './command-context';
import type { ReasonOptions } from './pause';
import { tellTemporal, tellToGoOn } from './tell-temporal';

export interface CancelOptions extends ReasonOptions {
  readonly settlement?: string;
}

/** Of a settlement: everybody who is not paid, and so may be cancelled. */
const NOT_PAID: Meant = {
  statuses: [
    'pending',
    'retryable',
    'processing',
    'blocked',
    'unknown',
    'failed_terminal',
    'cancelled',
  ],
  isMeant: () => true,
};

/** Of a settlement: everybody whom an operator has cancelled, whether or not it has taken effect. */
const CANCELLED: Meant = {
  statuses: ['cancelled', 'voided', 'processing', 'unknown'],
  isMeant: ({ cancelRequestedAt, status }) => isGivenUp(status) || cancelRequestedAt !== null,
};

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
    const cancelling = await cancelTransfers(ordering, transfers);
    await tell(context, transfers, cancelling);
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
    const restoring = await restoreTransfers({ ...ordering, maxAttempts }, transfers);
    const restored = transfersWith(transfers, restoring.restored);
    // The same command again does not tell anybody: it finds nobody cancelled any more.
    const stands =
      `${restored.length.toString()} are restored in the database; ` +
      'the same command again is refused as not_cancelled, and is not needed';
    const restarts = { stands, transfers: restored.map(startOf) };
    await tellToGoOn(context, ordering.database, restarts);
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

/** Who of a settlement is meant where no transfer is named. */
interface Meant {
  readonly statuses: readonly TransferStatus[];
  readonly isMeant: (transfer: PayoutTransfer) => boolean;
}

interface Order {
  readonly transferId: string | undefined;
  readonly options: CancelOptions;
  readonly meant: Meant;
}

interface Ordering {
  readonly database: Database;
  readonly operator: Operator;
  readonly transfers: readonly PayoutTransfer[];
  readonly onProgress: (done: number) => void;
}

/** Finds the transfers that an order is about and carries it out. */
async function withTransfers<Report>(
  context: CommandContext,
  order: Order,
  work: (ordering: Ordering) => Promise<Report>,
): Promise<Report> {
  const { variables } = context.environment;
  const settings = loadSettings(variables, ['DATABASE_URL']);
  const operator = operatorOf(order.options);
  return withDatabase(variables, async (database) => {
    await assertInstallation(database, { installationId: settings.payoutInstallationId });
    const transfers = await transfersOf(database, order);
    const total = transfers.length.toString();
    const onProgress = (done: number) => {
      if (order.transferId === undefined) {
        context.say(`${done.toString()} of ${total} transfers`);
      }
    };
    return work({ database, operator, transfers, onProgress });
  });
}

async function transfersOf(
  database: Database,
  { meant, options: { settlement }, transferId }: Order,
): Promise<PayoutTransfer[]> {
  if (transferId !== undefined && settlement === undefined) {
    return [await transferNamed(database, transferId)];
  }
  if (transferId === undefined && settlement !== undefined) {
    const job = await jobNamed(database, settlement);
    const found = await findAllByStatus(database, job.id, meant.statuses);
    return found.filter(meant.isMeant);
  }
  throw new UsageError('name either one transfer, or --settlement');
}

function transfersWith(
  transfers: readonly PayoutTransfer[],
  ids: readonly string[],
): PayoutTransfer[] {
  const wanted = new Set(ids);
  return transfers.filter(({ id }) => wanted.has(id));
}

async function tell(
  context: CommandContext,
  transfers: readonly PayoutTransfer[],
  { cancelled, requested, unchanged }: CancelReport,
): Promise<void> {
  const [first] = transfers;
  const ids = [...cancelled, ...requested, ...unchanged];
  if (first !== undefined && ids.length > 0) {
    const stands =
      'it stands in the database, and nothing is sent; the same command again closes the runs';
    await tellTemporal(context, stands, (client) => tellGivenUp(client, first.settlementId, ids));
  }
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

import type { Client } from '@temporalio/client';

import { cancelTransfer, restoreTransfer, voidTransfer } from '../activities/cancel-transfer';
import { wakeUpOfTransfer, wakeWorkflow, wakeWorkflows } from '../activities/wake-workflows';
import { SIGNALS, type TransferStart } from '../domain/contracts';
import { jobWorkflowId } from '../domain/ids';
import type { Database } from '../db/database';
import {
  CANCELLATION_REFUSAL_TEXTS,
  type CancellationRefusal,
} from '../domain/manual-cancellation';
import { isGivenUp, OWED_STATUSES } from '../domain/transfer-state';
import {
  answeredWith,
  carryOut,
  codesOf,
  idsOf,
  refusedOf,
  type Answered,
  type Meant,
  type Ordering,
  type RefusedOrder,
  type SeenPages,
} from './operator-orders';
import { noteRefusals } from './refusals';

interface CancellationReport {
  readonly refused: readonly RefusedOrder<CancellationRefusal>[];
}

export interface CancelReport extends CancellationReport {
  readonly cancelled: readonly string[];
  /** A payment may be on its way: cancelled once it is proven unpaid, completed if it was paid. */
  readonly requested: readonly string[];
  /** Cancelled, or wanted cancelled, before. */
  readonly unchanged: readonly string[];
}

export interface RestoreReport extends CancellationReport {
  readonly restored: readonly string[];
}

export interface VoidReport extends CancellationReport {
  readonly voided: readonly string[];
  readonly unchanged: readonly string[];
}

/** What became of orders, and the transfers whose runs have to be told of it. */
interface Carried<Report> {
  readonly report: Report;
  readonly toTell: readonly TransferStart[];
}

async function refusedAndCounted(
  database: Database,
  answers: readonly Answered<string>[],
): Promise<RefusedOrder<CancellationRefusal>[]> {
  const refused = refusedOf(answers, CANCELLATION_REFUSAL_TEXTS);
  await noteRefusals(database, codesOf(refused));
  return refused;
}

/** Of a settlement: everybody who is not paid, and so may be cancelled. */
export const NOT_PAID: Meant = {
  statuses: OWED_STATUSES,
  isMeant: () => true,
};

/**
 * Of a settlement: everybody whom an operator has cancelled, whether or not it has taken effect. Who is cancelled while
 * the order goes on is not: he would be voided, or paid, against the later word.
 */
export const CANCELLED: Meant = {
  statuses: ['cancelled', 'voided', 'processing', 'unknown'],
  isMeant: ({ cancelRequestedAt, status, updatedAt }, orderedAt) =>
    (isGivenUp(status) || cancelRequestedAt !== null) &&
    (cancelRequestedAt ?? updatedAt) <= orderedAt,
};

/** Cancels transfers, each in a transaction of its own; nobody is told yet. */
export async function cancelTransfers(
  ordering: Ordering,
  pages: SeenPages,
): Promise<Carried<CancelReport>> {
  const answers = await carryOut(ordering, pages, (order) =>
    cancelTransfer(ordering.database, order),
  );
  const report = {
    cancelled: idsOf(answeredWith(answers, 'cancelled')),
    requested: idsOf(answeredWith(answers, 'requested')),
    unchanged: idsOf(answeredWith(answers, 'unchanged')),
    refused: await refusedAndCounted(ordering.database, answers),
  };
  return { report, toTell: answeredWith(answers, 'cancelled', 'requested', 'unchanged') };
}

/** Restores transfers, each in a transaction of its own; nobody is told yet. */
export async function restoreTransfers(
  { maxAttempts, ...ordering }: Ordering & { readonly maxAttempts: number },
  pages: SeenPages,
): Promise<Carried<RestoreReport>> {
  const { database } = ordering;
  const answers = await carryOut(ordering, pages, (order) =>
    restoreTransfer({ database, maxAttempts }, order),
  );
  const toTell = answeredWith(answers, 'restored');
  const refused = await refusedAndCounted(database, answers);
  return { report: { restored: idsOf(toTell), refused }, toTell };
}

/** Voids the debts of transfers, each in a transaction of its own. Nobody has to be told. */
export async function voidTransfers(ordering: Ordering, pages: SeenPages): Promise<VoidReport> {
  const answers = await carryOut(ordering, pages, (order) =>
    voidTransfer(ordering.database, order),
  );
  return {
    voided: idsOf(answeredWith(answers, 'voided')),
    unchanged: idsOf(answeredWith(answers, 'unchanged')),
    refused: await refusedAndCounted(ordering.database, answers),
  };
}

/**
 * Tells the runs of transfers that are given up, or wanted so, and the job that counts them. Who has no open run is
 * left closed: the row says it all.
 */
export async function tellGivenUp(
  client: Client,
  settlementId: string,
  transferIds: readonly string[],
): Promise<void> {
  await wakeWorkflows(
    client,
    transferIds.map((id) => wakeUpOfTransfer(id, SIGNALS.changed)),
  );
  await wakeWorkflow(client, jobWorkflowId(settlementId), SIGNALS.changed);
}

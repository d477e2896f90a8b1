import type { Client } from '@temporalio/client';

import { cancelTransfer, restoreTransfer, voidTransfer } from '../activities/cancel-transfer';
import type { OperatorOrder } from '../activities/operator-order';
import { inBatches } from '../activities/in-batches';
import { wakeWorkflow, wakeWorkflows } from '../activities/wake-workflows';
import { SIGNALS } from '../domain/contracts';
import { jobWorkflowId, transferWorkflowId } from '../domain/ids';
import {
  CANCELLATION_REFUSAL_TEXTS,
  type CancellationRefusal,
} from '../domain/manual-cancellation';
import type { Operator } from '../domain/operator-reason';
import type { TransferStatus } from '../domain/transfer-state';
import type { Database } from '../db/database';
import {
  findTransferById,
  findTransfersByStatus,
  type PayoutTransfer,
} from '../db/payout-transfers';

export interface RefusedOrder {
  readonly id: string;
  readonly why: string;
  readonly code: CancellationRefusal;
}

export interface CancelReport {
  readonly cancelled: readonly string[];
  /** A payment may be on its way: cancelled once it is proven unpaid, completed if it was paid. */
  readonly requested: readonly string[];
  /** Cancelled, or wanted cancelled, before. */
  readonly unchanged: readonly string[];
  readonly refused: readonly RefusedOrder[];
}

export interface RestoreReport {
  readonly restored: readonly string[];
  readonly refused: readonly RefusedOrder[];
}

export interface VoidReport {
  readonly voided: readonly string[];
  readonly unchanged: readonly string[];
  readonly refused: readonly RefusedOrder[];
}

interface Ordering {
  readonly database: Database;
  readonly operator: Operator;
  /** Told after each page, with how many transfers were dealt with so far. */
  readonly onProgress?: (done: number) => void;
}

/** Cancels transfers, each in a transaction of its own; nobody is told yet. */
export async function cancelTransfers(
  ordering: Ordering,
  transfers: readonly PayoutTransfer[],
): Promise<CancelReport> {
  const answers = await carryOut(ordering, transfers, (order) =>
    cancelTransfer(ordering.database, order),
  );
  return {
    cancelled: idsWith(answers, 'cancelled'),
    requested: idsWith(answers, 'requested'),
    unchanged: idsWith(answers, 'unchanged'),
    refused: refusedOf(answers),
  };
}

/** Restores transfers, each in a transaction of its own; nobody is told yet. */
export async function restoreTransfers(
  { maxAttempts, ...ordering }: Ordering & { readonly maxAttempts: number },
  transfers: readonly PayoutTransfer[],
): Promise<RestoreReport> {
  const { database } = ordering;
  const answers = await carryOut(ordering, transfers, (order) =>
    restoreTransfer({ database, maxAttempts }, order),
  );
  return { restored: idsWith(answers, 'restored'), refused: refusedOf(answers) };
}

/** Voids the debts of transfers, each in a transaction of its own. Nobody has to be told. */
export async function voidTransfers(
  ordering: Ordering,
  transfers: readonly PayoutTransfer[],
): Promise<VoidReport> {
  const answers = await carryOut(ordering, transfers, (order) =>
    voidTransfer(ordering.database, order),
  );
  return {
    voided: idsWith(answers, 'voided'),
    unchanged: idsWith(answers, 'unchanged'),
    refused: refusedOf(answers),
  };
}

interface Answered<Answer> {
  readonly id: string;
  readonly answer: Answer;
}

/** Transfers that are dealt with between two words about it. */
const TRANSFERS_PER_PAGE = 500;

/** A transfer that moves while it is looked at, as those of a running job do, is looked at again so many times. */
const LOOKS_MAX = 5;

async function carryOut<Answer extends string>(
  { database, onProgress, operator }: Ordering,
  transfers: readonly PayoutTransfer[],
  act: (order: OperatorOrder) => Promise<Answer | 'moved_since'>,
): Promise<Answered<Answer | 'moved_since'>[]> {
  const answers: Answered<Answer | 'moved_since'>[] = [];
  for (let start = 0; start < transfers.length; start += TRANSFERS_PER_PAGE) {
    const page = transfers.slice(start, start + TRANSFERS_PER_PAGE);
    answers.push(
      ...(await inBatches(page, async (listed) => {
        let seen = listed;
        let answer = await act(orderOf(seen, operator));
        for (let looks = 1; answer === 'moved_since' && looks < LOOKS_MAX; looks += 1) {
          seen = (await findTransferById(database, seen.id)) ?? seen;
          answer = await act(orderOf(seen, operator));
        }
        return { id: seen.id, answer };
      })),
    );
    onProgress?.(answers.length);
  }
  return answers;
}

function orderOf(seen: PayoutTransfer, operator: Operator): OperatorOrder {
  return {
    ...operator,
    transferId: seen.id,
    seenStatus: seen.status,
    seenAttemptCount: seen.attemptCount,
    seenReason: seen.failureReason,
    seenUpdatedAtMs: seen.updatedAt.getTime(),
  };
}

function idsWith(answers: readonly Answered<string>[], wanted: string): string[] {
  return answers.filter(({ answer }) => answer === wanted).map(({ id }) => id);
}

function refusedOf(answers: readonly Answered<string>[]): RefusedOrder[] {
  return answers.flatMap(({ answer, id }) =>
    isRefusal(answer) ? [{ id, why: CANCELLATION_REFUSAL_TEXTS[answer], code: answer }] : [],
  );
}

function isRefusal(answer: string): answer is CancellationRefusal {
  return Object.hasOwn(CANCELLATION_REFUSAL_TEXTS, answer);
}

/** The transfers of a job in these states, by id. */
export async function findAllByStatus(
  database: Database,
  jobId: string,
  statuses: readonly TransferStatus[],
): Promise<PayoutTransfer[]> {
  const found: PayoutTransfer[] = [];
  let page: PayoutTransfer[] = [];
  do {
    page = await findTransfersByStatus(database, jobId, {
      statuses,
      afterTransferId: page.at(-1)?.id ?? null,
      transfersMax: TRANSFERS_PER_PAGE,
    });
    found.push(...page);
  } while (page.length === TRANSFERS_PER_PAGE);
  return found;
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
    transferIds.map((id) => ({ workflowId: transferWorkflowId(id), signal: SIGNALS.changed })),
  );
  await wakeWorkflow(client, jobWorkflowId(settlementId), SIGNALS.changed);
}

import { inBatches } from '../activities/in-batches';
import type { OperatorOrder } from '../activities/operator-order';
import { startOf } from '../activities/read-transfer-page';
import type { TransferStart } from '../domain/contracts';
import { ORDER_PAGE_TRANSFERS, ORDERS_AT_ONCE } from '../domain/limits';
import type { Operator } from '../domain/operator-reason';
import type { ReasonCode } from '../domain/reasons';
import type { TransferStatus } from '../domain/transfer-state';
import type { Database } from '../db/database';
import { everyPage } from '../db/every-page';
import { readPayoutClock } from '../db/payout-clock';
import {
  findTransferById,
  findTransfersByStatus,
  type PayoutTransfer,
} from '../db/payout-transfers';

/** Who gives an order, and where it is carried out. */
export interface Ordering {
  readonly database: Database;
  readonly operator: Operator;
  /** How often a transfer that moved is looked at again; 1 where an order is for what was seen and nothing else. */
  readonly looksMax?: number;
  /** Told after each page, with how many transfers were dealt with so far. */
  readonly onProgress?: (done: number) => void;
  /** Ends the order after the page that it is at: whoever was not reached stays as he is. */
  readonly signal?: AbortSignal;
}

/** Transfers as they were seen, a page at a time: a settlement has up to 100 000. */
export type SeenPages = Iterable<PayoutTransfer[]> | AsyncIterable<PayoutTransfer[]>;

/** Who of a settlement is meant where no transfer is named. */
export interface Meant {
  readonly statuses: readonly TransferStatus[];
  /** @param orderedAt when the order began: whoever came into such a state later, it does not speak of */
  readonly isMeant: (transfer: PayoutTransfer, orderedAt: Date) => boolean;
}

/** The transfers of a job that are meant, by id. */
export async function* seenPagesOf(
  database: Database,
  jobId: string,
  { isMeant, statuses }: Meant,
): AsyncGenerator<PayoutTransfer[]> {
  const orderedAt = await readPayoutClock(database);
  const read = (last: PayoutTransfer | undefined, transfersMax: number) =>
    findTransfersByStatus(database, jobId, {
      statuses,
      afterTransferId: last?.id ?? null,
      transfersMax,
    });
  for await (const page of everyPage(read, ORDER_PAGE_TRANSFERS)) {
    yield page.filter((transfer) => isMeant(transfer, orderedAt));
  }
}

/** What became of an order; of the transfer only what its run is started with, as there may be 100 000 of them. */
export interface Answered<Answer> {
  readonly start: TransferStart;
  readonly answer: Answer;
  /** The reason code that the transfer was last seen with. */
  readonly reason: ReasonCode | null;
}

/** A transfer that moves while it is looked at, as those of a running job do, is looked at again so many times. */
const LOOKS_MAX = 5;

/** Gives the same order about each of these transfers. Who moved since it was seen is looked at again. */
export async function carryOut<Answer extends string>(
  { database, looksMax = LOOKS_MAX, onProgress, operator, signal }: Ordering,
  pages: SeenPages,
  act: (order: OperatorOrder) => Promise<Answer | 'moved_since'>,
): Promise<Answered<Answer | 'moved_since'>[]> {
  const order = async (listed: PayoutTransfer): Promise<Answered<Answer | 'moved_since'>> => {
    let seen = listed;
    let answer = await act(orderOf(seen, operator));
    for (let looks = 1; answer === 'moved_since' && looks < looksMax; looks += 1) {
      seen = (await findTransferById(database, seen.id)) ?? seen;
      answer = await act(orderOf(seen, operator));
    }
    return { start: startOf(seen), answer, reason: seen.failureReason };
  };
  const answers: Answered<Answer | 'moved_since'>[] = [];
  for await (const page of pages) {
    if (signal?.aborted === true) {
      break;
    }
    answers.push(...(await inBatches(page, order, ORDERS_AT_ONCE)));
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

/** Whose order was answered so. */
export function answeredWith<Answer extends string>(
  answers: readonly Answered<Answer>[],
  ...wanted: readonly Answer[]
): TransferStart[] {
  return answers.filter(({ answer }) => wanted.includes(answer)).map(({ start }) => start);
}

export function idsOf(starts: readonly TransferStart[]): string[] {
  return starts.map(({ transferId }) => transferId);
}

export interface RefusedOrder<Refusal extends string = string> {
  readonly id: string;
  readonly why: string;
  readonly code: Refusal;
  /** The reason code of the transfer itself, such as why its outcome is not known. */
  readonly reason: ReasonCode | null;
}

/** The orders that were answered with one of these refusals. */
export function refusedOf<Refusal extends string>(
  answers: readonly Answered<string>[],
  texts: Readonly<Record<Refusal, string>>,
): RefusedOrder<Refusal>[] {
  const isRefusal = (answer: string): answer is Refusal => Object.hasOwn(texts, answer);
  return answers.flatMap(({ answer, reason, start }) =>
    isRefusal(answer) ? [{ id: start.transferId, why: texts[answer], code: answer, reason }] : [],
  );
}

/** What refused orders are counted by. */
export function codesOf(refused: readonly RefusedOrder[]): string[] {
  return refused.map(({ code }) => code);
}

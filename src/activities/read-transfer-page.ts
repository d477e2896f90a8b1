import type { TransferCursor, TransferPage, TransferStart } from '../domain/contracts';
import type { TransferStatus } from '../domain/transfer-state';
import { findTransfersByStatus, type PayoutTransfer } from '../db/payout-transfers';
import type { ActivityDependencies } from './dependencies';

export interface ReadTransferPageInput {
  readonly jobId: string;
  readonly cursor: TransferCursor;
  readonly transfersMax: number;
}

const STATUSES: Readonly<Record<'payable' | 'blocked', readonly TransferStatus[]>> = {
  payable: ['pending', 'retryable', 'processing', 'unknown'],
  blocked: ['blocked'],
};

/**
 * The next open transfers of a job and where to go on: first those that can be paid, then those that wait, so that
 * thousands of unready winners do not stand before the others (design §6). Read-only.
 */
export async function readTransferPage(
  dependencies: ActivityDependencies,
  input: ReadTransferPageInput,
): Promise<TransferPage> {
  const { cursor, jobId, transfersMax } = input;
  if (cursor.phase === 'done') {
    return { transfers: [], cursor };
  }
  const { phase, afterTransferId } = cursor;
  const rows = await findTransfersByStatus(dependencies.database, jobId, {
    statuses: STATUSES[phase],
    afterTransferId,
    transfersMax,
  });
  return { transfers: rows.map(startOf), cursor: cursorAfter(cursor, rows, transfersMax) };
}

/** Whether a job that has come this far starts a transfer, as it stands now, by itself no more. */
export function isPassed(
  { phase, afterTransferId }: TransferCursor,
  { id, status }: Pick<PayoutTransfer, 'id' | 'status'>,
): boolean {
  if (phase === 'done') {
    return true;
  }
  return STATUSES[phase].includes(status)
    ? id <= (afterTransferId ?? '')
    : STATUSES.payable.includes(status);
}

function cursorAfter(
  cursor: TransferCursor,
  rows: readonly PayoutTransfer[],
  transfersMax: number,
): TransferCursor {
  const last = rows.at(-1);
  if (last !== undefined && rows.length === transfersMax) {
    return { phase: cursor.phase, afterTransferId: last.id };
  }
  return { phase: cursor.phase === 'payable' ? 'blocked' : 'done', afterTransferId: null };
}

/** What a run of this transfer is started with. */
export function startOf(transfer: PayoutTransfer): TransferStart {
  return {
    transferId: transfer.id,
    settlementId: transfer.settlementId,
    contestId: transfer.contestId,
    amountMinor: transfer.amountMinor,
    currency: transfer.currency,
  };
}

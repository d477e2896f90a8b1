import type { Executor } from '../../db/database';
import { findTransferById, type PayoutTransfer } from '../../db/payout-transfers';
import { ApiError } from '../api-error';
import type { WinnerParams } from './params';

/**
 * The transfer that a path names.
 * @throws ApiError 404, also for the transfer of another settlement
 */
export async function findWinner(
  executor: Executor,
  { settlementId, transferId }: WinnerParams,
): Promise<PayoutTransfer> {
  const transfer = await findTransferById(executor, transferId);
  if (transfer?.settlementId !== settlementId) {
    const message = 'this settlement has no such transfer';
    throw new ApiError(404, 'transfer_not_found', message);
  }
  return transfer;
}

import type { TransferClaim, TransferView } from '../domain/contracts';
import { inTransaction } from '../db/database';
import { findAttempts } from '../db/payout-attempts';
import { lockTransfer } from '../db/transfer-moves';
import { concludeClaim } from './conclude-claim';
import type { ActivityDependencies } from './dependencies';
import { viewOf } from './transfer-view';

/**
 * Ends a claim: state and ledger in one transaction, from what the attempt rows say (M8).
 *
 * Safe to repeat. A claim that is no longer the row's own changes nothing: another run has gone on since (M9).
 */
export async function recordOutcome(
  dependencies: ActivityDependencies,
  claim: TransferClaim,
): Promise<TransferView> {
  return inTransaction(dependencies.database, async (transaction) => {
    const transfer = await lockTransfer(transaction, claim.transferId);
    if (transfer.status !== 'processing' || transfer.claimNumber !== claim.claimNumber) {
      return viewOf(transfer);
    }
    const concluded = await concludeClaim(transaction, transfer, dependencies.platform);
    if (concluded.status !== 'retryable') {
      return viewOf(concluded);
    }
    const last = (await findAttempts(transaction, transfer.id)).at(-1);
    return viewOf(concluded, last?.answer?.retryAfterMs);
  });
}

import type { TransferClaim, TransferView } from '../domain/contracts';
import { BLOCKED_LOOK_MS } from '../domain/limits';
import { lockTransfer, type PayoutTransfer } from '../db/payout-transfers';
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
  return dependencies.database.transaction(async (transaction) => {
    const transfer = await lockTransfer(transaction, claim.transferId);
    if (transfer === undefined) {
      throw new Error(`transfer ${claim.transferId} does not exist`);
    }
    if (transfer.status !== 'processing' || transfer.claimNumber !== claim.claimNumber) {
      return viewOf(transfer);
    }
    return waitingView(await concludeClaim(transaction, transfer, dependencies.platform));
  });
}

/** A payee who is not ready is woken by a signal, so the look without one is rare; the rest backs off. */
export function waitingView(transfer: PayoutTransfer): TransferView {
  const waitsForPayee = transfer.status === 'blocked' && transfer.failureClass === 'payee';
  return viewOf(transfer, waitsForPayee ? BLOCKED_LOOK_MS : null);
}

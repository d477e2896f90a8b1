import { reversalLedgerKey } from '../domain/ids';
import { reversalPosting } from '../domain/ledger';
import { sumMinor } from '../domain/money';
import { judgeReversals, type Reversal } from '../domain/reversals';
import { inTransaction, type Executor } from '../db/database';
import { findBookedReversals, postLedger, type BookedTransfer } from '../db/ledger';
import { lockTransfer, recordReversed } from '../db/transfer-moves';
import type { ListedTransfer } from '../stripe/list-transfers';
import { listReversals } from '../stripe/list-reversals';
import type { ActivityDependencies } from './dependencies';
import { raiseAlarm } from './settle-created-transfer';

/** The list of reversals does not show yet what the transfer itself says came back; another look will. */
class ReversalsNotListedError extends Error {
  override readonly name = 'ReversalsNotListedError';
  constructor(stripeTransferId: string) {
    super(`not every reversal of ${stripeTransferId} is listed yet`);
  }
}

/** What came of it; the first two are how it should be, the others stopped the settlement for a person. */
export type ReversalsBooked =
  | 'reversal_booked'
  | 'reversals_known'
  | 'over_reversed'
  | 'reversal_differs'
  | 'reversal_not_at_stripe';

/**
 * Books what came back of a transfer, each reversal once by Stripe's id, with the row's `amount_reversed` in the same
 * transaction. The transfer stays paid: paying again is a new award. Safe to repeat and to race.
 *
 * What came back of a second transfer for a debt is booked too; the row tells only of the one that paid it.
 * @param bookedBefore ids that the ledger had before Stripe was asked anything
 * @throws ReversalsNotListedError, StripeUnreachableError, StripeRefusedError
 */
export async function bookReversals(
  { database, stripe }: Pick<ActivityDependencies, 'database' | 'stripe'>,
  booked: BookedTransfer,
  found: ListedTransfer,
  bookedBefore: readonly Reversal[],
): Promise<ReversalsBooked> {
  const listed = await listReversals(stripe, found.id);
  const listedMinor = sumMinor(listed.map(({ amountMinor }) => amountMinor)) ?? 0;
  if (listedMinor < found.amountReversedMinor) {
    throw new ReversalsNotListedError(found.id);
  }
  return inTransaction(database, async (executor) => {
    const transfer = await lockTransfer(executor, booked.transferId);
    const verdict = judgeReversals(
      booked,
      listed,
      await findBookedReversals(executor, booked),
      bookedBefore.map(({ id }) => id),
    );
    if (verdict.is === 'alarm') {
      await raiseAlarm(executor, booked.settlementId, `${verdict.reason}:${found.id}`);
      return verdict.reason;
    }
    for (const reversal of verdict.fresh) {
      await postReversal(executor, booked, reversal);
    }
    if (
      transfer.stripeTransferId === found.id &&
      transfer.amountReversedMinor !== verdict.reversedMinor
    ) {
      await recordReversed(executor, transfer, verdict.reversedMinor);
    }
    return verdict.fresh.length > 0 ? 'reversal_booked' : 'reversals_known';
  });
}

async function postReversal(
  executor: Executor,
  { settlementId, stripeTransferId, transferId }: BookedTransfer,
  { amountMinor, currency, id }: Reversal,
): Promise<void> {
  await postLedger(executor, {
    idempotencyKey: reversalLedgerKey(id),
    kind: 'reversal',
    settlementId,
    transferId,
    stripeTransferId,
    entries: reversalPosting(amountMinor, currency),
  });
}

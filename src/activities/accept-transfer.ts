import type { ResolveRefusal } from '../domain/manual-resolution';
import type { Operator } from '../domain/operator-reason';
import { isAllBack } from '../domain/reconciliation';
import type { TransferStatus } from '../domain/transfer-state';
import { inTransaction, type Executor } from '../db/database';
import { findBookedTransfer } from '../db/ledger';
import { isAccepted, recordAccepted } from '../db/accepted-transfers';
import type { PayoutTransfer } from '../db/payout-transfers';
import { lockTransfer } from '../db/transfer-moves';
import { retrieveTransfer, type RetrievedTransfer } from '../stripe/retrieve-transfer';
import { isPaymentOf } from './adopt-listed-transfer';
import { bookReversals } from './book-reversals';
import type { ActivityDependencies } from './dependencies';
import { recordOverpaid } from './settle-created-transfer';

type Dependencies = Pick<ActivityDependencies, 'database' | 'platform' | 'stripe'>;

/**
 * Records that an operator lets a Stripe transfer be that pays nothing which is owed: a further one for a debt that is
 * paid, or one for a debt that was voided. Asked for at Stripe first; it is booked as overpaid, with what came back of it,
 * and raises no alarm again. No state changes and nothing is sent. Safe to repeat.
 *
 * @throws StripeUnreachableError, StripeRefusedError when Stripe could not be asked
 */
export async function acceptTransfer(
  dependencies: Dependencies,
  seen: PayoutTransfer,
  order: Operator & { readonly stripeTransferId: string },
): Promise<'accepted' | ResolveRefusal> {
  const { database, platform, stripe } = dependencies;
  const retrieved = await retrieveTransfer(stripe, order.stripeTransferId);
  if (retrieved === undefined) {
    return 'no_such_stripe_transfer';
  }
  if (!isPaymentOf(retrieved, seen.id, platform)) {
    return 'of_another_payment';
  }
  const answer = await inTransaction(database, async (executor) => {
    const transfer = await lockTransfer(executor, seen.id);
    if (await isAccepted(executor, transfer.id, retrieved.id)) {
      return 'accepted';
    }
    const refusal = refusalOfAcceptance(transfer, retrieved, platform.livemode);
    if (refusal !== undefined) {
      return refusal;
    }
    await book(executor, transfer, retrieved);
    await recordAccepted(executor, transfer, retrieved, order);
    return 'accepted';
  });
  const booked = await findBookedTransfer(database, retrieved.id);
  if (answer === 'accepted' && booked !== undefined && retrieved.amountReversedMinor > 0) {
    await bookReversals(dependencies, booked, retrieved, []);
  }
  return answer;
}

const NOTHING_IS_OWED: ReadonlySet<TransferStatus> = new Set<TransferStatus>([
  'completed',
  'voided',
]);

function refusalOfAcceptance(
  transfer: PayoutTransfer,
  retrieved: RetrievedTransfer,
  livemode: boolean,
): ResolveRefusal | undefined {
  if (!NOTHING_IS_OWED.has(transfer.status)) {
    return 'still_owed';
  }
  if (transfer.stripeTransferId === retrieved.id) {
    return 'is_its_payment';
  }
  if (retrieved.currency !== transfer.currency || retrieved.livemode !== livemode) {
    return 'other_currency_or_mode';
  }
  return isAllBack(retrieved) ? 'all_back' : undefined;
}

async function book(
  executor: Executor,
  transfer: PayoutTransfer,
  { amountMinor, id: stripeTransferId }: RetrievedTransfer,
): Promise<void> {
  await recordOverpaid(executor, transfer, {
    stripeTransferId,
    amountMinor,
    attemptNumber: 0,
    generation: 0,
  });
}

import type { TransferView } from '../domain/contracts';
import { inTransaction } from '../db/database';
import { findUserStripeAccount, markAccountTryable } from '../db/user-stripe-accounts';
import { lockTransfer } from '../db/transfer-moves';
import { askPayeeReadiness as askStripe } from '../stripe/payee-readiness';
import type { ActivityDependencies } from './dependencies';
import { pausingWhenRefused } from './refused-read';
import { viewOf } from './transfer-view';

/**
 * Asks Stripe whether a winner's account can receive by now, and notes the answer for everybody who waits for it.
 * One reading request; safe to repeat.
 *
 * Where Stripe cannot tell, the next claim tries with money: its refusal costs nothing and is the truth.
 */
export async function askPayeeReadiness(
  dependencies: ActivityDependencies,
  { transferId }: { readonly transferId: string },
): Promise<TransferView> {
  const { database, stripe } = dependencies;
  const waiting = await inTransaction(database, (executor) => lockTransfer(executor, transferId));
  const account = await findUserStripeAccount(database, waiting.userId);
  if (account !== undefined) {
    const readiness = await pausingWhenRefused(dependencies, waiting.settlementId, () =>
      askStripe(stripe, account.stripeAccountId),
    );
    if (readiness !== 'not_ready') {
      const learnt = readiness === 'ready' ? 'ready' : 'not_asked';
      await markAccountTryable(database, account, learnt);
    }
  }
  return viewOf(waiting, 0);
}

import type { TransferView } from '../domain/contracts';
import { inTransaction } from '../db/database';
import { findUserStripeAccount } from '../db/user-stripe-accounts';
import { lockTransfer } from '../db/transfer-moves';
import type { ActivityDependencies } from './dependencies';
import { learnReadiness } from './learn-readiness';
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
  const { database } = dependencies;
  const waiting = await inTransaction(database, (executor) => lockTransfer(executor, transferId));
  const account = await findUserStripeAccount(database, waiting.userId);
  if (account !== undefined) {
    await pausingWhenRefused(dependencies, waiting.settlementId, () =>
      learnReadiness(dependencies, account.stripeAccountId, [account]),
    );
  }
  return viewOf(waiting, 0);
}

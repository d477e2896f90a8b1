import {
  markAccountNotReady,
  markAccountTryable,
  type UserStripeAccount,
} from '../db/user-stripe-accounts';
import { askPayeeReadiness, type PayeeReadiness } from '../stripe/payee-readiness';
import type { ActivityDependencies } from './dependencies';

/**
 * Asks Stripe whether an account can receive by now, and notes the answer for everybody who is paid to it. One reading
 * request; safe to repeat. An account that is known as not ready keeps the time of its next question.
 *
 * Where Stripe cannot tell, the next claim tries with money: its refusal costs nothing and is the truth.
 * @param accounts the rows that name this account, as they were before the question
 * @throws StripeUnreachableError, StripeRefusedError
 */
export async function learnReadiness(
  { database, stripe }: Pick<ActivityDependencies, 'database' | 'stripe'>,
  stripeAccountId: string,
  accounts: readonly UserStripeAccount[],
): Promise<PayeeReadiness> {
  const learnt = await askPayeeReadiness(stripe, stripeAccountId);
  for (const account of accounts) {
    const wasNotReady = account.readiness === 'not_ready';
    if (learnt === 'ready') {
      await markAccountTryable(database, account, 'ready');
    } else if (learnt === 'not_ready' && !wasNotReady) {
      await markAccountNotReady(database, account);
    } else if (learnt === 'cannot_tell' && wasNotReady) {
      await markAccountTryable(database, account, 'not_asked');
    }
  }
  return learnt;
}

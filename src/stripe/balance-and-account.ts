import type Stripe from 'stripe';
import { readFailure } from './read-failures';

/** Whose money the API key moves, and whether it is real. */
export interface StripeIdentity {
  readonly accountId: string;
  readonly livemode: boolean;
}

/**
 * Asks Stripe which account the key belongs to and in which mode it works, so that a process with another key than the
 * installation's refuses to send (M3). Two reading calls, each within the client's deadline; safe to repeat.
 *
 * @throws StripeUnreachableError when there is no readable answer, or one that is not Stripe's
 * @throws StripeRefusedError when Stripe refuses the key
 */
export async function identifyStripeAccount(stripe: Stripe): Promise<StripeIdentity> {
  let facts: { readonly accountId: unknown; readonly livemode: unknown };
  try {
    const account = await stripe.accounts.retrieveCurrent();
    const balance = await stripe.balance.retrieve();
    facts = { accountId: account.id, livemode: balance.livemode };
  } catch (error) {
    throw readFailure(stripe, error);
  }
  const { accountId, livemode } = facts;
  const isStripe =
    typeof accountId === 'string' &&
    /^acct_[A-Za-z0-9_]{1,100}$/.test(accountId) &&
    typeof livemode === 'boolean';
  if (!isStripe) {
    throw readFailure(stripe, new TypeError('the answer is not an account and a balance'));
  }
  return { accountId, livemode };
}

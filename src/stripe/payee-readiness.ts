import type Stripe from 'stripe';
import { z } from 'zod';
import { STRIPE_ACCOUNT_ID_PATTERN } from '../domain/ids';
import { StripeRefusedError } from './read-failures';
import { readAnswer } from './reading-call';

/**
 * Whether an account can receive a transfer now. `cannot_tell` is no reason to wait: only the POST itself brings the
 * truth then.
 */
export type PayeeReadiness = 'ready' | 'not_ready' | 'cannot_tell';

function accountSchema(stripeAccountId: string) {
  return z.object({
    id: z.literal(stripeAccountId),
    object: z.literal('account'),
    capabilities: z.object({ transfers: z.string().optional() }).optional(),
  });
}

/** The key's fault (401) and what passes (429, 5xx) say nothing about the payee. */
function saysSomethingOfPayee({ httpStatus }: StripeRefusedError): boolean {
  return httpStatus >= 400 && httpStatus <= 499 && httpStatus !== 401 && httpStatus !== 429;
}

/**
 * Asks Stripe whether an account can receive transfers: one GET /v1/accounts/:id, safe to repeat.
 *
 * Only the `transfers` capability counts (docs.stripe.com/connect/account-capabilities): `charges_enabled` is about
 * being paid by customers, `payouts_enabled` about the bank. An account that has disconnected itself is not ready.
 * @throws TypeError for an id that is none of Stripe's accounts', before anything is sent
 * @throws StripeUnreachableError when there is no readable answer, or another account's (`NOT_THE_ACCOUNT`)
 * @throws StripeRefusedError for 401, 429 and 5xx
 */
export async function askPayeeReadiness(
  stripe: Stripe,
  stripeAccountId: string,
): Promise<PayeeReadiness> {
  // With anything else in it the SDK would ask for another resource: an empty id is the platform's own account.
  if (!STRIPE_ACCOUNT_ID_PATTERN.test(stripeAccountId)) {
    throw new TypeError('the id of a Stripe account is acct_ and letters and digits');
  }
  try {
    const { capabilities } = await readAnswer(
      stripe,
      () => stripe.accounts.retrieve(stripeAccountId),
      { schema: accountSchema(stripeAccountId), orElse: 'NOT_THE_ACCOUNT' },
    );
    if (capabilities === undefined) {
      return 'cannot_tell';
    }
    return capabilities.transfers === 'active' ? 'ready' : 'not_ready';
  } catch (error) {
    if (error instanceof StripeRefusedError && saysSomethingOfPayee(error)) {
      return error.httpStatus === 403 && error.code === 'account_invalid'
        ? 'not_ready'
        : 'cannot_tell';
    }
    throw error;
  }
}

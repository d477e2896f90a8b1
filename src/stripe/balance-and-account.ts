import type Stripe from 'stripe';
import { z } from 'zod';
import { STRIPE_ACCOUNT_ID_PATTERN } from '../domain/ids';
import { readAnswer } from './reading-call';

/** Whose money the API key moves, and whether it is real. */
export interface StripeIdentity {
  readonly accountId: string;
  readonly livemode: boolean;
}

const ownAccountSchema = z.object({ id: z.string().regex(STRIPE_ACCOUNT_ID_PATTERN) });

const modeSchema = z.object({ livemode: z.boolean() });

/** One entry a currency; two of one would make one of them disappear. */
const balanceSchema = z.object({
  object: z.literal('balance'),
  available: z
    .array(z.object({ currency: z.string().regex(/^[a-z]{3}$/), amount: z.int() }))
    .refine((entries) => new Set(entries.map(({ currency }) => currency)).size === entries.length),
});

/**
 * Asks Stripe which account the key belongs to and in which mode it works, so that a process with another key than the
 * installation's refuses to send (M3). Two reading calls, each within the client's deadline; safe to repeat.
 *
 * @throws StripeUnreachableError when there is no readable answer, or one that is not Stripe's
 * @throws StripeRefusedError when Stripe refuses the key
 */
export async function identifyStripeAccount(stripe: Stripe): Promise<StripeIdentity> {
  const account = await readAnswer(stripe, () => stripe.accounts.retrieveCurrent(), {
    schema: ownAccountSchema,
    orElse: 'NOT_STRIPE',
  });
  const { livemode } = await readAnswer(stripe, () => stripe.balance.retrieve(), {
    schema: modeSchema,
    orElse: 'NOT_STRIPE',
  });
  return { accountId: account.id, livemode };
}

/**
 * What the platform can transfer now, in minor units by lower-case currency: one GET /v1/balance, safe to repeat.
 *
 * Negative after losses. A currency that is not in it has no balance: nothing available. Pending money does not count.
 * @throws StripeUnreachableError when there is no readable answer, or one that is no balance (`NOT_A_BALANCE`)
 * @throws StripeRefusedError when Stripe answers with an error
 */
export async function availableBalances(stripe: Stripe): Promise<ReadonlyMap<string, number>> {
  const { available } = await readAnswer(stripe, () => stripe.balance.retrieve(), {
    schema: balanceSchema,
    orElse: 'NOT_A_BALANCE',
  });
  return new Map(available.map(({ currency, amount }) => [currency, amount]));
}

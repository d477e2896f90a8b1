import type Stripe from 'stripe';
import { z } from 'zod';

import { REVERSAL_ID_IN_METADATA } from '../domain/reversal-request';
import { readAnswer } from './reading-call';

/** A part of a transfer, or all of it, that came back. */
export interface ListedReversal {
  readonly id: string;
  readonly amountMinor: number;
  readonly currency: string;
  /** The order of ours that its metadata names; null where somebody else made it. */
  readonly payoutReversalId: string | null;
}

/** The largest page that Stripe gives. */
const PAGE_REVERSALS = 100;

function pageSchema(stripeTransferId: string, after: string | undefined) {
  const reversal = z.object({
    id: z.string().regex(/^trr_[A-Za-z0-9_]{1,100}$/),
    object: z.literal('transfer_reversal'),
    amount: z.int().positive(),
    currency: z.string().regex(/^[a-z]{3}$/),
    transfer: z.literal(stripeTransferId),
    metadata: z.record(z.string(), z.string()).nullish(),
  });
  return z
    .object({ object: z.literal('list'), data: z.array(reversal), has_more: z.boolean() })
    .refine(({ data, has_more }) => !has_more || data.length > 0)
    .refine(({ data }) => data.every(({ id }) => id !== after));
}

/**
 * Every reversal of one transfer, newest first, over all pages: one GET /v1/transfers/:id/reversals each, safe to
 * repeat.
 *
 * @throws StripeUnreachableError when there is no readable answer, or one that is no page (`NOT_A_LIST`)
 * @throws StripeRefusedError when Stripe answers with an error
 */
export async function listReversals(
  stripe: Stripe,
  stripeTransferId: string,
): Promise<ListedReversal[]> {
  const reversals = new Map<string, ListedReversal>();
  let after: string | undefined;
  do {
    const params = {
      limit: PAGE_REVERSALS,
      ...(after !== undefined && { starting_after: after }),
    };
    const page = await readAnswer(
      stripe,
      () => stripe.transfers.listReversals(stripeTransferId, params),
      { schema: pageSchema(stripeTransferId, after), orElse: 'NOT_A_LIST' },
    );
    const known = reversals.size;
    for (const { amount: amountMinor, currency, id, metadata } of page.data) {
      const payoutReversalId = metadata?.[REVERSAL_ID_IN_METADATA] ?? null;
      reversals.set(id, { id, amountMinor, currency, payoutReversalId });
    }
    // Pages that bring nothing new lead in a circle.
    after = page.has_more && reversals.size > known ? page.data.at(-1)?.id : undefined;
  } while (after !== undefined);
  return [...reversals.values()];
}

import { and, desc, eq, isNull, sql } from 'drizzle-orm';

import { stripeIdempotencyKey, type FrozenRequest } from '../domain/generation';
import type { KeyAge } from '../domain/send-gate';
import type { Executor } from './database';
import { payoutGenerations } from './schema';

export type PayoutGeneration = typeof payoutGenerations.$inferSelect;

/** Opens a generation: from here on its key and its request never change (M1). */
export async function openGeneration(
  executor: Executor,
  opening: {
    readonly transferId: string;
    readonly generation: number;
    readonly request: FrozenRequest;
    readonly stripeAccountId: string;
    readonly livemode: boolean;
  },
): Promise<PayoutGeneration> {
  const { transferId, generation, request } = opening;
  const [opened] = await executor
    .insert(payoutGenerations)
    .values({
      transferId,
      generation,
      idempotencyKey: stripeIdempotencyKey(transferId, generation),
      amountMinor: request.amountMinor,
      currency: request.currency,
      destination: request.destination,
      transferGroup: request.transferGroup,
      metadata: { ...request.metadata },
      stripeAccountId: opening.stripeAccountId,
      livemode: opening.livemode,
    })
    .returning();
  if (opened === undefined) {
    throw new Error(`generation ${generation.toString()} of transfer ${transferId} was not opened`);
  }
  return opened;
}

/** The one generation of a transfer that may be sent, if one is open. */
export async function findOpenGeneration(
  executor: Executor,
  transferId: string,
): Promise<PayoutGeneration | undefined> {
  const [open] = await executor
    .select()
    .from(payoutGenerations)
    .where(and(eq(payoutGenerations.transferId, transferId), isNull(payoutGenerations.closedAt)));
  return open;
}

/** Every generation of a transfer, newest first: where money may have gone. */
export async function findGenerations(
  executor: Executor,
  transferId: string,
): Promise<PayoutGeneration[]> {
  return executor
    .select()
    .from(payoutGenerations)
    .where(eq(payoutGenerations.transferId, transferId))
    .orderBy(desc(payoutGenerations.generation));
}

/** Ends the sending of a key for ever. Postgres refuses it while a send under the key is unresolved (M5). */
export async function closeGeneration(
  executor: Executor,
  generation: Pick<PayoutGeneration, 'transferId' | 'generation'>,
  reason: string,
): Promise<void> {
  await executor
    .update(payoutGenerations)
    .set({ closedAt: sql`payout_now()`, closedReason: reason })
    .where(
      and(
        eq(payoutGenerations.transferId, generation.transferId),
        eq(payoutGenerations.generation, generation.generation),
        isNull(payoutGenerations.closedAt),
      ),
    );
}

/** Since when a key is sent, for `isKeySendable`. */
export function keyAgeOf(generation: PayoutGeneration): KeyAge {
  return {
    firstSentAtMs: generation.firstSentAt?.getTime() ?? null,
    listReadAtMs: generation.listReadAt?.getTime() ?? null,
  };
}

import { and, eq, sql } from 'drizzle-orm';

import { ASK_WAITS } from '../domain/limits';
import type { Executor } from './database';
import { dueAgainAt } from './due-again';
import { userStripeAccounts } from './schema';

export type UserStripeAccount = typeof userStripeAccounts.$inferSelect;

/** The connected account of a winner, or undefined while there is none (the seed's open lookup). */
export async function findUserStripeAccount(
  executor: Executor,
  userId: string,
): Promise<UserStripeAccount | undefined> {
  const [account] = await executor
    .select()
    .from(userStripeAccounts)
    .where(eq(userStripeAccounts.userId, userId));
  return account;
}

/** The users that are paid to this connected account; nearly always one or none. */
export async function findOwnersOfAccount(
  executor: Executor,
  stripeAccountId: string,
): Promise<UserStripeAccount[]> {
  return executor
    .select()
    .from(userStripeAccounts)
    .where(eq(userStripeAccounts.stripeAccountId, stripeAccountId))
    .orderBy(userStripeAccounts.userId);
}

/** Locks a user's account against a second import, and returns it. */
export async function lockUserStripeAccount(
  executor: Executor,
  userId: string,
): Promise<UserStripeAccount | undefined> {
  const [account] = await executor
    .select()
    .from(userStripeAccounts)
    .where(eq(userStripeAccounts.userId, userId))
    .for('update');
  return account;
}

/** @returns whether this call inserted it; false when the user has an account already. */
export async function insertUserStripeAccount(
  executor: Executor,
  account: { readonly userId: string; readonly stripeAccountId: string },
): Promise<boolean> {
  const inserted = await executor
    .insert(userStripeAccounts)
    .values(account)
    .onConflictDoNothing()
    .returning({ userId: userStripeAccounts.userId });
  return inserted.length > 0;
}

/** Which account of which user; what is learnt of a replaced account must not be written to its successor. */
export interface UserAccountId {
  readonly userId: string;
  readonly stripeAccountId: string;
}

function accountIs({ stripeAccountId, userId }: UserAccountId) {
  return and(
    eq(userStripeAccounts.userId, userId),
    eq(userStripeAccounts.stripeAccountId, stripeAccountId),
  );
}

/** Doubles from ask to ask; the step is the number of asks before. */
const NEXT_ASK_AT = dueAgainAt(userStripeAccounts.askCount, ASK_WAITS);

/** Stripe has refused a transfer because this account may not receive yet; it is asked about before the next try. */
export async function markAccountNotReady(
  executor: Executor,
  account: UserAccountId,
): Promise<void> {
  await executor
    .update(userStripeAccounts)
    .set({ readiness: 'not_ready', nextAskAt: NEXT_ASK_AT, updatedAt: sql`payout_now()` })
    .where(accountIs(account));
}

/**
 * Takes the turn to ask Stripe about this account, once a due time however many transfers wait for it.
 * @returns whether the caller asks
 */
export async function beginAsk(executor: Executor, account: UserAccountId): Promise<boolean> {
  const begun = await executor
    .update(userStripeAccounts)
    .set({ askCount: sql`${userStripeAccounts.askCount} + 1`, nextAskAt: NEXT_ASK_AT })
    .where(
      and(
        accountIs(account),
        eq(userStripeAccounts.readiness, 'not_ready'),
        sql`coalesce(${userStripeAccounts.nextAskAt} <= payout_now(), true)`,
      ),
    )
    .returning({ userId: userStripeAccounts.userId });
  return begun.length > 0;
}

/** Whoever waits for this account asks at its next look, however far off the next question was. */
export async function askAtOnce(executor: Executor, userId: string): Promise<void> {
  await executor
    .update(userStripeAccounts)
    .set({ nextAskAt: sql`payout_now()` })
    .where(
      and(eq(userStripeAccounts.userId, userId), eq(userStripeAccounts.readiness, 'not_ready')),
    );
}

/** The account may be tried again: it is ready, or Stripe cannot tell without a transfer. */
export async function markAccountTryable(
  executor: Executor,
  account: UserAccountId,
  readiness: 'ready' | 'not_asked',
): Promise<void> {
  await executor
    .update(userStripeAccounts)
    .set({ readiness, updatedAt: sql`payout_now()` })
    .where(accountIs(account));
}

/** Another account for the same user: its readiness is unknown again, and its version tells it from the old one. */
export async function replaceUserStripeAccount(
  executor: Executor,
  account: { readonly userId: string; readonly stripeAccountId: string },
): Promise<void> {
  await executor
    .update(userStripeAccounts)
    .set({
      stripeAccountId: account.stripeAccountId,
      readiness: 'not_asked',
      nextAskAt: null,
      askCount: 0,
      version: sql`${userStripeAccounts.version} + 1`,
      updatedAt: sql`payout_now()`,
    })
    .where(eq(userStripeAccounts.userId, account.userId));
}

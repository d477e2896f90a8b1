import { eq, sql } from 'drizzle-orm';

import type { Executor } from './database';
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
      version: sql`${userStripeAccounts.version} + 1`,
      updatedAt: sql`payout_now()`,
    })
    .where(eq(userStripeAccounts.userId, account.userId));
}

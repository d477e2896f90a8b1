import { inTransaction, type Database, type Executor } from '../db/database';
import { recordOperatorAction } from '../db/operator-actions';
import { findWaitingTransfersOfUsers } from '../db/payout-transfers';
import { REPLACE_ACCOUNT } from '../db/replaced-accounts';
import {
  insertUserStripeAccount,
  lockUserStripeAccount,
  replaceUserStripeAccount,
} from '../db/user-stripe-accounts';
import type { Operator } from '../domain/operator-reason';
import type { AccountsFile, RejectedRow, UserAccount } from './accounts-file';

export interface ImportReport {
  readonly imported: number;
  readonly unchanged: number;
  readonly replaced: readonly string[];
  readonly rejected: readonly RejectedRow[];
}

/** Replacing the account of somebody who waits for money is a decision; it needs a reason and leaves a record. */
export interface ReplacementPermission extends Operator {
  /** Known by a token; whoever replaces an account of an approved payment has to be. */
  readonly isKnown: boolean;
}

type RowResult = 'imported' | 'unchanged' | 'replaced' | { readonly rejected: string };

/**
 * Records the accounts of a file, each row on its own, and returns what became of them. Safe to repeat.
 * @param permission without it, the account of a user with an unpaid transfer is not replaced
 */
export async function importAccounts(
  database: Database,
  file: AccountsFile,
  permission: ReplacementPermission | undefined,
): Promise<{ readonly report: ImportReport; readonly changedUserIds: readonly string[] }> {
  const results: { account: UserAccount; result: RowResult }[] = [];
  for (const account of file.accepted) {
    const result = await inTransaction(database, (transaction) =>
      importAccount(transaction, account, permission),
    );
    results.push({ account, result });
  }
  const usersWith = (wanted: RowResult) =>
    results.filter(({ result }) => result === wanted).map(({ account }) => account.userId);
  const rejected = results.flatMap(({ account, result }) =>
    typeof result === 'string'
      ? []
      : [{ place: account.userId, userId: account.userId, reason: result.rejected }],
  );
  const imported = usersWith('imported');
  const replaced = usersWith('replaced');
  return {
    report: {
      imported: imported.length,
      unchanged: usersWith('unchanged').length,
      replaced,
      rejected: [...file.rejected, ...rejected],
    },
    changedUserIds: [...imported, ...replaced],
  };
}

async function importAccount(
  executor: Executor,
  account: UserAccount,
  permission: ReplacementPermission | undefined,
): Promise<RowResult> {
  if (await insertUserStripeAccount(executor, account)) {
    return 'imported';
  }
  const existing = await lockUserStripeAccount(executor, account.userId);
  if (existing?.stripeAccountId === account.stripeAccountId) {
    return 'unchanged';
  }
  const waiting = await findWaitingTransfersOfUsers(executor, [account.userId]);
  if (permission === undefined && waiting.length > 0) {
    const reason =
      `has another account (${existing?.stripeAccountId ?? 'unknown'}) and an unpaid transfer; ` +
      'use --replace with --reason to replace it';
    return { rejected: reason };
  }
  if (
    permission?.isKnown === false &&
    waiting.some(({ approval }) => approval !== 'not_required')
  ) {
    const reason =
      'has an unpaid transfer that needs an approval; whoever replaces its account has to be known by a token ' +
      '(PAYOUT_OPERATOR_TOKEN), so that somebody else can confirm it';
    return { rejected: reason };
  }
  await replaceUserStripeAccount(executor, account);
  if (permission !== undefined) {
    await recordOperatorAction(executor, {
      action: REPLACE_ACCOUNT,
      actor: permission.actor,
      reason: permission.reason,
      subject: {
        userId: account.userId,
        from: existing?.stripeAccountId ?? null,
        to: account.stripeAccountId,
      },
    });
  }
  return 'replaced';
}

import { and, asc, eq, inArray } from 'drizzle-orm';

import type { Executor } from './database';
import { findActionsOfTransfer, type RecordedAction } from './operator-actions';
import { findAttempts, type PayoutAttempt } from './payout-attempts';
import { findGenerations, type PayoutGeneration } from './payout-generations';
import type { PayoutTransfer } from './payout-transfers';
import { ledgerEntries, ledgerTransactions, payoutReversals } from './schema';
import { findUserStripeAccount, type UserStripeAccount } from './user-stripe-accounts';

export type LedgerRecord = typeof ledgerTransactions.$inferSelect & {
  readonly entries: readonly (typeof ledgerEntries.$inferSelect)[];
};
export type OrderedReversal = typeof payoutReversals.$inferSelect;

/** Everything that stands in the database about one transfer. */
export interface TransferHistory {
  /** The winner's account of today; undefined where none was imported. */
  readonly account: UserStripeAccount | undefined;
  /** Newest first. */
  readonly generations: readonly PayoutGeneration[];
  /** Oldest first, as the ledger and the reversals. */
  readonly attempts: readonly PayoutAttempt[];
  readonly ledger: readonly LedgerRecord[];
  readonly reversals: readonly OrderedReversal[];
  /** Newest first. */
  readonly actions: readonly RecordedAction[];
}

const ACTIONS_MAX = 100;

/** To be read in one snapshot with the transfer itself. */
export async function readTransferHistory(
  executor: Executor,
  transfer: PayoutTransfer,
): Promise<TransferHistory> {
  return {
    account: await findUserStripeAccount(executor, transfer.userId),
    generations: await findGenerations(executor, transfer.id),
    attempts: await findAttempts(executor, transfer.id),
    ledger: await findLedgerRecords(executor, transfer),
    reversals: await executor
      .select()
      .from(payoutReversals)
      .where(eq(payoutReversals.transferId, transfer.id))
      .orderBy(asc(payoutReversals.createdAt)),
    actions: await findActionsOfTransfer(executor, transfer.id, ACTIONS_MAX),
  };
}

async function findLedgerRecords(
  executor: Executor,
  { id, settlementId }: PayoutTransfer,
): Promise<LedgerRecord[]> {
  const records = await executor
    .select()
    .from(ledgerTransactions)
    .where(
      and(eq(ledgerTransactions.settlementId, settlementId), eq(ledgerTransactions.transferId, id)),
    )
    .orderBy(asc(ledgerTransactions.id));
  const entries = await executor
    .select()
    .from(ledgerEntries)
    .where(
      inArray(
        ledgerEntries.ledgerTransactionId,
        records.map((record) => record.id),
      ),
    )
    .orderBy(asc(ledgerEntries.id));
  return records.map((record) => ({
    ...record,
    entries: entries.filter(({ ledgerTransactionId }) => ledgerTransactionId === record.id),
  }));
}

import { and, asc, desc, eq, inArray, sql } from 'drizzle-orm';

import { REVERSAL_LEDGER_PREFIX } from '../domain/ids';
import type { LedgerAccount, LedgerEntry, LedgerTransactionKind } from '../domain/ledger';
import type { ReasonCode } from '../domain/reasons';
import type { Reversal } from '../domain/reversals';
import type { Executor } from './database';
import { lockJobForPosting } from './ledger-hash';
import { ledgerEntries, ledgerTransactions } from './schema';

export interface LedgerPosting {
  readonly idempotencyKey: string;
  readonly kind: LedgerTransactionKind;
  readonly settlementId: string;
  readonly transferId?: string;
  readonly attemptNumber?: number;
  readonly reason?: ReasonCode;
  readonly stripeTransferId?: string;
  readonly entries: readonly LedgerEntry[];
}

/** A ledger key is taken by a record with other content: two truths about one attempt. Nothing is written (M8). */
export class LedgerConflictError extends Error {
  override readonly name = 'LedgerConflictError';
  constructor(readonly idempotencyKey: string) {
    super(`ledger record ${idempotencyKey} exists with other content`);
  }
}

/**
 * Writes one ledger record with its entries, once: the same record again changes nothing.
 * @throws LedgerConflictError when the key is taken by other content
 */
export async function postLedger(executor: Executor, posting: LedgerPosting): Promise<boolean> {
  await lockJobForPosting(executor, posting.settlementId);
  const [written] = await executor
    .insert(ledgerTransactions)
    .values({
      idempotencyKey: posting.idempotencyKey,
      kind: posting.kind,
      settlementId: posting.settlementId,
      transferId: posting.transferId ?? null,
      attemptNumber: posting.attemptNumber ?? null,
      reason: posting.reason ?? null,
      stripeTransferId: posting.stripeTransferId ?? null,
    })
    .onConflictDoNothing({ target: ledgerTransactions.idempotencyKey })
    .returning({ id: ledgerTransactions.id });
  if (written === undefined) {
    await refuseOtherContent(executor, posting);
    return false;
  }
  if (posting.entries.length > 0) {
    await executor
      .insert(ledgerEntries)
      .values(posting.entries.map((entry) => ({ ...entry, ledgerTransactionId: written.id })));
  }
  return true;
}

async function refuseOtherContent(executor: Executor, posting: LedgerPosting): Promise<void> {
  const [existing] = await executor
    .select()
    .from(ledgerTransactions)
    .where(eq(ledgerTransactions.idempotencyKey, posting.idempotencyKey));
  if (existing === undefined) {
    throw new Error(`ledger record ${posting.idempotencyKey} was neither written nor found`);
  }
  const entries = await executor
    .select({
      account: ledgerEntries.account,
      amountMinor: ledgerEntries.amountMinor,
      currency: ledgerEntries.currency,
    })
    .from(ledgerEntries)
    .where(eq(ledgerEntries.ledgerTransactionId, existing.id))
    .orderBy(asc(ledgerEntries.id));
  const same =
    existing.kind === posting.kind &&
    existing.settlementId === posting.settlementId &&
    existing.transferId === (posting.transferId ?? null) &&
    existing.stripeTransferId === (posting.stripeTransferId ?? null) &&
    entries.length === posting.entries.length &&
    posting.entries.every((entry, index) => {
      const found = entries[index];
      return (
        found?.account === entry.account &&
        found.amountMinor === entry.amountMinor &&
        found.currency === entry.currency
      );
    });
  if (!same) {
    throw new LedgerConflictError(posting.idempotencyKey);
  }
}

/** Whether a record of this kind stands under a key. */
export async function hasLedgerRecord(
  executor: Executor,
  idempotencyKey: string,
  kind: LedgerTransactionKind,
): Promise<boolean> {
  const [record] = await executor
    .select({ id: ledgerTransactions.id })
    .from(ledgerTransactions)
    .where(
      and(eq(ledgerTransactions.idempotencyKey, idempotencyKey), eq(ledgerTransactions.kind, kind)),
    );
  return record !== undefined;
}

/**
 * The newest ends of attempts of a settlement, newest first: payments, whose reason is null, and refusals. Those from
 * before a pause was lifted are left out: they have had their consequence.
 */
export async function findRecordedEnds(
  executor: Executor,
  settlementId: string,
  { recordsMax }: { readonly recordsMax: number },
): Promise<{ readonly transferId: string; readonly reason: ReasonCode | null }[]> {
  const records = await executor
    .select({ transferId: ledgerTransactions.transferId, reason: ledgerTransactions.reason })
    .from(ledgerTransactions)
    .where(
      and(
        eq(ledgerTransactions.settlementId, settlementId),
        inArray(ledgerTransactions.kind, ['payout', 'refusal']),
        sql`${ledgerTransactions.postedAt} > coalesce((
          select max(lifted_at) from payout_controls where settlement_id = ${settlementId}
        ), '-infinity')`,
      ),
    )
    .orderBy(desc(ledgerTransactions.id))
    .limit(recordsMax);
  return records.flatMap(({ reason, transferId }) =>
    transferId === null ? [] : [{ transferId, reason }],
  );
}

/** A Stripe transfer in the ledger: what it moved, and for which debt. */
export interface BookedTransfer {
  readonly stripeTransferId: string;
  readonly transferId: string;
  readonly settlementId: string;
  readonly amountMinor: number;
  readonly currency: string;
}

/** The payment, owed or not, that a Stripe transfer is booked as. */
export async function findBookedTransfer(
  executor: Executor,
  stripeTransferId: string,
): Promise<BookedTransfer | undefined> {
  const [booked] = await executor
    .select({
      transferId: ledgerTransactions.transferId,
      settlementId: ledgerTransactions.settlementId,
      amountMinor: ledgerEntries.amountMinor,
      currency: ledgerEntries.currency,
    })
    .from(ledgerTransactions)
    .innerJoin(ledgerEntries, ofStripeBalance)
    .where(
      and(
        eq(ledgerTransactions.stripeTransferId, stripeTransferId),
        inArray(ledgerTransactions.kind, ['payout', 'overpaid']),
      ),
    );
  if (booked === undefined || booked.transferId === null) {
    return undefined;
  }
  const { currency, settlementId, transferId } = booked;
  return { stripeTransferId, transferId, settlementId, amountMinor: -booked.amountMinor, currency };
}

const ofStripeBalance = and(
  eq(ledgerEntries.ledgerTransactionId, ledgerTransactions.id),
  eq(ledgerEntries.account, 'stripe_balance'),
);

/** What the ledger has as come back of a booked transfer, oldest first. */
export async function findBookedReversals(
  executor: Executor,
  { settlementId, stripeTransferId }: BookedTransfer,
): Promise<Reversal[]> {
  const records = await executor
    .select({
      idempotencyKey: ledgerTransactions.idempotencyKey,
      amountMinor: ledgerEntries.amountMinor,
      currency: ledgerEntries.currency,
    })
    .from(ledgerTransactions)
    .innerJoin(ledgerEntries, ofStripeBalance)
    .where(
      and(
        eq(ledgerTransactions.settlementId, settlementId),
        eq(ledgerTransactions.kind, 'reversal'),
        eq(ledgerTransactions.stripeTransferId, stripeTransferId),
      ),
    )
    .orderBy(asc(ledgerTransactions.id));
  return records.map(({ amountMinor, currency, idempotencyKey }) => ({
    id: idempotencyKey.slice(REVERSAL_LEDGER_PREFIX.length),
    amountMinor,
    currency,
  }));
}

export interface TrialBalanceRow {
  readonly account: LedgerAccount;
  readonly currency: string;
  readonly debitMinor: number;
  readonly creditMinor: number;
  readonly balanceMinor: number;
}

/** Debits, credits and balance of every account, of one settlement or of all; the balances sum to zero. */
export async function trialBalance(
  executor: Executor,
  settlementId?: string,
): Promise<TrialBalanceRow[]> {
  const rows = await executor
    .select({
      account: ledgerEntries.account,
      currency: ledgerEntries.currency,
      debitMinor: sql<string>`coalesce(sum(${ledgerEntries.amountMinor}) filter (where ${ledgerEntries.amountMinor} > 0), 0)`,
      creditMinor: sql<string>`coalesce(-sum(${ledgerEntries.amountMinor}) filter (where ${ledgerEntries.amountMinor} < 0), 0)`,
      balanceMinor: sql<string>`sum(${ledgerEntries.amountMinor})`,
    })
    .from(ledgerEntries)
    .innerJoin(ledgerTransactions, eq(ledgerTransactions.id, ledgerEntries.ledgerTransactionId))
    .where(
      settlementId === undefined ? undefined : eq(ledgerTransactions.settlementId, settlementId),
    )
    .groupBy(ledgerEntries.account, ledgerEntries.currency)
    .orderBy(asc(ledgerEntries.currency), asc(ledgerEntries.account));
  return rows.map((row) => ({
    ...row,
    debitMinor: Number(row.debitMinor),
    creditMinor: Number(row.creditMinor),
    balanceMinor: Number(row.balanceMinor),
  }));
}

/** Double-entry postings (design §5). Amounts are signed minor units: debits positive, credits negative. */
export const LEDGER_ACCOUNTS = [
  'prize_expense',
  'prizes_payable',
  'stripe_balance',
  'reversed_prizes',
  'overpaid',
] as const;

export type LedgerAccount = (typeof LEDGER_ACCOUNTS)[number];

export interface LedgerEntry {
  readonly account: LedgerAccount;
  readonly amountMinor: number;
  readonly currency: string;
}

/** A refusal is a record without entries; everything else moves one amount from one account to another. */
export const LEDGER_TRANSACTION_KINDS = [
  'settlement',
  'payout',
  'refusal',
  'void',
  'overpaid',
  'reversal',
] as const;

export type LedgerTransactionKind = (typeof LEDGER_TRANSACTION_KINDS)[number];

/** Moves an amount from the credited account to the debited one; the two entries always sum to zero. */
function posting(
  debit: LedgerAccount,
  credit: LedgerAccount,
  amount: { readonly amountMinor: number; readonly currency: string },
): readonly LedgerEntry[] {
  const { amountMinor, currency } = amount;
  return [
    { account: debit, amountMinor, currency },
    { account: credit, amountMinor: -amountMinor, currency },
  ];
}

/** A settlement makes the prizes a debt. */
export function settlementPosting(amountMinor: number, currency: string): readonly LedgerEntry[] {
  return posting('prize_expense', 'prizes_payable', { amountMinor, currency });
}

/** A paid transfer settles one debt out of the balance at Stripe. */
export function payoutPosting(amountMinor: number, currency: string): readonly LedgerEntry[] {
  return posting('prizes_payable', 'stripe_balance', { amountMinor, currency });
}

/** A voided prize is owed no longer, so it was no expense either. */
export function voidPosting(amountMinor: number, currency: string): readonly LedgerEntry[] {
  return posting('prizes_payable', 'prize_expense', { amountMinor, currency });
}

/** Money that came back from a payee, the whole prize or a part; the debt stays settled. */
export function reversalPosting(amountMinor: number, currency: string): readonly LedgerEntry[] {
  return posting('stripe_balance', 'reversed_prizes', { amountMinor, currency });
}

/** Money that left although nothing was owed (any more): paid after a void, or a second time. */
export function overpaidPosting(amountMinor: number, currency: string): readonly LedgerEntry[] {
  return posting('overpaid', 'stripe_balance', { amountMinor, currency });
}

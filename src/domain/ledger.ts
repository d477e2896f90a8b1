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

export type LedgerTransactionKind = 'settlement' | 'payout' | 'refusal';

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

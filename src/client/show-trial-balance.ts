import type { TrialBalanceRow } from '../db/ledger';
import { formatAmount } from '../domain/money';
import { plainTable } from './plain-table';

/** Debits and credits of every account with their sums, which are equal in every currency. */
export function trialBalanceTable(rows: readonly TrialBalanceRow[]): string {
  const lines = rows.map(({ account, currency, debitMinor, creditMinor, balanceMinor }) => [
    account,
    formatAmount(debitMinor, currency),
    formatAmount(creditMinor, currency),
    formatAmount(balanceMinor, currency),
  ]);
  return plainTable({ account: 'left', debit: 'right', credit: 'right', balance: 'right' }, [
    ...lines,
    ...currenciesOf(rows).map((currency) => sumLine(rows, currency)),
  ]);
}

function currenciesOf(rows: readonly TrialBalanceRow[]): string[] {
  return [...new Set(rows.map(({ currency }) => currency))].sort();
}

function sumLine(rows: readonly TrialBalanceRow[], currency: string): string[] {
  const inCurrency = rows.filter((row) => row.currency === currency);
  const sumOf = (read: (row: TrialBalanceRow) => number) =>
    formatAmount(
      inCurrency.reduce((total, row) => total + read(row), 0),
      currency,
    );
  return [
    'sum',
    sumOf((row) => row.debitMinor),
    sumOf((row) => row.creditMinor),
    sumOf((row) => row.balanceMinor),
  ];
}

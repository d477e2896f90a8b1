import type { Client } from '@temporalio/client';
import type Stripe from 'stripe';

import type { Database } from '../../db/database';
import type { TrialBalanceRow } from '../../db/ledger';
import {
  readBookings,
  readBookJobs,
  readBookTransfers,
  type BookJob,
} from '../../db/settlement-books';
import type { ListedTransfer } from '../../stripe/list-transfers';
import { UnknownSettlementError } from '../read-status';
import { verifyBooks } from './verify-books';
import { checksOf, type VerifyBreak, type VerifyReport, type VerifyTotals } from './verify-report';
import { RUN_STATEMENTS, verifyRuns } from './verify-runs';
import { STRIPE_STATEMENTS, verifyStripe, verifyUnrecorded } from './verify-stripe';

export interface VerifyConnections {
  readonly database: Database;
  readonly client: Client;
  readonly stripe: Stripe;
}

export interface VerifyScope {
  /** Only this settlement; without it all of them, and what Stripe paid of settlements that are not recorded. */
  readonly settlementId?: string | undefined;
  /** Whose transfers at Stripe are ours. */
  readonly installationId: string;
  /** Told after each settlement. */
  readonly onProgress?: (done: number, settlements: number) => void;
}

/**
 * Compares everything that says something about money with everything else: Postgres with itself, the ledger with its
 * seals, the rows with their workflows, the ledger with Stripe, both ways. Reads only; safe at any time, also while
 * settlements are being paid.
 *
 * @throws UnknownSettlementError, StripeUnreachableError, StripeRefusedError
 */
export async function verify(
  connections: VerifyConnections,
  scope: VerifyScope,
): Promise<VerifyReport> {
  const { database } = connections;
  const jobs = await readBookJobs(database, scope.settlementId);
  if (scope.settlementId !== undefined && jobs.length === 0) {
    throw new UnknownSettlementError(scope.settlementId);
  }
  const books = await verifyBooks(database, scope.settlementId);
  const runBreaks: VerifyBreak[] = [];
  const stripeBreaks: VerifyBreak[] = [];
  const totals = new Totals(books.balances);
  const seen = new Set<string>();
  for (const [index, job] of jobs.entries()) {
    const found = await verifySettlement(connections, scope.installationId, job);
    runBreaks.push(...found.runBreaks);
    stripeBreaks.push(...found.stripeBreaks);
    totals.addListed(found.listed);
    found.listed.forEach(({ id }) => seen.add(id));
    scope.onProgress?.(index + 1, jobs.length);
  }
  if (scope.settlementId === undefined) {
    const unrecorded = await verifyUnrecorded(connections, scope.installationId, seen);
    stripeBreaks.push(...unrecorded.breaks);
    totals.addListed(unrecorded.listed);
  }
  const checks = [
    ...books.checks,
    ...checksOf(RUN_STATEMENTS, runBreaks),
    ...checksOf(STRIPE_STATEMENTS, stripeBreaks),
  ];
  return { ok: checks.every(({ ok }) => ok), checks, totals: totals.byCurrency() };
}

async function verifySettlement(
  { client, database, stripe }: VerifyConnections,
  installationId: string,
  job: BookJob,
) {
  const { settlementId } = job;
  const transfers = await readBookTransfers(database, settlementId);
  const bookings = await readBookings(database, settlementId);
  const runBreaks = await verifyRuns({ client, database }, job, transfers);
  const books = { settlementId, transfers, bookings };
  const { breaks, listed } = await verifyStripe({ database, stripe }, installationId, books);
  return { runBreaks, stripeBreaks: breaks, listed };
}

/** The ledger's sums and Stripe's, by currency. */
class Totals {
  private readonly atStripe = new Map<string, { paid: number; reversed: number }>();

  constructor(private readonly balances: readonly TrialBalanceRow[]) {}

  addListed(listed: readonly ListedTransfer[]): void {
    for (const { amountMinor, amountReversedMinor, currency } of listed) {
      const sums = this.atStripe.get(currency) ?? { paid: 0, reversed: 0 };
      sums.paid += amountMinor;
      sums.reversed += amountReversedMinor;
      this.atStripe.set(currency, sums);
    }
  }

  byCurrency(): Readonly<Record<string, VerifyTotals>> {
    const currencies = [...this.balances.map(({ currency }) => currency), ...this.atStripe.keys()];
    return Object.fromEntries(
      [...new Set(currencies)].sort().map((currency) => [currency, this.of(currency)]),
    );
  }

  private of(currency: string): VerifyTotals {
    const account = (name: TrialBalanceRow['account']) =>
      this.balances.find((row) => row.currency === currency && row.account === name);
    const { paid = 0, reversed = 0 } = this.atStripe.get(currency) ?? {};
    return {
      settledMinor: account('prizes_payable')?.creditMinor ?? 0,
      paidHereMinor: account('stripe_balance')?.creditMinor ?? 0,
      paidAtStripeMinor: paid,
      reversedMinor: reversed,
      payableMinor: 0 - (account('prizes_payable')?.balanceMinor ?? 0),
    };
  }
}

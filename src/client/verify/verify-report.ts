/** One thing that is not as it must be: ids, amounts and codes, no free text of anybody's (M12). */
export interface VerifyBreak {
  readonly kind: string;
  readonly settlementId?: string;
  readonly transferId?: string;
  readonly stripeTransferId?: string;
  /** What else it concerns: a ledger record, a key, an attempt, a currency, a trigger. */
  readonly subject?: string;
  /** Minor units of `currency`: what Postgres says … */
  readonly hereMinor?: number;
  /** … and what Stripe says. */
  readonly stripeMinor?: number;
  readonly currency?: string;
}

export interface VerifyCheck {
  /** The statement that was checked. */
  readonly name: string;
  readonly ok: boolean;
  readonly breaks: readonly VerifyBreak[];
}

/** Sums in minor units. */
export interface VerifyTotals {
  readonly settledMinor: number;
  /** By the ledger, overpaid money included. */
  readonly paidHereMinor: number;
  readonly paidAtStripeMinor: number;
  /** What Stripe says came back. */
  readonly reversedMinor: number;
  readonly payableMinor: number;
}

export interface VerifyReport {
  readonly ok: boolean;
  readonly checks: readonly VerifyCheck[];
  /** By lower-case currency. */
  readonly totals: Readonly<Record<string, VerifyTotals>>;
}

export function checkOf(name: string, breaks: readonly VerifyBreak[]): VerifyCheck {
  return { name, ok: breaks.length === 0, breaks };
}

/** One check a kind of break, so that each statement shows whether it held. */
export function checksOf(
  statements: Readonly<Record<string, string>>,
  breaks: readonly VerifyBreak[],
): VerifyCheck[] {
  return Object.entries(statements).map(([kind, name]) =>
    checkOf(
      name,
      breaks.filter((found) => found.kind === kind),
    ),
  );
}

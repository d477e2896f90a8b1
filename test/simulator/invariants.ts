/** What must hold after every event, told by Stripe's own truth and by the rows. */
import { isHeldByRiskControl } from '../../src/domain/claim-rules';
import { isAlarm } from '../../src/domain/next-state';
import { isGivenUp } from '../../src/domain/transfer-state';
import { hasUnresolved, type PauseRow, type Records, type TransferRow } from './records';
import type { StripeModel } from './stripe-model';

export type Invariant =
  | 'no debt is paid twice'
  | 'a completed transfer has its Stripe transfer'
  | 'nobody with an unresolved send is failed, blocked or sent anew'
  | 'a closed key has paid nothing'
  | 'the ledger is balanced'
  | 'paid transfers have exactly one payout posting'
  | 'prizes_payable is what is owed'
  | 'nobody is sent anything once an operator wants it cancelled'
  | 'Postgres has nothing to refuse'
  | 'everybody is paid in the end, or a person is called';

export class BrokenInvariant extends Error {
  override readonly name = 'BrokenInvariant';
  constructor(
    readonly invariant: Invariant,
    readonly detail: string,
  ) {
    super(`${invariant}: ${detail}`);
  }
}

export interface Truth {
  readonly records: Records;
  readonly stripe: StripeModel;
  /** After a restore the rows may believe of a lost send what was never so; then only the money is judged. */
  readonly isRestored: boolean;
}

export function checkInvariants(truth: Truth): void {
  for (const row of truth.records.transfers) {
    checkTransfer(truth, row);
  }
  checkLedger(truth.records);
}

function checkTransfer(truth: Truth, row: TransferRow): void {
  const { stripe } = truth;
  const paid = stripe.transfers.length === 0 ? [] : stripe.unreversedOf(row.id);
  if (paid.length > 1) {
    throw new BrokenInvariant(
      'no debt is paid twice',
      `${row.id} by ${paid.map(({ id }) => id).join(' and ')}`,
    );
  }
  if (row.status === 'completed') {
    const made = stripe.transfers.find(({ id }) => id === row.stripeTransferId);
    if (made?.debtId !== row.id || made.request.amountMinor !== row.amountMinor) {
      throw new BrokenInvariant('a completed transfer has its Stripe transfer', row.id);
    }
  } else if (row.status !== 'processing' && row.status !== 'unknown' && hasUnresolved(row)) {
    throw new BrokenInvariant(
      'nobody with an unresolved send is failed, blocked or sent anew',
      `${row.id} is ${row.status}`,
    );
  }
  checkCancelled(row);
  if (!truth.isRestored && paid.length > 0) {
    checkClosedKeys(row, new Set(paid.map(({ key }) => key)));
  }
}

/** Wanted cancelled is not free to be sent, and is not sent; what risk controls hold is not free either. */
function checkCancelled(row: TransferRow): void {
  const { attemptCount, cancelledAtAttempt, id, status } = row;
  const isOpen = status === 'pending' || status === 'retryable' || status === 'blocked';
  const isFree = isOpen && !isHeldByRiskControl(row);
  if (cancelledAtAttempt !== null && (isFree || attemptCount !== cancelledAtAttempt)) {
    throw new BrokenInvariant(
      'nobody is sent anything once an operator wants it cancelled',
      `${id} is ${status}, with ${attemptCount.toString()} sends`,
    );
  }
}

function checkClosedKeys(row: TransferRow, paidKeys: ReadonlySet<string>): void {
  for (const { closedReason, key } of row.generations) {
    if (closedReason !== null && closedReason !== 'paid' && paidKeys.has(key)) {
      throw new BrokenInvariant('a closed key has paid nothing', `${key}, ${closedReason}`);
    }
  }
}

function checkLedger({ accepted, ledger, transfers }: Records): void {
  let totalMinor = 0;
  let payableMinor = 0;
  const payouts = new Map<string, string | null>();
  const voided = new Set<string | null>();
  for (const { entries, kind, stripeTransferId, transferId } of ledger) {
    for (const { account, amountMinor } of entries) {
      totalMinor += amountMinor;
      payableMinor -= account === 'prizes_payable' ? amountMinor : 0;
    }
    if (kind === 'void') {
      voided.add(transferId);
    }
    // Nothing was owed any more to whom was voided: the payment of that debt is booked as overpaid.
    const isPaidAfterVoid =
      kind === 'overpaid' &&
      voided.has(transferId) &&
      !payouts.has(transferId ?? '') &&
      !accepted.has(stripeTransferId ?? '');
    if ((kind === 'payout' || isPaidAfterVoid) && transferId !== null) {
      if (payouts.has(transferId)) {
        throw new BrokenInvariant('paid transfers have exactly one payout posting', transferId);
      }
      payouts.set(transferId, stripeTransferId);
    }
  }
  if (totalMinor !== 0) {
    throw new BrokenInvariant('the ledger is balanced', `off by ${totalMinor.toString()}`);
  }
  let owedMinor = 0;
  for (const { amountMinor, id, status, stripeTransferId } of transfers) {
    owedMinor += status === 'completed' || status === 'voided' ? 0 : amountMinor;
    if ((payouts.get(id) ?? null) !== stripeTransferId) {
      throw new BrokenInvariant('paid transfers have exactly one payout posting', id);
    }
  }
  if (owedMinor !== payableMinor) {
    throw new BrokenInvariant(
      'prizes_payable is what is owed',
      `${payableMinor.toString()} booked, ${owedMinor.toString()} owed`,
    );
  }
}

/** Paid, given up by a person, or stopped for one. */
export function isAtEnd(row: TransferRow): boolean {
  return row.status === 'completed' || isGivenUp(row.status) || isStoppedForPerson(row);
}

function isStoppedForPerson({ failureReason, status }: TransferRow): boolean {
  return status === 'unknown' && isAlarm(failureReason);
}

/** The cause of an alarm names whom it is about; no other cause does. */
function isAlarmInForce({ cause, liftedAtMs }: PauseRow): boolean {
  return liftedAtMs === null && cause.includes(':');
}

/**
 * At the very end: paid, or stopped for a person with a reason that says so. An alarm stops its whole settlement: while
 * its pause is in force the others wait for the same person.
 */
export function checkEnds({ records, stripe }: Truth): void {
  if (records.pauses.some(isAlarmInForce)) {
    return;
  }
  for (const row of records.transfers) {
    if (!isAtEnd(row)) {
      const paid = stripe.unreversedOf(row.id).map(({ id }) => id);
      throw new BrokenInvariant(
        'everybody is paid in the end, or a person is called',
        `${row.id} is ${row.status}, ${row.failureReason ?? 'no reason'}; at Stripe [${paid.join()}]`,
      );
    }
  }
}

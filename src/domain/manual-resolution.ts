import type { StripeMatch } from './reconciliation';
import type { TransferStatus } from './transfer-state';

/** Why a person's statement about an unknown outcome is not taken. */
export type ResolveRefusal =
  | 'already_paid'
  | 'not_unknown'
  | 'moved_since'
  | 'no_such_stripe_transfer'
  | 'of_another_payment'
  | 'pays_another'
  | 'other_amount_or_mode'
  | 'other_destination'
  | 'reversed'
  | 'paid_at_stripe'
  | 'still_under_way'
  | 'still_owed'
  | 'is_its_payment'
  | 'other_currency_or_mode'
  | 'all_back'
  | 'no_reversal_ordered'
  | 'no_such_stripe_reversal'
  | 'of_another_reversal'
  | 'reversal_has_ended'
  | 'reversal_not_booked';

export const RESOLVE_REFUSAL_TEXTS: Readonly<Record<ResolveRefusal, string>> = {
  already_paid:
    'it is paid; where a second transfer for it has paused the settlement, reverse that one at Stripe, or state --accept with it, and then resume the settlement',
  not_unknown: 'its outcome is known; only an unknown one is resolved',
  moved_since: 'it has moved since it was looked at; look again',
  no_such_stripe_transfer: 'Stripe has no such transfer',
  of_another_payment: 'by its metadata the Stripe transfer is not for this payment',
  pays_another: 'another payment is recorded as paid by this Stripe transfer',
  other_amount_or_mode:
    'amount, currency or mode of the Stripe transfer are not those of the payment',
  other_destination: 'the Stripe transfer went to another account than this payment was sent to',
  reversed: 'the Stripe transfer was reversed, in full or in part',
  paid_at_stripe: 'Stripe has a transfer for it that is not reversed',
  still_owed:
    'only a transfer beside a debt that is paid or voided is accepted; state --paid or --unpaid of an unknown one',
  is_its_payment: 'it is the payment of this debt; there is nothing to accept',
  other_currency_or_mode:
    'currency or mode are not those of the settlement, so its books cannot hold it; reverse it at Stripe, whole',
  all_back: 'it came back whole and raises no alarm any more; resume the settlement',
  still_under_way: 'a send is still under way; try again in a minute',
  no_reversal_ordered:
    'nobody has ordered to take it back; there is nothing to state about a reversal',
  no_such_stripe_reversal: 'Stripe has no such reversal of this payment',
  of_another_reversal:
    'by its metadata the Stripe reversal was not made for an order of ours; it is booked, and ends none',
  reversal_has_ended: 'the order came to its end with another Stripe reversal',
  reversal_not_booked:
    'the ledger cannot hold what Stripe shows came back of this payment; payouts pauses tells why',
};

/** Why a transfer in this state is not resolved; undefined when its outcome is unknown. */
export function resolveRefusalOfStatus(status: TransferStatus): ResolveRefusal | undefined {
  if (status === 'unknown') {
    return undefined;
  }
  return status === 'completed' ? 'already_paid' : 'not_unknown';
}

/** What a transfer that is said to be the payment is compared with. */
export interface ExpectedPayment {
  readonly amountMinor: number;
  readonly currency: string;
  readonly livemode: boolean;
  /** Accounts that the payment was frozen for; where it never was, the winner's of today. */
  readonly destinations: readonly string[];
}

/** Why a Stripe transfer with this payment's metadata is not the payment all the same; undefined when it is. */
export function refusalOfPayment(
  match: StripeMatch,
  expected: ExpectedPayment,
): ResolveRefusal | undefined {
  const isEqual =
    match.amountMinor === expected.amountMinor &&
    match.currency === expected.currency &&
    match.livemode === expected.livemode;
  if (!isEqual) {
    return 'other_amount_or_mode';
  }
  if (match.destination === null || !expected.destinations.includes(match.destination)) {
    return 'other_destination';
  }
  return match.amountReversedMinor > 0 ? 'reversed' : undefined;
}

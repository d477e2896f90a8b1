import { currencyRule } from './currencies';

/** Why an order to reverse a payment is not taken. */
export type ReversalRefusal =
  | 'not_paid'
  | 'other_settlement'
  | 'other_stripe_transfer'
  | 'reversal_is_open'
  | 'changed_since'
  | 'same_part_has_come_back'
  | 'nothing_left'
  | 'amount_above_what_is_left'
  | 'amount_not_in_whole_units';

export const REVERSAL_REFUSAL_TEXTS: Readonly<Record<ReversalRefusal, string>> = {
  not_paid:
    'it is not paid, so nothing can come back: payouts cancel ends a payment before it is made',
  other_settlement: 'it belongs to another settlement',
  other_stripe_transfer: 'this Stripe transfer is not booked as a payment of it',
  reversal_is_open: 'another reversal of it is under way; wait for its end',
  changed_since: 'another amount of it has come back than was expected; look again',
  same_part_has_come_back:
    'the same amount for the same reason has come back already; another such part needs --expect-reversed or another reason',
  nothing_left: 'all of it has come back already',
  amount_above_what_is_left: 'the amount is above what is left of it',
  amount_not_in_whole_units: 'the amount is not in whole units of its currency',
};

/** What an order to reverse finds, under the transfer's lock. */
export interface ReversalFacts {
  readonly isPaid: boolean;
  readonly settlementId: string;
  /** The payment that is meant, as booked; undefined where it is none of this transfer's. */
  readonly booked:
    | { readonly amountMinor: number; readonly currency: string; readonly reversedMinor: number }
    | undefined;
  readonly hasOpenReversal: boolean;
  /** A part of this amount has come back of it, ordered for the same reason: the same command twice. */
  readonly hasSamePart: boolean;
}

/** What the operator wants, and what he saw. */
export interface ReversalWish {
  /** In minor units; without it all that is left. */
  readonly amountMinor?: number | undefined;
  /** How much had come back when he looked: the order is for that moment and no other. */
  readonly expectedReversedMinor?: number | undefined;
  readonly settlementId?: string | undefined;
}

export type ReversalDecision =
  | { readonly is: 'order'; readonly amountMinor: number; readonly reversedBeforeMinor: number }
  | { readonly is: 'refused'; readonly code: ReversalRefusal };

/** Whether an order to reverse is taken, and for how much. Pure; the one-open index in Postgres stands behind it. */
export function decideReversal(facts: ReversalFacts, wish: ReversalWish): ReversalDecision {
  const { booked } = facts;
  if (wish.settlementId !== undefined && wish.settlementId !== facts.settlementId) {
    return refused('other_settlement');
  }
  if (!facts.isPaid) {
    return refused('not_paid');
  }
  if (booked === undefined) {
    return refused('other_stripe_transfer');
  }
  if (facts.hasOpenReversal) {
    return refused('reversal_is_open');
  }
  const { reversedMinor } = booked;
  if (wish.expectedReversedMinor !== undefined && wish.expectedReversedMinor !== reversedMinor) {
    return refused('changed_since');
  }
  if (wish.expectedReversedMinor === undefined && facts.hasSamePart) {
    return refused('same_part_has_come_back');
  }
  return decideAmount(booked, wish.amountMinor);
}

function decideAmount(
  { amountMinor: paidMinor, currency, reversedMinor }: NonNullable<ReversalFacts['booked']>,
  wishedMinor: number | undefined,
): ReversalDecision {
  const leftMinor = paidMinor - reversedMinor;
  const amountMinor = wishedMinor ?? leftMinor;
  if (leftMinor === 0) {
    return refused('nothing_left');
  }
  if (amountMinor > leftMinor) {
    return refused('amount_above_what_is_left');
  }
  const isWhole =
    Number.isSafeInteger(amountMinor) &&
    amountMinor > 0 &&
    amountMinor % (currencyRule(currency)?.multipleOf ?? 1) === 0;
  return isWhole
    ? { is: 'order', amountMinor, reversedBeforeMinor: reversedMinor }
    : refused('amount_not_in_whole_units');
}

function refused(code: ReversalRefusal): ReversalDecision {
  return { is: 'refused', code };
}

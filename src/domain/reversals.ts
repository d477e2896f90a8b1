/** A reversal as Stripe shows it, or as the ledger has it. */
export interface Reversal {
  readonly id: string;
  readonly amountMinor: number;
  readonly currency: string;
}

export type ReversalVerdict =
  | {
      readonly is: 'book';
      /** Those of Stripe's that the ledger does not have yet. */
      readonly fresh: readonly Reversal[];
      /** What has come back in all. */
      readonly reversedMinor: number;
    }
  /** The two contradict each other; a person has to look, and nothing is booked. */
  | {
      readonly is: 'alarm';
      readonly reason: 'over_reversed' | 'reversal_differs' | 'reversal_not_at_stripe';
    };

/**
 * What has to be booked of a Stripe transfer's reversals.
 *
 * @param transfer what Stripe moved
 * @param listed every reversal that Stripe shows
 * @param booked the ledger's; may be ahead of the list
 * @param bookedBefore ids that the ledger had before Stripe was asked: those have to be in the list
 */
export function judgeReversals(
  transfer: { readonly amountMinor: number; readonly currency: string },
  listed: readonly Reversal[],
  booked: readonly Reversal[],
  bookedBefore: readonly string[],
): ReversalVerdict {
  const atStripe = new Map(listed.map((reversal) => [reversal.id, reversal]));
  const here = new Map(booked.map((reversal) => [reversal.id, reversal]));
  if (bookedBefore.some((id) => !atStripe.has(id))) {
    return { is: 'alarm', reason: 'reversal_not_at_stripe' };
  }
  const isOther = listed.some(
    ({ amountMinor, currency, id }) =>
      currency !== transfer.currency || (here.get(id)?.amountMinor ?? amountMinor) !== amountMinor,
  );
  if (isOther) {
    return { is: 'alarm', reason: 'reversal_differs' };
  }
  const all = new Map([...atStripe, ...here]);
  const reversedMinor = [...all.values()].reduce((sum, { amountMinor }) => sum + amountMinor, 0);
  return reversedMinor > transfer.amountMinor
    ? { is: 'alarm', reason: 'over_reversed' }
    : { is: 'book', fresh: listed.filter(({ id }) => !here.has(id)), reversedMinor };
}

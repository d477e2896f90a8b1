/** Stripe's parameters of one reversal, frozen with its order and sent unchanged ever after (M1). */
export interface FrozenReversal {
  readonly stripeTransferId: string;
  readonly amountMinor: number;
  /** Of the transfer; Stripe takes none, and has to answer in it. */
  readonly currency: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Stripe's idempotency key of one order: another order, also after a refusal, has another (M3). */
export function reversalIdempotencyKey(reversalId: string): string {
  return `reversal:${reversalId}`;
}

/** What stands in the metadata of a reversal, by which it is found again at Stripe. */
export const REVERSAL_ID_IN_METADATA = 'payout_reversal_id';

/** Says whose reversal it is and never which try: a retry must send the same bytes. */
export function reversalMetadata(source: {
  readonly reversalId: string;
  readonly transferId: string;
  readonly settlementId: string;
  readonly installationId: string;
}): Readonly<Record<string, string>> {
  return {
    [REVERSAL_ID_IN_METADATA]: source.reversalId,
    payout_transfer_id: source.transferId,
    settlement_id: source.settlementId,
    installation_id: source.installationId,
  };
}

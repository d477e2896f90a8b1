import { transferGroup } from './ids';

/** Stripe's parameters of one transfer, frozen when its generation is opened and sent unchanged ever after (M1). */
export interface FrozenRequest {
  readonly amountMinor: number;
  readonly currency: string;
  readonly destination: string;
  readonly transferGroup: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The debt and the payee of the moment, from which a generation freezes its request. */
export interface RequestSource {
  readonly installationId: string;
  readonly transferId: string;
  readonly settlementId: string;
  readonly contestId: string;
  readonly userId: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly destination: string;
}

/**
 * Stripe's idempotency key of one generation: the seed's for the first, a numbered one after (M3).
 * It depends on nothing that a retry, a run or a restore from backup could change.
 */
export function stripeIdempotencyKey(transferId: string, generation: number): string {
  const firstKey = `payout:${transferId}`;
  return generation === 1 ? firstKey : `${firstKey}:g${generation.toString()}`;
}

/** Metadata says whose payment it is and never which attempt: a retry must send the same bytes. */
export function freezeRequest(source: RequestSource): FrozenRequest {
  return {
    amountMinor: source.amountMinor,
    currency: source.currency,
    destination: source.destination,
    transferGroup: transferGroup(source.settlementId),
    metadata: {
      payout_transfer_id: source.transferId,
      settlement_id: source.settlementId,
      contest_id: source.contestId,
      user_id: source.userId,
      installation_id: source.installationId,
    },
  };
}

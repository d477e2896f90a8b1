import { freezeRequest } from '../../src/domain/generation';

export const FROZEN = freezeRequest({
  installationId: 'local',
  transferId: '0b8d2f0e-6d1c-5c39-9f0a-000000000001',
  settlementId: 's-1',
  contestId: 'c-1',
  userId: 'u-1',
  amountMinor: 1050,
  currency: 'usd',
  destination: 'acct_winner1',
});

export const KEY = 'payout:0b8d2f0e-6d1c-5c39-9f0a-000000000001';

/** The transfer as Stripe would answer to FROZEN. */
export function stripeTransfer(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    id: 'tr_1Paid',
    object: 'transfer',
    amount: FROZEN.amountMinor,
    amount_reversed: 0,
    created: 1_790_000_000,
    currency: FROZEN.currency,
    destination: FROZEN.destination,
    livemode: false,
    metadata: FROZEN.metadata,
    transfer_group: FROZEN.transferGroup,
    ...changes,
  };
}

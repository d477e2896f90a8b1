/**
 * Goal: Stripe has what this database does not know: payments of a lost past, doubles, foreign ones.
 * Method: POSTs of their own to the sandbox, with the very request that the product freezes, or with a change to it.
 */
import type Stripe from 'stripe';

import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { findUserStripeAccount } from '../../src/db/user-stripe-accounts';
import { freezeRequest, type FrozenRequest } from '../../src/domain/generation';
import { sendTransfer } from '../../src/stripe/transfers';
import type { ActivityBed } from './activity-bed';

/** The request that the product would freeze for this debt now. */
async function requestOf(bed: ActivityBed, transfer: PayoutTransfer): Promise<FrozenRequest> {
  const account = await findUserStripeAccount(bed.database, transfer.userId);
  return freezeRequest({
    ...transfer,
    transferId: transfer.id,
    installationId: bed.platform.installationId,
    destination: account!.stripeAccountId,
  });
}

/**
 * A payment that was sent before the database came back older: the product's own bytes under its own key.
 * @returns Stripe's id
 */
export async function givenLostSend(
  bed: ActivityBed,
  transfer: PayoutTransfer,
  idempotencyKey = `payout:${transfer.id}`,
): Promise<string> {
  const request = await requestOf(bed, transfer);
  const { transfer: made } = await sendTransfer(bed.dependencies.stripe, {
    request,
    idempotencyKey,
  });
  if (made === undefined) {
    throw new Error('the sandbox refused the lost send');
  }
  return made.id;
}

export interface ChangeAtStripe {
  readonly amount?: number;
  readonly destination?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** A transfer in the settlement's group that says it is this debt's, with a change to it. @returns Stripe's id */
export async function makeAtStripe(
  bed: ActivityBed,
  transfer: PayoutTransfer,
  change: ChangeAtStripe = {},
): Promise<string> {
  const request = await requestOf(bed, transfer);
  const params: Stripe.TransferCreateParams = {
    amount: change.amount ?? request.amountMinor,
    currency: request.currency,
    destination: change.destination ?? request.destination,
    transfer_group: request.transferGroup,
    metadata: { ...request.metadata, ...change.metadata },
  };
  return (await bed.dependencies.stripe.transfers.create(params)).id;
}

/** How many POSTs Stripe saw meanwhile that could pay somebody or take a payment back. */
export async function postsDuring(bed: ActivityBed, work: () => Promise<unknown>): Promise<number> {
  const before = await postsSeen(bed);
  await work();
  return (await postsSeen(bed)) - before;
}

async function postsSeen(bed: ActivityBed): Promise<number> {
  const { posts, reversalPosts } = await bed.sandbox.oracle();
  return posts + reversalPosts;
}

/** What keeps a settlement from being sent now, as `scope cause`. */
export async function pausesOf(
  bed: ActivityBed,
  { settlementId }: Pick<PayoutTransfer, 'settlementId'>,
): Promise<string[]> {
  const pauses = await bed.rows<{ pause: string }>(
    `select coalesce(settlement_id, 'everything') || ' ' || cause as pause from payout_controls
     where lifted_at is null and coalesce(settlement_id, $1) = $1 order by cause`,
    [settlementId],
  );
  return pauses.map(({ pause }) => pause.replace(settlementId, 'settlement'));
}

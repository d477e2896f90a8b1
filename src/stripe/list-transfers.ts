import type Stripe from 'stripe';
import { readFailure } from './read-failures';

/** One transfer as Stripe lists it now; what it was created with is in `amountMinor`, what came back in the next field. */
export interface ListedTransfer {
  readonly id: string;
  readonly amountMinor: number;
  readonly amountReversedMinor: number;
  readonly currency: string;
  readonly destination: string | null;
  readonly livemode: boolean;
  /** Seconds since 1970, by Stripe's clock. */
  readonly created: number;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface TransferFilter {
  readonly transferGroup: string;
  /** Only transfers to this account. */
  readonly destination?: string;
}

/** The largest page that Stripe gives. */
const PAGE_TRANSFERS = 100;

function destinationOf({ destination }: Stripe.Transfer): string | null {
  return typeof destination === 'string' || destination === null ? destination : destination.id;
}

function isAskedFor(transfer: Stripe.Transfer, filter: TransferFilter): boolean {
  return (
    transfer.transfer_group === filter.transferGroup &&
    (filter.destination === undefined || destinationOf(transfer) === filter.destination)
  );
}

/**
 * Every transfer of a group, newest first, over all pages; each page is one call within the client's deadline.
 *
 * The filter is applied here too: a transfer of another group must not look like a payment of this one. What is not in
 * the list is only "not seen": Stripe does not promise that a list shows the newest transfers at once.
 * @throws StripeUnreachableError or StripeRefusedError in the middle of the list; what came before it is not all
 */
export async function* listTransfersOfGroup(
  stripe: Stripe,
  filter: TransferFilter,
): AsyncGenerator<ListedTransfer, void, undefined> {
  const { transferGroup, destination } = filter;
  const pages = stripe.transfers.list({
    transfer_group: transferGroup,
    limit: PAGE_TRANSFERS,
    ...(destination === undefined ? {} : { destination }),
  });
  try {
    for await (const transfer of pages) {
      if (isAskedFor(transfer, filter)) {
        yield {
          id: transfer.id,
          amountMinor: transfer.amount,
          amountReversedMinor: transfer.amount_reversed,
          currency: transfer.currency,
          destination: destinationOf(transfer),
          livemode: transfer.livemode,
          created: transfer.created,
          metadata: transfer.metadata,
        };
      }
    }
  } catch (error) {
    throw readFailure(stripe, error);
  }
}

import type Stripe from 'stripe';
import { z } from 'zod';
import { readFailure } from './read-failures';
import { readAnswer } from './reading-call';
import { TransportError } from './single-send-http-client';

/** One transfer as Stripe shows it now; what it was created with is in `amountMinor`, what came back in the next field. */
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

export interface TransfersPage {
  /** What was asked for, newest first; may be empty although more pages follow. */
  readonly transfers: ListedTransfer[];
  /** What the next page is asked with; null when this is the last one. */
  readonly nextAfter: string | null;
}

/** The largest page that Stripe gives. */
const PAGE_TRANSFERS = 100;

const NOT_A_LIST = 'NOT_A_LIST';

/** A transfer as Stripe's API writes it. Minor units that are no safe integers are not money that we can compare. */
export const transferSchema = z.object({
  id: z.string().regex(/^tr_[A-Za-z0-9_]{1,100}$/),
  object: z.literal('transfer'),
  amount: z.int(),
  amount_reversed: z.int(),
  currency: z.string().regex(/^[a-z]{3}$/),
  destination: z
    .union([z.string(), z.object({ id: z.string() }).transform(({ id }) => id)])
    .nullable(),
  livemode: z.boolean(),
  created: z.int(),
  metadata: z.record(z.string(), z.string()),
  transfer_group: z.string().nullable(),
});

type TransferFacts = z.output<typeof transferSchema>;

export function listedTransfer(transfer: TransferFacts): ListedTransfer {
  return {
    id: transfer.id,
    amountMinor: transfer.amount,
    amountReversedMinor: transfer.amount_reversed,
    currency: transfer.currency,
    destination: transfer.destination,
    livemode: transfer.livemode,
    created: transfer.created,
    metadata: transfer.metadata,
  };
}

function isAskedFor(transfer: TransferFacts, filter: TransferFilter): boolean {
  return (
    transfer.transfer_group === filter.transferGroup &&
    (filter.destination === undefined || transfer.destination === filter.destination)
  );
}

/** A page that says there is more has to lead there: with entries, and never back to where it was asked from. */
function pageSchema(after: string | undefined) {
  return z
    .object({
      object: z.literal('list'),
      data: z.array(transferSchema),
      has_more: z.boolean(),
    })
    .refine(({ data, has_more }) => !has_more || data.length > 0)
    .refine(({ data }) => data.every(({ id }) => id !== after));
}

interface ListQuery {
  readonly transfer_group?: string;
  readonly destination?: string;
}

interface ReadPage {
  readonly entries: readonly TransferFacts[];
  readonly nextAfter: string | null;
}

async function readPage(
  stripe: Stripe,
  query: ListQuery,
  afterStripeTransferId: string | undefined,
): Promise<ReadPage> {
  const params = {
    ...query,
    limit: PAGE_TRANSFERS,
    ...(afterStripeTransferId === undefined ? {} : { starting_after: afterStripeTransferId }),
  };
  const page = await readAnswer(stripe, () => stripe.transfers.list(params), {
    schema: pageSchema(afterStripeTransferId),
    orElse: NOT_A_LIST,
  });
  // The last entry as it came: what a filter of ours leaves out still moves the cursor.
  const nextAfter = page.has_more ? (page.data.at(-1)?.id ?? null) : null;
  return { entries: withoutKnown(page.data, new Set()), nextAfter };
}

/** Those whose id is not known yet, which it is from now on: one entry shown twice is not two payments. */
function withoutKnown<Entry extends { readonly id: string }>(
  entries: readonly Entry[],
  known: Set<string>,
): Entry[] {
  return entries.filter(({ id }) => !known.has(id) && known.add(id));
}

/**
 * One page of a group's transfers: exactly one GET /v1/transfers, safe to repeat.
 *
 * The filter is applied here too: a transfer of another group must not look like a payment of this one. What is not in
 * the list is only "not seen": Stripe does not promise that a list shows the newest transfers at once.
 * @param afterStripeTransferId `nextAfter` of the page before; without it the first page
 * @throws StripeUnreachableError when there is no readable answer, or one that is no page (`NOT_A_LIST`)
 * @throws StripeRefusedError when Stripe answers with an error
 */
export async function listTransfersPage(
  stripe: Stripe,
  filter: TransferFilter,
  afterStripeTransferId?: string,
): Promise<TransfersPage> {
  const { transferGroup, destination } = filter;
  const query = {
    transfer_group: transferGroup,
    ...(destination === undefined ? {} : { destination }),
  };
  const { entries, nextAfter } = await readPage(stripe, query, afterStripeTransferId);
  const transfers = entries.filter((transfer) => isAskedFor(transfer, filter));
  return { transfers: transfers.map(listedTransfer), nextAfter };
}

/**
 * Every transfer of a group once, newest first, over all pages; each page is one call within the client's deadline.
 *
 * @throws StripeUnreachableError or StripeRefusedError in the middle of the list; what came before it is not all
 */
export function listTransfersOfGroup(
  stripe: Stripe,
  filter: TransferFilter,
): AsyncGenerator<ListedTransfer, void, undefined> {
  return overAllPages(stripe, (after) => listTransfersPage(stripe, filter, after));
}

/**
 * Every transfer of the Stripe account, whoever made it, newest first, read as those of a group are.
 *
 * @throws StripeUnreachableError or StripeRefusedError in the middle of the list; what came before it is not all
 */
export function listAllTransfers(stripe: Stripe): AsyncGenerator<ListedTransfer, void, undefined> {
  return overAllPages(stripe, async (after) => {
    const { entries, nextAfter } = await readPage(stripe, {}, after);
    return { transfers: entries.map(listedTransfer), nextAfter };
  });
}

async function* overAllPages(
  stripe: Stripe,
  pageAfter: (stripeTransferId?: string) => Promise<TransfersPage>,
): AsyncGenerator<ListedTransfer, void, undefined> {
  const asked = new Set<string>();
  const known = new Set<string>();
  let page = await pageAfter();
  yield* withoutKnown(page.transfers, known);
  while (page.nextAfter !== null) {
    if (asked.has(page.nextAfter)) {
      // Pages that lead in a circle would be read for ever.
      throw readFailure(stripe, new TransportError('unreadable', NOT_A_LIST));
    }
    asked.add(page.nextAfter);
    page = await pageAfter(page.nextAfter);
    yield* withoutKnown(page.transfers, known);
  }
}

import type Stripe from 'stripe';

import { ID_PATTERN, transferGroup, TRANSFER_ID_PATTERN } from '../../domain/ids';
import { isAllBack } from '../../domain/reconciliation';
import type { Database } from '../../db/database';
import {
  readBookings,
  readBookJobs,
  readBookTransfers,
  type Booking,
  type BookTransfer,
} from '../../db/settlement-books';
import {
  listAllTransfers,
  listTransfersOfGroup,
  type ListedTransfer,
} from '../../stripe/list-transfers';
import { retrieveTransfer } from '../../stripe/retrieve-transfer';
import type { VerifyBreak } from './verify-report';

/** A payment whose answer is on its way, or is being looked for, is not missing here yet. */
const ANSWER_GRACE_MS = 120_000;

/** Stripe's lists lag behind by moments; that does not explain more than so many, so no more are asked for one by one. */
const RETRIEVED_MAX = 100;

export const STRIPE_STATEMENTS = {
  paid_there_not_here: 'what Stripe paid is in the ledger',
  paid_here_not_there: 'what the ledger says was paid, Stripe has paid',
  paid_twice: 'Stripe paid nobody twice',
  other_amount: 'Stripe paid the amounts, currencies and accounts of the ledger',
  reversed: 'what came back at Stripe came back here',
  unknown_transfer: 'Stripe paid no transfer of ours that is not recorded here',
} as const;

type StripeBreakKind = keyof typeof STRIPE_STATEMENTS;

/** What Postgres says of a settlement, read before Stripe's list. */
export interface Books {
  readonly settlementId: string;
  readonly transfers: ReadonlyMap<string, BookTransfer>;
  readonly bookings: ReadonlyMap<string, Booking>;
}

export interface StripeComparison {
  readonly breaks: VerifyBreak[];
  /** Our transfers that were compared, as Stripe shows them. */
  readonly listed: readonly ListedTransfer[];
}

/**
 * Compares Stripe's list of a settlement to the ledger, both ways; other installations' transfers are none of ours.
 *
 * @throws StripeUnreachableError, StripeRefusedError
 */
export async function verifyStripe(
  connections: { readonly database: Database; readonly stripe: Stripe },
  installationId: string,
  books: Books,
): Promise<StripeComparison> {
  const listed: ListedTransfer[] = [];
  const filter = { transferGroup: transferGroup(books.settlementId) };
  for await (const transfer of listTransfersOfGroup(connections.stripe, filter)) {
    if (isOfInstallation(transfer, installationId)) {
      listed.push(transfer);
    }
  }
  const missing = await reallyMissing(connections.stripe, installationId, books, listed);
  const now = await booksOfNow(connections.database, books, listed);
  const breaks = [
    ...missing.map((booking) => breakOf('paid_here_not_there', books, { booking })),
    ...listed.flatMap((transfer) => breaksOf(transfer, now)),
    ...paidTwice(listed, now),
  ];
  return { breaks, listed };
}

/** Booked before the list was read and not in it; asked for by its id, since a list may lag. Those found join the list. */
async function reallyMissing(
  stripe: Stripe,
  installationId: string,
  { bookings }: Books,
  listed: ListedTransfer[],
): Promise<Booking[]> {
  const ids = new Set(listed.map(({ id }) => id));
  const unlisted = [...bookings.values()].filter(
    ({ stripeTransferId }) => !ids.has(stripeTransferId),
  );
  if (unlisted.length > RETRIEVED_MAX) {
    return unlisted;
  }
  const missing: Booking[] = [];
  for (const booking of unlisted) {
    const found = await retrieveTransfer(stripe, booking.stripeTransferId);
    const isOurs =
      found !== undefined &&
      isOfInstallation(found, installationId) &&
      found.metadata['payout_transfer_id'] === booking.transferId;
    if (isOurs) {
      listed.push(found);
    } else {
      missing.push(booking);
    }
  }
  return missing;
}

/**
 * Finds our transfers at Stripe of settlements that are not recorded here, which no settlement's group leads to: a
 * database that was restored has forgotten them. Reads the list of the whole Stripe account.
 *
 * @param seen the Stripe transfers that the lists of the recorded settlements held
 * @throws StripeUnreachableError, StripeRefusedError
 */
export async function verifyUnrecorded(
  connections: { readonly database: Database; readonly stripe: Stripe },
  installationId: string,
  seen: ReadonlySet<string>,
): Promise<StripeComparison> {
  const unseen: ListedTransfer[] = [];
  for await (const transfer of listAllTransfers(connections.stripe)) {
    if (isOfInstallation(transfer, installationId) && !seen.has(transfer.id)) {
      unseen.push(transfer);
    }
  }
  // Read after the list: a settlement is recorded before anything of it is sent.
  const jobs = await readBookJobs(connections.database);
  const recorded = new Set(jobs.map(({ settlementId }) => settlementId));
  const listed = unseen.filter(({ metadata }) => !recorded.has(metadata['settlement_id'] ?? ''));
  const breaks = listed
    .filter((transfer) => !isAllBack(transfer))
    .map((transfer) =>
      breakOf('paid_there_not_here', namedSettlement(transfer), { listed: transfer }),
    );
  return { breaks, listed };
}

function isOfInstallation({ metadata }: ListedTransfer, installationId: string): boolean {
  return metadata['installation_id'] === installationId;
}

/** The ledger may have learnt of a payment while the list was read. */
async function booksOfNow(
  database: Database,
  books: Books,
  listed: readonly ListedTransfer[],
): Promise<Books> {
  const isSuspect = (transfer: ListedTransfer) => breaksOf(transfer, books).length > 0;
  if (!listed.some(isSuspect)) {
    return books;
  }
  const { settlementId } = books;
  return {
    settlementId,
    transfers: await readBookTransfers(database, settlementId),
    bookings: await readBookings(database, settlementId),
  };
}

function breaksOf(listed: ListedTransfer, books: Books): VerifyBreak[] {
  const transfer = books.transfers.get(listed.metadata['payout_transfer_id'] ?? '');
  const booking = books.bookings.get(listed.id);
  if (transfer === undefined) {
    return [breakOf('unknown_transfer', books, { listed, booking })];
  }
  if (booking === undefined) {
    return isLearningOf(transfer) || isAllBack(listed)
      ? []
      : [breakOf('paid_there_not_here', books, { listed })];
  }
  const isOther =
    booking.transferId !== transfer.id ||
    booking.amountMinor !== listed.amountMinor ||
    booking.currency !== listed.currency ||
    (booking.destination !== null && booking.destination !== listed.destination);
  return [
    ...(isOther ? [breakOf('other_amount', books, { listed, booking })] : []),
    ...(booking.reversedMinor !== listed.amountReversedMinor
      ? [
          {
            ...breakOf('reversed', books, { listed, booking }),
            hereMinor: booking.reversedMinor,
            stripeMinor: listed.amountReversedMinor,
          },
        ]
      : []),
  ];
}

function isLearningOf({ status, unchangedMs }: BookTransfer): boolean {
  return (status === 'processing' || status === 'unknown') && unchangedMs < ANSWER_GRACE_MS;
}

function paidTwice(listed: readonly ListedTransfer[], books: Books): VerifyBreak[] {
  const first = new Set<string>();
  // Oldest first, so that the break names what came second.
  return [...listed].reverse().flatMap((transfer) => {
    const transferId = transfer.metadata['payout_transfer_id'] ?? '';
    if (isAllBack(transfer) || !books.transfers.has(transferId)) {
      return [];
    }
    if (!first.has(transferId)) {
      first.add(transferId);
      return [];
    }
    const booking = books.bookings.get(transfer.id);
    return [breakOf('paid_twice', books, { listed: transfer, booking })];
  });
}

function breakOf(
  kind: StripeBreakKind,
  { settlementId }: { readonly settlementId?: string },
  about: { readonly listed?: ListedTransfer; readonly booking?: Booking | undefined },
): VerifyBreak {
  const { booking, listed } = about;
  const transferId = namedTransfer(listed) ?? booking?.transferId;
  const stripeTransferId = listed?.id ?? booking?.stripeTransferId;
  const currency = listed?.currency ?? booking?.currency;
  return {
    kind,
    ...(settlementId !== undefined && { settlementId }),
    ...(transferId !== undefined && { transferId }),
    ...(stripeTransferId !== undefined && { stripeTransferId }),
    hereMinor: booking?.amountMinor ?? 0,
    stripeMinor: listed?.amountMinor ?? 0,
    ...(currency !== undefined && { currency }),
  };
}

/** Metadata can be edited at Stripe, so what is no id of ours is not told (M12). */
function namedTransfer(listed: ListedTransfer | undefined): string | undefined {
  const named = listed?.metadata['payout_transfer_id'];
  return named !== undefined && TRANSFER_ID_PATTERN.test(named) ? named : undefined;
}

/** As with the transfer: what is no settlement id is not told. */
function namedSettlement({ metadata }: ListedTransfer): { readonly settlementId?: string } {
  const settlementId = metadata['settlement_id'];
  return settlementId !== undefined && ID_PATTERN.test(settlementId) ? { settlementId } : {};
}

import type { ListProgress, ListReading, PauseInForce } from '../domain/contracts';
import { transferGroup } from '../domain/ids';
import { LIST_WAKES_MAX, STRIPE_LIST_TRIES_MAX } from '../domain/limits';
import { STRIPE_LIST_UNREADABLE } from '../domain/pause-causes';
import { inTransaction, type Database } from '../db/database';
import { liftCauseByAutomation, pauseByAutomation } from '../db/payout-controls';
import { beginListReading, recordStripeListRead, type BegunListReading } from '../db/payout-jobs';
import { findTransfersAwaitingList } from '../db/waiting-transfers';
import { listTransfersPage, type ListedTransfer } from '../stripe/list-transfers';
import { isReadFailure } from '../stripe/read-failures';
import { isPaymentOf } from './adopt-listed-transfer';
import { bookListedReversals } from './book-listed-reversals';
import { ReversalsNotListedError } from './book-reversals';
import { compareListedTransfers } from './compare-listed-transfers';
import type { ActivityDependencies } from './dependencies';
import { pauseOf } from './pause-in-force';
import { pausingWhenRefused } from './refused-read';

export interface ReadStripeListInput {
  readonly settlementId: string;
  readonly reading: ListReading;
}

/** How a reading is tried, and who is told of its end. */
export interface ListTrying {
  /** Which try of this page it is, from 1. */
  readonly tryNumber: number;
  /** Tells those who waited that the list can be read again. */
  readonly wake: (settlementId: string) => Promise<void>;
  /** Tells those who waited for this reading that it is there. */
  readonly wakeTransfers: (transferIds: readonly string[]) => Promise<unknown>;
}

/**
 * Reads one page of what Stripe has for a settlement, before its first send: what Stripe paid and the rows do not know
 * is adopted, or stops the settlement for a person, and what came back is booked (M11). After the last page keys may be
 * sent first again.
 *
 * A page that Stripe does not give, try after try, pauses the settlement, so that nobody waits without a reason; the
 * answer says so, and the reading that comes to its end lifts that pause (M7).
 *
 * One request a call, so that the queue's rate is the fleet's, and one more where something came back. Safe to repeat;
 * nothing is sent.
 *
 * @throws StripeUnreachableError, StripeRefusedError, ReversalsNotListedError while another try is worth it
 */
export async function readStripeList(
  dependencies: ActivityDependencies,
  input: ReadStripeListInput,
  trying: ListTrying,
): Promise<ListProgress> {
  try {
    return { next: await readPage(dependencies, input, trying) };
  } catch (error) {
    const isUnreadable = isReadFailure(error) || error instanceof ReversalsNotListedError;
    if (!isUnreadable || trying.tryNumber < STRIPE_LIST_TRIES_MAX) {
      throw error;
    }
    return { next: input.reading, pause: await pauseUnreadable(dependencies, input) };
  }
}

/**
 * @returns where to go on, or null when this was the last page: at the beginning where the reading does not count, since
 *   its wish does not stand any more
 */
async function readPage(
  dependencies: ActivityDependencies,
  { settlementId, reading }: ReadStripeListInput,
  { wake, wakeTransfers }: ListTrying,
): Promise<ListReading | null> {
  const { database, stripe } = dependencies;
  const begun: BegunReading = isBegun(reading)
    ? reading
    : await beginListReading(database, settlementId);
  const page = await pausingWhenRefused(dependencies, settlementId, () =>
    listTransfersPage(
      stripe,
      { transferGroup: transferGroup(settlementId) },
      begun.afterStripeTransferId,
    ),
  );
  for (const matches of matchesByTransfer(page.transfers, dependencies)) {
    await compareListedTransfers(dependencies, settlementId, matches);
    await bookListedReversals(dependencies, matches);
  }
  if (page.nextAfter !== null) {
    const { beganAtMs, wish } = begun;
    return { beganAtMs, wish, afterStripeTransferId: page.nextAfter };
  }
  const end = await endReading(database, settlementId, begun);
  if (end.isLifted) {
    await wake(settlementId);
  }
  if (!end.counts) {
    return {};
  }
  if (end.awaiting.length > 0) {
    await wakeTransfers(end.awaiting);
  }
  return null;
}

type BegunReading = BegunListReading & Pick<ListReading, 'afterStripeTransferId'>;

/** One of whose wish nothing is known begins anew. */
function isBegun(reading: ListReading): reading is BegunReading {
  return reading.beganAtMs !== undefined && reading.wish !== undefined;
}

interface EndOfReading {
  /** Keys may be sent first again on its word; where not, whoever waits goes on after the next one. */
  readonly counts: boolean;
  /** The transfers that have waited for it. */
  readonly awaiting: readonly string[];
  /** Whether the settlement was paused because its list could not be read. */
  readonly isLifted: boolean;
}

async function endReading(
  database: Database,
  settlementId: string,
  begun: BegunListReading,
): Promise<EndOfReading> {
  return inTransaction(database, async (executor) => {
    // First: who has waited is told by the time of the reading before this one.
    const awaiting = await findTransfersAwaitingList(executor, settlementId, LIST_WAKES_MAX);
    const counts = await recordStripeListRead(executor, settlementId, begun);
    const isLifted = await liftCauseByAutomation(executor, settlementId, STRIPE_LIST_UNREADABLE);
    return { counts, awaiting, isLifted };
  });
}

async function pauseUnreadable(
  { database }: ActivityDependencies,
  { settlementId }: ReadStripeListInput,
): Promise<PauseInForce | null> {
  await pauseByAutomation(database, {
    settlementId,
    cause: STRIPE_LIST_UNREADABLE,
    isLiftedByItself: true,
  });
  return pauseOf(database, settlementId);
}

/** Our own transfers of the page, those for one debt together; other installations' are none of ours. */
function matchesByTransfer(
  listed: readonly ListedTransfer[],
  { platform }: ActivityDependencies,
): Iterable<readonly [ListedTransfer, ...ListedTransfer[]]> {
  const byTransfer = new Map<string, [ListedTransfer, ...ListedTransfer[]]>();
  for (const transfer of listed) {
    const transferId = transfer.metadata['payout_transfer_id'];
    if (transferId === undefined || !isPaymentOf(transfer, transferId, platform)) {
      continue;
    }
    const known = byTransfer.get(transferId);
    if (known === undefined) {
      byTransfer.set(transferId, [transfer]);
    } else {
      known.push(transfer);
    }
  }
  return byTransfer.values();
}

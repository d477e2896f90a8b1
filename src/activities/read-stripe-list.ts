import type { ListProgress, ListReading, PauseInForce } from '../domain/contracts';
import { transferGroup } from '../domain/ids';
import { LIST_WAKES_MAX, STRIPE_LIST_TRIES_MAX } from '../domain/limits';
import { STRIPE_LIST_UNREADABLE } from '../domain/pause-causes';
import { inTransaction, type Database } from '../db/database';
import { readPayoutClock } from '../db/payout-clock';
import { liftCauseByAutomation, pauseByAutomation } from '../db/payout-controls';
import { recordStripeListRead } from '../db/payout-jobs';
import { findTransfersAwaitingList } from '../db/waiting-transfers';
import { listTransfersPage, type ListedTransfer } from '../stripe/list-transfers';
import { isReadFailure } from '../stripe/read-failures';
import { isPaymentOf } from './adopt-listed-transfer';
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
 * is adopted, or stops the settlement for a person (M11). After the last page keys may be sent first again.
 *
 * A page that Stripe does not give, try after try, pauses the settlement, so that nobody waits without a reason; the
 * answer says so, and the reading that comes to its end lifts that pause (M7).
 *
 * One request a call, so that the queue's rate is the fleet's. Safe to repeat; nothing is sent.
 *
 * @throws StripeUnreachableError, StripeRefusedError while another try is worth it
 */
export async function readStripeList(
  dependencies: ActivityDependencies,
  input: ReadStripeListInput,
  trying: ListTrying,
): Promise<ListProgress> {
  try {
    return { next: await readPage(dependencies, input, trying) };
  } catch (error) {
    if (!isReadFailure(error) || trying.tryNumber < STRIPE_LIST_TRIES_MAX) {
      throw error;
    }
    return { next: input.reading, pause: await pauseUnreadable(dependencies, input) };
  }
}

/**
 * @returns where to go on, or null when this was the last page: at the beginning where somebody has wanted another
 *   reading since this one began
 */
async function readPage(
  dependencies: ActivityDependencies,
  { settlementId, reading }: ReadStripeListInput,
  { wake, wakeTransfers }: ListTrying,
): Promise<ListReading | null> {
  const { database, stripe } = dependencies;
  const beganAtMs = reading.beganAtMs ?? (await readPayoutClock(database)).getTime();
  const page = await pausingWhenRefused(dependencies, settlementId, () =>
    listTransfersPage(
      stripe,
      { transferGroup: transferGroup(settlementId) },
      reading.afterStripeTransferId,
    ),
  );
  for (const matches of matchesByTransfer(page.transfers, dependencies)) {
    await compareListedTransfers(dependencies, settlementId, matches);
  }
  if (page.nextAfter !== null) {
    return { beganAtMs, afterStripeTransferId: page.nextAfter };
  }
  const end = await endReading(database, settlementId, new Date(beganAtMs));
  if (end.isLifted) {
    await wake(settlementId);
  }
  if (end.isWantedAgain) {
    return {};
  }
  if (end.awaiting.length > 0) {
    await wakeTransfers(end.awaiting);
  }
  return null;
}

interface EndOfReading {
  /** Somebody wants a reading that begins later than this one did; whoever waits goes on after that. */
  readonly isWantedAgain: boolean;
  /** The transfers that have waited for it. */
  readonly awaiting: readonly string[];
  /** Whether the settlement was paused because its list could not be read. */
  readonly isLifted: boolean;
}

async function endReading(
  database: Database,
  settlementId: string,
  beganAt: Date,
): Promise<EndOfReading> {
  return inTransaction(database, async (executor) => {
    // First: who has waited is told by the time of the reading before this one.
    const awaiting = await findTransfersAwaitingList(executor, settlementId, LIST_WAKES_MAX);
    const isWantedAgain = await recordStripeListRead(executor, settlementId, beganAt);
    const isLifted = await liftCauseByAutomation(executor, settlementId, STRIPE_LIST_UNREADABLE);
    return { isWantedAgain, awaiting, isLifted };
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

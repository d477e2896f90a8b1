import { SIGNALS } from '../domain/contracts';
import { settlementIdOfGroup } from '../domain/ids';
import { EVENT_TRIES_OF_MISSING_MAX } from '../domain/limits';
import { findBookedReversals, findBookedTransfer, type BookedTransfer } from '../db/ledger';
import { findJobBySettlement } from '../db/payout-jobs';
import type { EventEnd, StripeEvent } from '../db/stripe-events';
import { retrieveTransfer, type RetrievedTransfer } from '../stripe/retrieve-transfer';
import { bookReversals } from './book-reversals';
import { compareListedTransfers, type Comparison } from './compare-listed-transfers';
import {
  ignored,
  processed,
  type EventDependencies,
  type EventProcessor,
} from './event-processing';
import { wakeUpOfJob, wakeUpOfTransfer, wakeWorkflows } from './wake-workflows';

/** Stripe tells of a transfer that it does not find: of another account, or not shown yet. */
class TransferNotFoundError extends Error {
  override readonly name = 'TransferNotFoundError';
}

/**
 * A transfer was made, changed or reversed. It is asked for by its id, and judged by the rules of reconciliation: the one
 * that equals what was sent is the payment, whatever the row thought; a second one and one that differs raise their
 * alarms; what came back is booked (M9).
 *
 * A payment that is booked already is not asked for again when its making is told, which is the usual case.
 */
export const processTransferEvent: EventProcessor = async (dependencies, event) => {
  const { database } = dependencies;
  if (event.accountId !== null) {
    return ignored('of_connected_account');
  }
  const booked = await findBookedTransfer(database, event.objectId);
  if (booked === undefined) {
    return foreignEnd(event, dependencies) ?? learn(dependencies, event);
  }
  if (event.type === 'transfer.created') {
    if (event.tryCount > 1) {
      // The try before may have died between booking it and waking its run.
      await wake(dependencies, booked);
    }
    return processed('known');
  }
  return learnReversals(dependencies, event, booked);
};

/** Whose a transfer is says our own metadata and nothing looser. */
function foreignEnd(
  { installationId }: Pick<StripeEvent, 'installationId'>,
  { platform }: EventDependencies,
): EventEnd | undefined {
  if (installationId === platform.installationId) {
    return undefined;
  }
  return ignored(installationId === null ? 'not_ours' : 'other_installation');
}

/** A transfer that is not in the ledger, and says that it is ours. */
async function learn(dependencies: EventDependencies, event: StripeEvent): Promise<EventEnd> {
  const { database } = dependencies;
  const found = await find(dependencies, event);
  if (found === undefined) {
    return ignored('no_such_transfer');
  }
  const foreign = foreignEnd(
    { installationId: found.metadata['installation_id'] ?? null },
    dependencies,
  );
  if (foreign !== undefined) {
    return foreign;
  }
  const settlementId = settlementIdOfGroup(found.transferGroup);
  if (
    settlementId === undefined ||
    (await findJobBySettlement(database, settlementId)) === undefined
  ) {
    // Should it be recorded again, its job reads Stripe's list before anything is sent.
    return ignored('unknown_settlement');
  }
  const result = await compareListedTransfers(dependencies, settlementId, [found]);
  const booked = await findBookedTransfer(database, found.id);
  if (booked !== undefined && found.amountReversedMinor > 0) {
    await bookReversals(dependencies, booked, found, []);
  }
  if (result === 'unexpected_transfer') {
    return ignored(result);
  }
  if (WAKING.has(result) || event.tryCount > 1) {
    await wake(dependencies, {
      transferId: found.metadata['payout_transfer_id'] ?? '',
      settlementId,
    });
  }
  return processed(result);
}

/** The row has moved under a run that waits. */
const WAKING: ReadonlySet<Comparison> = new Set<Comparison>(['adopted', 'stopped']);

async function learnReversals(
  dependencies: EventDependencies,
  event: StripeEvent,
  booked: BookedTransfer,
): Promise<EventEnd> {
  // Read before Stripe is asked: whatever the ledger has by now, Stripe has to show.
  const bookedBefore = await findBookedReversals(dependencies.database, booked);
  const found = await find(dependencies, event);
  if (found === undefined) {
    return ignored('no_such_transfer');
  }
  return found.amountReversedMinor === 0 && bookedBefore.length === 0
    ? processed('known')
    : processed(await bookReversals(dependencies, booked, found, bookedBefore));
}

/** @returns undefined where Stripe has none, after so many tries that it is not only late */
async function find(
  { stripe }: EventDependencies,
  { objectId, tryCount }: StripeEvent,
): Promise<RetrievedTransfer | undefined> {
  const found = await retrieveTransfer(stripe, objectId);
  if (found === undefined && tryCount < EVENT_TRIES_OF_MISSING_MAX) {
    throw new TransferNotFoundError('Stripe does not find the transfer that it told of');
  }
  return found;
}

/** The run looks at its row again and ends; one that has ended otherwise is left to the sweep. */
async function wake(
  { client }: EventDependencies,
  { settlementId, transferId }: Pick<BookedTransfer, 'settlementId' | 'transferId'>,
): Promise<void> {
  await wakeWorkflows(client, [
    wakeUpOfTransfer(transferId, SIGNALS.changed),
    wakeUpOfJob(settlementId, SIGNALS.changed),
  ]);
}

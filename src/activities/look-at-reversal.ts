import type { ReversalView } from '../domain/contracts';
import { KEY_SENDABLE_MS } from '../domain/limits';
import { isFirstEmptyLook, isProvenAbsent, type EmptyLook } from '../domain/reconciliation';
import type { ReversalStep } from '../domain/reversal-next-state';
import { isReversalEnded } from '../domain/reversal-state';
import { inTransaction, type Executor } from '../db/database';
import { findBookedReversals, findBookedTransfer } from '../db/ledger';
import { readPayoutClock } from '../db/payout-clock';
import {
  findReversalAttempts,
  resolveReversalAttempts,
  type ReversalClaim,
} from '../db/payout-reversal-attempts';
import {
  findReversal,
  noteEmptyLookOfReversal,
  lockReversal,
  markReversalRefused,
  noteReversalReason,
  noteSeenAsExpected,
  type PayoutReversal,
} from '../db/payout-reversals';
import type { ListedTransfer } from '../stripe/list-transfers';
import { retrieveTransfer } from '../stripe/retrieve-transfer';
import { bookReversals, type ReversalsBooked } from './book-reversals';
import type { ActivityDependencies } from './dependencies';
import { pausingWhenRefused } from './refused-read';
import { settleReversalSends } from './conclude-reversal';
import { reversalViewOf } from './reversal-view';

/** What Stripe shows of the transfer that is to be reversed; everything that came back of it is booked by then. */
interface SeenAtStripe {
  readonly beganAt: Date;
  /** undefined: Stripe does not find the transfer. */
  readonly found: ListedTransfer | undefined;
  readonly booked: ReversalsBooked | 'nothing';
}

/**
 * Looks at Stripe instead of sending: the transfer, and all of its reversals. What came back is booked, and the order
 * that one of them names is completed with it.
 *
 * Before the first send it has to show what was expected when the order was given, else the order ends: a restored
 * database may have forgotten it, or somebody has reversed elsewhere (M11). After a send whose outcome is not known, no
 * match is only "not seen": two such looks, the second a day after the last send, prove that nothing came back.
 * Safe to repeat and to race.
 */
export async function lookAtReversal(
  dependencies: Pick<ActivityDependencies, 'database' | 'stripe'>,
  { reversalId }: Pick<ReversalClaim, 'reversalId'>,
): Promise<ReversalView> {
  const { database } = dependencies;
  const asked = await findReversal(database, reversalId);
  if (asked === undefined) {
    throw new Error(`reversal ${reversalId} does not exist in this database`);
  }
  if (isReversalEnded(asked.status)) {
    return reversalViewOf(database, asked);
  }
  const seen = await pausingWhenRefused(dependencies, asked.settlementId, () =>
    seeAtStripe(dependencies, asked),
  );
  return inTransaction(database, async (executor) => {
    const reversal = await lockReversal(executor, reversalId);
    if (isReversalEnded(reversal.status) || reversal.attemptCount !== asked.attemptCount) {
      // It is over, or was sent again while Stripe was read.
      return reversalViewOf(executor, reversal, 0);
    }
    return judge(executor, reversal, seen);
  });
}

async function seeAtStripe(
  dependencies: Pick<ActivityDependencies, 'database' | 'stripe'>,
  { stripeTransferId }: PayoutReversal,
): Promise<SeenAtStripe> {
  const { database, stripe } = dependencies;
  const beganAt = await readPayoutClock(database);
  const booked = await findBookedTransfer(database, stripeTransferId);
  if (booked === undefined) {
    throw new Error(`Stripe transfer ${stripeTransferId} of a reversal is not booked`);
  }
  // Read before Stripe is asked: whatever the ledger has by now, Stripe has to show.
  const bookedBefore = await findBookedReversals(database, booked);
  const found = await retrieveTransfer(stripe, stripeTransferId);
  return {
    beganAt,
    found,
    booked:
      found === undefined
        ? 'nothing'
        : await bookReversals(dependencies, booked, found, bookedBefore),
  };
}

async function judge(
  executor: Executor,
  reversal: PayoutReversal,
  seen: SeenAtStripe,
): Promise<ReversalView> {
  const step = await settleReversalSends(executor, reversal);
  if (step.is === 'unknown') {
    return reversalViewOf(executor, await notSeen(executor, reversal, step, seen));
  }
  if (step.is === 'refused') {
    const ended = await markReversalRefused(executor, reversal, step.reason);
    return reversalViewOf(executor, ended);
  }
  if (seen.found === undefined) {
    const ended = await markReversalRefused(executor, reversal, 'reversal_transfer_not_found');
    return reversalViewOf(executor, ended);
  }
  const isAsExpected =
    seen.found.amountReversedMinor === reversal.reversedBeforeMinor &&
    (seen.booked === 'reversals_known' || seen.booked === 'nothing');
  return isAsExpected
    ? reversalViewOf(executor, await noteSeenAsExpected(executor, reversal, seen.beganAt), 0)
    : reversalViewOf(
        executor,
        await markReversalRefused(executor, reversal, 'reversal_changed_at_stripe'),
      );
}

/** No reversal that names the order is at Stripe. */
async function notSeen(
  executor: Executor,
  reversal: PayoutReversal,
  step: Extract<ReversalStep, { is: 'unknown' }>,
  { beganAt, booked, found }: SeenAtStripe,
): Promise<PayoutReversal> {
  const attempts = await findReversalAttempts(executor, reversal.id);
  const isReadable =
    found !== undefined && (booked === 'reversals_known' || booked === 'reversal_booked');
  const wasMade = attempts.some(({ resolution }) => resolution === 'created');
  if (!isReadable || wasMade) {
    return reversal;
  }
  const nowMs = (await readPayoutClock(executor)).getTime();
  const look: EmptyLook = {
    beganAtMs: beganAt.getTime(),
    notSeenSinceMs: reversal.notSeenSince?.getTime() ?? null,
    lastSentAtMs: attempts.at(-1)?.sentAt.getTime() ?? null,
    nowMs,
  };
  if (isProvenAbsent(look)) {
    await resolveReversalAttempts(executor, reversal.id, 'not_created');
    return markReversalRefused(executor, reversal, 'reversal_not_found_at_stripe');
  }
  const noted = isFirstEmptyLook(look)
    ? await noteEmptyLookOfReversal(executor, reversal, beganAt)
    : reversal;
  const isKeyDead =
    reversal.firstSentAt !== null && nowMs >= reversal.firstSentAt.getTime() + KEY_SENDABLE_MS;
  return isKeyDead && step.mayResend
    ? noteReversalReason(executor, noted, 'unknown_key_too_old')
    : noted;
}

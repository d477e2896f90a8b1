import type { TransferView } from '../domain/contracts';
import { transferGroup } from '../domain/ids';
import { decideClaim, isDistrusted } from '../domain/claim-rules';
import { isAlarm } from '../domain/next-state';
import type { ReasonCode } from '../domain/reasons';
import { isFirstEmptyLook, isProvenAbsent, type EmptyLook } from '../domain/reconciliation';
import { isKeySendable } from '../domain/send-gate';
import { isTerminal } from '../domain/transfer-state';
import { inTransaction, type Executor } from '../db/database';
import { findAttempts } from '../db/payout-attempts';
import { readPayoutClock } from '../db/payout-clock';
import {
  closeGeneration,
  findGenerations,
  findOpenGeneration,
  keyAgeOf,
} from '../db/payout-generations';
import type { PayoutTransfer } from '../db/payout-transfers';
import { lockTransfer, noteEmptyLook, markRetryable, markUnknown } from '../db/transfer-moves';
import { listTransfersOfGroup, type ListedTransfer } from '../stripe/list-transfers';
import { adoptMatches, isPaymentOf } from './adopt-listed-transfer';
import { hasLookedSince, readClaimFacts } from './claim-facts';
import type { ClaimTransferInput } from './claim-transfer';
import { concludeClaim, proveUnpaid } from './conclude-claim';
import { honourCancelRequest } from './honour-cancel-request';
import { pausingWhenRefused } from './refused-read';
import type { ActivityDependencies } from './dependencies';
import { viewOf } from './transfer-view';

/**
 * Finds out what became of a transfer whose outcome is not known, without sending anything.
 *
 * A claim of another run is ended from its attempt rows. An unknown transfer is looked up in Stripe's list of the
 * settlement's group and adopted when exactly one entry matches in every point. No entry is only "not seen": a second
 * look, long after the last send, proves with the first that nothing was paid. One that is proven unpaid is looked up
 * between two of its keys. Safe to repeat.
 */
export async function reconcileTransfer(
  dependencies: ActivityDependencies,
  input: Pick<ClaimTransferInput, 'transferId' | 'runId'>,
): Promise<TransferView> {
  const { database, platform } = dependencies;
  const transfer = await endForeignClaim(dependencies, input);
  if (isTerminal(transfer.status) || transfer.status === 'processing') {
    return viewOf(transfer, 0);
  }
  const lookBeganAt = await readPayoutClock(database);
  const matches = await pausingWhenRefused(dependencies, transfer.settlementId, () =>
    findMatches(dependencies, transfer),
  );
  return inTransaction(database, async (executor) => {
    const row = await lockTransfer(executor, transfer.id);
    if (row.status !== transfer.status || row.attemptCount !== transfer.attemptCount) {
      // An answer, or another send, came while Stripe's list was read.
      return viewOf(row, 0);
    }
    const { transfer: adopted, verdict } = await adoptMatches(executor, row, matches, platform);
    if (verdict.is !== 'not_seen') {
      return viewOf(adopted);
    }
    return row.status === 'unknown'
      ? notSeen({ dependencies, executor, runId: input.runId }, row, lookBeganAt)
      : notSeenBetweenKeys(executor, row, lookBeganAt);
  });
}

async function endForeignClaim(
  dependencies: ActivityDependencies,
  input: Pick<ClaimTransferInput, 'transferId' | 'runId'>,
): Promise<PayoutTransfer> {
  return inTransaction(dependencies.database, async (transaction) => {
    const transfer = await lockTransfer(transaction, input.transferId);
    return transfer.status === 'processing' && transfer.claimRunId !== input.runId
      ? concludeClaim(transaction, transfer, dependencies.platform)
      : transfer;
  });
}

/**
 * Every page, for every destination that was ever frozen. Where this database may have lost some of them, the whole
 * settlement is read.
 */
async function findMatches(
  dependencies: ActivityDependencies,
  transfer: PayoutTransfer,
): Promise<ListedTransfer[]> {
  const { database, platform, stripe } = dependencies;
  const generations = await findGenerations(database, transfer.id);
  const destinations =
    generations.length === 0 || isDistrusted(transfer.failureReason)
      ? [undefined]
      : [...new Set(generations.map(({ destination }) => destination))];
  const matches: ListedTransfer[] = [];
  for (const destination of destinations) {
    const listed = listTransfersOfGroup(stripe, {
      transferGroup: transferGroup(transfer.settlementId),
      ...(destination !== undefined && { destination }),
    });
    for await (const candidate of listed) {
      if (isPaymentOf(candidate, transfer.id, platform)) {
        matches.push(candidate);
      }
    }
  }
  return matches;
}

interface Looking {
  readonly dependencies: ActivityDependencies;
  readonly executor: Executor;
  readonly runId: string;
}

async function notSeen(
  { dependencies, executor, runId }: Looking,
  transfer: PayoutTransfer,
  lookBeganAt: Date,
): Promise<TransferView> {
  if (isAlarm(transfer.failureReason)) {
    return viewOf(transfer);
  }
  const attempts = await findAttempts(executor, transfer.id);
  const isRefuted = attempts.length > 0 && attempts.every(({ resolution }) => resolution !== null);
  if (isRefuted && !isDistrusted(transfer.failureReason)) {
    // Late answers have proven every send unpaid.
    return viewOf(await provenUnpaid(executor, transfer, 'transient_not_sent'), 0);
  }
  const look: EmptyLook = {
    beganAtMs: lookBeganAt.getTime(),
    notSeenSinceMs: transfer.notSeenSince?.getTime() ?? null,
    // A lost send may be younger than every known one.
    lastSentAtMs: isDistrusted(transfer.failureReason)
      ? null
      : (attempts.at(-1)?.sentAt.getTime() ?? null),
    nowMs: (await readPayoutClock(executor)).getTime(),
  };
  if (isProvenAbsent(look)) {
    return viewOf(await sendAnew(executor, transfer), 0);
  }
  const unknown = await stayUnknown(executor, transfer, look, lookBeganAt);
  const { payeeWaitMs } = dependencies;
  const { facts } = await readClaimFacts(executor, unknown, { runId, payeeWaitMs });
  // A look between two sends of a key holds up neither.
  return decideClaim(facts).do === 'send_open' ? viewOf(unknown, 0) : viewOf(unknown);
}

/** The next key may follow; where the clock was set back since the last one ended, a look after a wait tells. */
async function notSeenBetweenKeys(
  executor: Executor,
  transfer: PayoutTransfer,
  lookBeganAt: Date,
): Promise<TransferView> {
  const noted = await noteEmptyLook(executor, transfer, lookBeganAt);
  const counts = hasLookedSince(noted, await findGenerations(executor, transfer.id));
  return viewOf(noted, counts ? 0 : null);
}

/** Nothing was paid: the old key ends for ever in the transaction that says so, and the next claim opens another. */
async function sendAnew(executor: Executor, transfer: PayoutTransfer): Promise<PayoutTransfer> {
  await proveUnpaid(executor, transfer);
  const open = await findOpenGeneration(executor, transfer.id);
  if (open !== undefined) {
    await closeGeneration(executor, open, 'not_found_at_stripe');
  }
  return provenUnpaid(executor, transfer, 'transient_not_found_at_stripe');
}

/** Free to be sent anew, or cancelled where an operator has asked for that meanwhile. */
async function provenUnpaid(
  executor: Executor,
  transfer: PayoutTransfer,
  reason: ReasonCode,
): Promise<PayoutTransfer> {
  return honourCancelRequest(executor, await markRetryable(executor, transfer, reason));
}

/** A key that is too old to be sent again says so, since nothing but a look at Stripe is left. */
async function stayUnknown(
  executor: Executor,
  transfer: PayoutTransfer,
  look: EmptyLook,
  lookBeganAt: Date,
): Promise<PayoutTransfer> {
  const noted = isFirstEmptyLook(look)
    ? await noteEmptyLook(executor, transfer, lookBeganAt)
    : transfer;
  const open = await findOpenGeneration(executor, transfer.id);
  const isTooOld = open !== undefined && !isKeySendable(keyAgeOf(open), look.nowMs);
  return isTooOld && !isDistrusted(transfer.failureReason)
    ? markUnknown(executor, noted, 'unknown_key_too_old')
    : noted;
}

import type { TransferView } from '../domain/contracts';
import { transferGroup } from '../domain/ids';
import { isAlarm } from '../domain/next-state';
import { inTransaction } from '../db/database';
import type { PayoutTransfer } from '../db/payout-transfers';
import { lockTransfer, markRetryable, markUnknown } from '../db/transfer-moves';
import { findAttempts } from '../db/payout-attempts';
import {
  findGenerations,
  findOpenGeneration,
  isKeySendable,
  type PayoutGeneration,
} from '../db/payout-generations';
import { listTransfersOfGroup, type ListedTransfer } from '../stripe/list-transfers';
import type { ClaimTransferInput } from './claim-transfer';
import { concludeClaim } from './conclude-claim';
import type { ActivityDependencies } from './dependencies';
import { raiseDuplicateAlarm, settleCreatedTransfer } from './settle-created-transfer';
import { viewOf } from './transfer-view';

/**
 * Finds out what became of a transfer whose outcome this run cannot know: one that another run left in the middle,
 * or one whose key can bring no new answer.
 *
 * A claim of another run is ended from its attempt rows. An unknown transfer is looked up in Stripe's list of the
 * settlement's group and adopted when exactly one entry matches in every point; no entry is only "not seen", and
 * the transfer stays unknown. Safe to repeat; nothing is sent.
 */
export async function reconcileTransfer(
  dependencies: ActivityDependencies,
  input: ClaimTransferInput,
): Promise<TransferView> {
  const transfer = await endForeignClaim(dependencies, input);
  if (transfer.status !== 'unknown') {
    return viewOf(transfer, 0);
  }
  const generations = await findGenerations(dependencies.database, transfer.id);
  const matches = await findMatches(dependencies, transfer, generations);
  if (matches.length === 0) {
    return stayUnknown(dependencies, transfer);
  }
  return adopt(dependencies, { ...input, generations, matches });
}

async function endForeignClaim(
  dependencies: ActivityDependencies,
  input: ClaimTransferInput,
): Promise<PayoutTransfer> {
  return inTransaction(dependencies.database, async (transaction) => {
    const transfer = await lockTransfer(transaction, input.transferId);
    return transfer.status === 'processing' && transfer.claimRunId !== input.runId
      ? concludeClaim(transaction, transfer, dependencies.platform)
      : transfer;
  });
}

/** Every page, for every destination that was ever frozen; matched by our own metadata and nothing looser. */
async function findMatches(
  dependencies: ActivityDependencies,
  transfer: PayoutTransfer,
  generations: readonly PayoutGeneration[],
): Promise<ListedTransfer[]> {
  const destinations = new Set(generations.map((generation) => generation.destination));
  const matches: ListedTransfer[] = [];
  for (const destination of destinations) {
    const listed = listTransfersOfGroup(dependencies.stripe, {
      transferGroup: transferGroup(transfer.settlementId),
      destination,
    });
    for await (const candidate of listed) {
      if (
        candidate.metadata['payout_transfer_id'] === transfer.id &&
        candidate.metadata['installation_id'] === dependencies.platform.installationId
      ) {
        matches.push(candidate);
      }
    }
  }
  return matches;
}

/** Not seen is no proof. A key that is too old to be sent again says so, since nothing but a look at Stripe is left. */
async function stayUnknown(
  dependencies: ActivityDependencies,
  { id }: PayoutTransfer,
): Promise<TransferView> {
  return inTransaction(dependencies.database, async (transaction) => {
    const transfer = await lockTransfer(transaction, id);
    if (transfer.status !== 'unknown') {
      // An answer came while Stripe's list was read.
      return viewOf(transfer, 0);
    }
    if (isAlarm(transfer.failureReason)) {
      return viewOf(transfer);
    }
    const attempts = await findAttempts(transaction, id);
    if (attempts.length > 0 && attempts.every(({ resolution }) => resolution === 'not_created')) {
      // Late answers have proven every send unpaid.
      return viewOf(await markRetryable(transaction, transfer, 'transient_not_sent'), 0);
    }
    const open = await findOpenGeneration(transaction, id);
    const isTooOld = open !== undefined && !(await isKeySendable(transaction, open));
    return viewOf(
      isTooOld ? await markUnknown(transaction, transfer, 'unknown_key_too_old') : transfer,
    );
  });
}

/** The number in the ledger key of a payment that Stripe knows and no attempt row does (a restored database). */
const NO_ATTEMPT = 0;

interface Adoption extends ClaimTransferInput {
  readonly generations: readonly PayoutGeneration[];
  readonly matches: readonly ListedTransfer[];
}

/** Exactly one equal entry is the payment. Anything else stops for a person: it stays unknown with that reason. */
async function adopt(
  dependencies: ActivityDependencies,
  adoption: Adoption,
): Promise<TransferView> {
  const { generations, matches, transferId } = adoption;
  return inTransaction(dependencies.database, async (transaction) => {
    const transfer = await lockTransfer(transaction, transferId);
    if (transfer.status !== 'unknown') {
      return viewOf(transfer, 0);
    }
    const [match] = matches;
    const generation = generations.find(
      (candidate) =>
        candidate.closedAt === null &&
        candidate.destination === match?.destination &&
        candidate.amountMinor === match.amountMinor &&
        candidate.currency === match.currency &&
        candidate.livemode === match.livemode,
    );
    if (
      match === undefined ||
      generation === undefined ||
      matches.length > 1 ||
      match.amountReversedMinor > 0
    ) {
      if (matches.length > 1) {
        await raiseDuplicateAlarm(transaction, transfer);
      }
      return viewOf(await markUnknown(transaction, transfer, 'unknown_other_transfer'));
    }
    const attempts = await findAttempts(transaction, transferId);
    // A send that may have made it: one that is proven refused has its record in the ledger already.
    const open = attempts.filter(
      (attempt) => attempt.generation === generation.generation && attempt.resolution === null,
    );
    const settled = await settleCreatedTransfer(transaction, transfer, {
      stripeTransferId: match.id,
      attemptNumber: open.at(-1)?.attemptNumber ?? NO_ATTEMPT,
      generation: generation.generation,
    });
    return viewOf(settled);
  });
}

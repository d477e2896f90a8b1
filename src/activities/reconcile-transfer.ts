import type { TransferView } from '../domain/contracts';
import { transferGroup } from '../domain/ids';
import { lockTransfer, markUnknown, type PayoutTransfer } from '../db/payout-transfers';
import { findAttempts } from '../db/payout-attempts';
import { findGenerations, type PayoutGeneration } from '../db/payout-generations';
import { listTransfersOfGroup, type ListedTransfer } from '../stripe/list-transfers';
import type { ClaimTransferInput } from './claim-transfer';
import { concludeClaim } from './conclude-claim';
import type { ActivityDependencies } from './dependencies';
import { waitingView } from './record-outcome';
import { settleCreatedTransfer } from './settle-created-transfer';
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
    return waitingView(transfer);
  }
  return adopt(dependencies, { ...input, generations, matches });
}

async function endForeignClaim(
  dependencies: ActivityDependencies,
  input: ClaimTransferInput,
): Promise<PayoutTransfer> {
  return dependencies.database.transaction(async (transaction) => {
    const transfer = await lockTransfer(transaction, input.transferId);
    if (transfer === undefined) {
      throw new Error(`transfer ${input.transferId} does not exist`);
    }
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
  return dependencies.database.transaction(async (transaction) => {
    const transfer = await lockTransfer(transaction, transferId);
    if (transfer === undefined) {
      throw new Error(`transfer ${transferId} does not exist`);
    }
    if (transfer.status !== 'unknown') {
      // An answer came while Stripe's list was read.
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
      return waitingView(await markUnknown(transaction, transfer, 'unknown_other_transfer'));
    }
    const attempts = await findAttempts(transaction, transferId);
    // A send that may have made it: one that is proven refused has its record in the ledger already.
    const open = attempts.filter(
      (attempt) => attempt.generation === generation.generation && attempt.resolution === null,
    );
    const settled = await settleCreatedTransfer(transaction, transfer, {
      stripeTransferId: match.id,
      attemptNumber: open.at(-1)?.attemptNumber ?? 0,
      generation: generation.generation,
    });
    return viewOf(settled);
  });
}

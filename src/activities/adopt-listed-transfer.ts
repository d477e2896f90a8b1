import {
  isAllBack,
  judgeMatches,
  type MatchVerdict,
  type PossibleSend,
} from '../domain/reconciliation';
import type { Executor } from '../db/database';
import type { Installation } from '../db/installation';
import { findAttempts } from '../db/payout-attempts';
import { findGenerations, type PayoutGeneration } from '../db/payout-generations';
import type { PayoutTransfer } from '../db/payout-transfers';
import { findUserStripeAccount } from '../db/user-stripe-accounts';
import { markDistrusted } from '../db/transfer-moves';
import type { ListedTransfer } from '../stripe/list-transfers';
import { raiseDuplicateAlarm, settleCreatedTransfer } from './settle-created-transfer';

/** Whether a listed transfer is ours and for this debt: by our own metadata and nothing looser. */
export function isPaymentOf(
  listed: ListedTransfer,
  transferId: string,
  { installationId }: Installation,
): boolean {
  return (
    listed.metadata['payout_transfer_id'] === transferId &&
    listed.metadata['installation_id'] === installationId
  );
}

/** Why a generation is closed that a person has declared unpaid. */
export const RESOLVED_UNPAID = 'resolved_unpaid';

/** The number in the ledger key of a payment that Stripe knows and no attempt row does (a restored database). */
const NO_ATTEMPT = 0;

/** A send that may have made a listed transfer; generation 0 where the database knows of none. */
export interface GenerationSend extends PossibleSend {
  readonly generation: number;
}

/**
 * Acts on what Stripe's list shows for a debt that is not paid here, under the row's lock: the one equal match is its
 * payment; anything else that was found stops it for a person (M11). Safe to repeat.
 * @param matches every listed transfer of this debt
 * @returns the row afterwards; unchanged where nothing was found
 */
export async function adoptMatches(
  executor: Executor,
  transfer: PayoutTransfer,
  matches: readonly ListedTransfer[],
  platform: Installation,
): Promise<{ readonly transfer: PayoutTransfer; readonly verdict: MatchVerdict<GenerationSend> }> {
  const generations = await findGenerations(executor, transfer.id);
  const sends = await possibleSends(executor, transfer, generations, platform);
  const verdict = judgeMatches(withoutResolved(matches, generations), sends);
  switch (verdict.is) {
    case 'not_seen':
      return { transfer, verdict };
    case 'payment': {
      const { send, stripeTransferId } = verdict;
      const attemptNumber = await attemptOf(executor, transfer, send.generation);
      const created = { stripeTransferId, attemptNumber, generation: send.generation };
      return { transfer: await settleCreatedTransfer(executor, transfer, created), verdict };
    }
    case 'alarm':
      if (verdict.reason === 'unknown_second_transfer') {
        await raiseDuplicateAlarm(executor, transfer);
      }
      return { transfer: await markDistrusted(executor, transfer, verdict.reason), verdict };
  }
}

/** A transfer that came back whole before a person stated that nothing is paid has had its consequence. */
function withoutResolved(
  matches: readonly ListedTransfer[],
  generations: readonly PayoutGeneration[],
): ListedTransfer[] {
  const [resolvedAtMs = 0] = generations.flatMap(({ closedAt, closedReason }) =>
    closedReason === RESOLVED_UNPAID && closedAt !== null ? [closedAt.getTime()] : [],
  );
  return matches.filter((match) => !isAllBack(match) || match.created * 1_000 > resolvedAtMs);
}

/** Every generation, newest first, and what a lost one would have sent to the account of today. */
export async function possibleSends(
  executor: Executor,
  transfer: PayoutTransfer,
  generations: readonly PayoutGeneration[],
  { livemode }: Installation,
): Promise<GenerationSend[]> {
  const account = await findUserStripeAccount(executor, transfer.userId);
  const { amountMinor, currency } = transfer;
  const lost =
    account === undefined
      ? []
      : [{ generation: 0, amountMinor, currency, destination: account.stripeAccountId, livemode }];
  return [...generations, ...lost];
}

/** A send that may have made it; one that is proven refused has its record in the ledger already. */
export async function attemptOf(
  executor: Executor,
  transfer: PayoutTransfer,
  generation: number,
): Promise<number> {
  const attempts = await findAttempts(executor, transfer.id);
  const open = attempts.filter(
    (attempt) => attempt.generation === generation && attempt.resolution === null,
  );
  return open.at(-1)?.attemptNumber ?? NO_ATTEMPT;
}

import type { ClaimDecision } from '../domain/claim-rules';
import { decideClaim } from '../domain/claim-rules';
import type { ClaimAnswer, SeenSends } from '../domain/contracts';
import type { ReasonCode } from '../domain/reasons';
import { inTransaction, type Executor } from '../db/database';
import { closeGeneration, type PayoutGeneration } from '../db/payout-generations';
import { awaitStripeList } from '../db/payout-jobs';
import type { PayoutTransfer } from '../db/payout-transfers';
import {
  lockTransfer,
  markBlocked,
  markDistrusted,
  markFailedTerminal,
  markPending,
  markProcessing,
} from '../db/transfer-moves';
import { beginAsk } from '../db/user-stripe-accounts';
import { readClaimFacts, type ClaimReading } from './claim-facts';
import type { ActivityDependencies } from './dependencies';
import { openNextGeneration } from './open-next-generation';
import { viewOf } from './transfer-view';

export interface ClaimTransferInput {
  readonly transferId: string;
  /** The workflow run that asks. A claim belongs to one run; a reset or a second run gets none (design §6). */
  readonly runId: string;
  /** How far this run has seen the transfer go before. */
  readonly seen?: SeenSends | undefined;
}

/** One claim under way: the locked row, what was read of it, and who asks. */
interface Claiming {
  readonly dependencies: ActivityDependencies;
  readonly executor: Executor;
  readonly transfer: PayoutTransfer;
  readonly reading: ClaimReading;
  readonly runId: string;
}

/**
 * Gives one run the right to send a transfer, in one short transaction under the row's lock, or says what stands in
 * the way: looks up the payee's account, opens and freezes the generation, and marks the row as processing.
 *
 * Safe to repeat: the run that holds the claim gets the same one again. No call to Stripe is made here (M2).
 */
export async function claimTransfer(
  dependencies: ActivityDependencies,
  input: ClaimTransferInput,
): Promise<ClaimAnswer> {
  const { payeeWaitMs } = dependencies;
  return inTransaction(dependencies.database, async (executor) => {
    const transfer = await lockTransfer(executor, input.transferId);
    const reading = await readClaimFacts(executor, transfer, { ...input, payeeWaitMs });
    const claiming = { dependencies, executor, transfer, reading, runId: input.runId };
    return carryOut(claiming, decideClaim(reading.facts));
  });
}

async function carryOut(claiming: Claiming, decision: ClaimDecision): Promise<ClaimAnswer> {
  const { executor, transfer } = claiming;
  switch (decision.do) {
    case 'rest':
      return { next: 'rest', view: viewOf(transfer, untilNextAsk(claiming)) };
    case 'hold':
      return heldClaim(claiming, transfer);
    case 'reconcile':
      return { next: 'reconcile', view: viewOf(transfer) };
    case 'distrust': {
      const distrusted = await markDistrusted(executor, transfer, 'unknown_records_older');
      return { next: 'reconcile', view: viewOf(distrusted) };
    }
    case 'ask':
      return ask(claiming);
    case 'wait_for_list':
      return waitForList(claiming);
    case 'block':
      return block(claiming, decision.reason);
    case 'end_payee_wait': {
      const ended = await markFailedTerminal(executor, transfer, 'payee_wait_over');
      return { next: 'rest', view: viewOf(ended) };
    }
    case 'send_open':
      return claim(claiming, claiming.reading.openGeneration);
    case 'give_up_key':
      return giveUpKey(claiming, decision.reason);
    case 'send_next':
      return claim(claiming, await openNext(claiming));
  }
}

function heldClaim({ runId }: Claiming, transfer: PayoutTransfer): ClaimAnswer {
  const { id: transferId, generation, claimNumber } = transfer;
  return {
    next: 'send',
    claim: { transferId, generation, claimNumber, runId },
    view: viewOf(transfer),
  };
}

/** One of all the transfers that wait for this account asks; the others look again when its answer can be there. */
async function ask(claiming: Claiming): Promise<ClaimAnswer> {
  const { executor, reading, transfer } = claiming;
  const { account } = reading;
  const isOurTurn = account !== undefined && (await beginAsk(executor, account));
  return isOurTurn
    ? { next: 'ask', view: viewOf(transfer, 0) }
    : { next: 'rest', view: viewOf(transfer, null) };
}

function untilNextAsk({ reading, transfer }: Claiming): number | null {
  const { account, nowMs } = reading;
  const isAsked = transfer.status === 'blocked' && account?.readiness === 'not_ready';
  const nextAskMs = isAsked ? account.nextAskAt?.getTime() : undefined;
  return nextAskMs === undefined ? viewOf(transfer).waitMs : Math.max(nextAskMs - nowMs, 1_000);
}

async function waitForList({ executor, transfer }: Claiming): Promise<ClaimAnswer> {
  // First: by its time the reading knows who has begun to wait for it.
  const tellJob = await awaitStripeList(executor, transfer.payoutJobId);
  const waiting = transfer.status === 'blocked' ? await markPending(executor, transfer) : transfer;
  return { next: 'rest', view: viewOf(waiting, null), tellJob };
}

async function block({ executor, transfer }: Claiming, obstacle: ReasonCode): Promise<ClaimAnswer> {
  if (transfer.status === 'blocked' && transfer.failureReason === obstacle) {
    return { next: 'rest', view: viewOf(transfer) };
  }
  const waiting = transfer.status === 'blocked' ? await markPending(executor, transfer) : transfer;
  return { next: 'rest', view: viewOf(await markBlocked(executor, waiting, obstacle)) };
}

/** The key ends for ever, then Stripe is asked what it did. Postgres refuses this while a send under it is unresolved. */
async function giveUpKey(
  { executor, reading, transfer }: Claiming,
  reason: string,
): Promise<ClaimAnswer> {
  if (reading.openGeneration !== undefined) {
    await closeGeneration(executor, reading.openGeneration, reason);
  }
  return { next: 'reconcile', view: viewOf(transfer) };
}

/** The next generation, frozen with the payee's account of this moment. */
async function openNext({
  dependencies,
  executor,
  reading,
  transfer,
}: Claiming): Promise<PayoutGeneration> {
  const { account } = reading;
  if (account === undefined) {
    throw new Error(`transfer ${transfer.id} was to be sent without an account`);
  }
  return openNextGeneration(executor, transfer, dependencies.platform, account.stripeAccountId);
}

async function claim(
  claiming: Claiming,
  generation: PayoutGeneration | undefined,
): Promise<ClaimAnswer> {
  const { executor, runId, transfer } = claiming;
  if (generation === undefined) {
    throw new Error(`transfer ${transfer.id} was to be sent without an open generation`);
  }
  const claimable =
    transfer.status === 'blocked' ? await markPending(executor, transfer) : transfer;
  const claimed = await markProcessing(executor, claimable, {
    runId,
    generation: generation.generation,
  });
  return heldClaim(claiming, claimed);
}

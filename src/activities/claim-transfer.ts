import type { ClaimAnswer } from '../domain/contracts';
import { freezeRequest } from '../domain/generation';
import { answerCanDiffer, isAlarm } from '../domain/next-state';
import type { ReasonCode } from '../domain/reasons';
import { isTerminal } from '../domain/transfer-state';
import { inTransaction, type Executor } from '../db/database';
import { findAttempts } from '../db/payout-attempts';
import {
  closeGeneration,
  findOpenGeneration,
  isKeySendable,
  openGeneration,
  type PayoutGeneration,
} from '../db/payout-generations';
import { hasWaitedForPayee, type PayoutTransfer } from '../db/payout-transfers';
import {
  lockTransfer,
  markBlocked,
  markFailedTerminal,
  markPending,
  markProcessing,
} from '../db/transfer-moves';
import { findUserStripeAccount, type UserStripeAccount } from '../db/user-stripe-accounts';
import type { ActivityDependencies } from './dependencies';
import { knownSends } from './known-sends';
import { closedOperatorGate } from './send-gates';
import { viewOf } from './transfer-view';

export interface ClaimTransferInput {
  readonly transferId: string;
  /** The workflow run that asks. A claim belongs to one run; a reset or a second run gets none (design §6). */
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
  return inTransaction(dependencies.database, async (transaction) => {
    const transfer = await lockTransfer(transaction, input.transferId);
    if (isTerminal(transfer.status)) {
      return { next: 'rest', view: viewOf(transfer) };
    }
    if (transfer.status === 'processing') {
      return transfer.claimRunId === input.runId
        ? heldClaim(transfer, input)
        : { next: 'reconcile', view: viewOf(transfer) };
    }
    return transfer.status === 'unknown'
      ? claimUnknown(transaction, transfer, input)
      : claimUnsent(dependencies, transaction, transfer, input);
  });
}

function heldClaim(transfer: PayoutTransfer, { runId }: ClaimTransferInput): ClaimAnswer {
  const { id: transferId, generation, claimNumber } = transfer;
  return {
    next: 'send',
    claim: { transferId, generation, claimNumber, runId },
    view: viewOf(transfer),
  };
}

/**
 * The same key again, while it is young and Stripe's answer can still differ; otherwise the list has to tell. What
 * reconciliation has stopped for a person stays stopped: another send would hide what it found, or pay again.
 */
async function claimUnknown(
  executor: Executor,
  transfer: PayoutTransfer,
  input: ClaimTransferInput,
): Promise<ClaimAnswer> {
  const open = await findOpenGeneration(executor, transfer.id);
  const sends = knownSends(await findAttempts(executor, transfer.id), open?.generation);
  if (
    open !== undefined &&
    sends.length > 0 &&
    !isAlarm(transfer.failureReason) &&
    answerCanDiffer(sends) &&
    (await isKeySendable(executor, open)) &&
    (await closedOperatorGate(executor, transfer)) === undefined
  ) {
    return claimFor(executor, transfer, open, input);
  }
  return { next: 'reconcile', view: viewOf(transfer) };
}

async function claimUnsent(
  dependencies: ActivityDependencies,
  executor: Executor,
  transfer: PayoutTransfer,
  input: ClaimTransferInput,
): Promise<ClaimAnswer> {
  if (transfer.status === 'blocked' && transfer.failureReason === 'platform_risk_control') {
    // Stripe may be holding the payment for its own decision; another key could become another payment.
    return { next: 'rest', view: viewOf(transfer) };
  }
  const closedGate = await closedOperatorGate(executor, transfer);
  if (closedGate !== undefined) {
    return rest(dependencies, executor, transfer, closedGate);
  }
  const account = await findUserStripeAccount(executor, transfer.userId);
  if (account === undefined) {
    return rest(dependencies, executor, transfer, 'payee_account_missing');
  }
  // A missing account that has come meanwhile is worth a send, however late it is.
  const accountHasCome = transfer.failureReason === 'payee_account_missing';
  if (!accountHasCome && (await payeeWaitIsOver(dependencies, executor, transfer))) {
    return endPayeeWait(executor, transfer);
  }
  const claimable =
    transfer.status === 'blocked' ? await markPending(executor, transfer) : transfer;
  const generation = await generationToSend(dependencies, executor, claimable, account);
  return claimFor(executor, claimable, generation, input);
}

async function rest(
  dependencies: ActivityDependencies,
  executor: Executor,
  transfer: PayoutTransfer,
  obstacle: ReasonCode,
): Promise<ClaimAnswer> {
  // Under a pause nobody looks at accounts, so nobody's wait for one ends.
  const waitsForPayee = obstacle === 'payee_account_missing';
  if (waitsForPayee && (await payeeWaitIsOver(dependencies, executor, transfer))) {
    return endPayeeWait(executor, transfer);
  }
  if (transfer.status === 'blocked' && transfer.failureReason === obstacle) {
    return { next: 'rest', view: viewOf(transfer) };
  }
  const waiting = transfer.status === 'blocked' ? await markPending(executor, transfer) : transfer;
  return {
    next: 'rest',
    view: viewOf(await markBlocked(executor, waiting, obstacle)),
  };
}

/** By Postgres's clock, whatever timer woke the workflow. */
async function payeeWaitIsOver(
  dependencies: ActivityDependencies,
  executor: Executor,
  transfer: PayoutTransfer,
): Promise<boolean> {
  return (
    transfer.status === 'blocked' &&
    transfer.failureClass === 'payee' &&
    (await hasWaitedForPayee(executor, transfer.id, dependencies.payeeWaitMs))
  );
}

async function endPayeeWait(executor: Executor, transfer: PayoutTransfer): Promise<ClaimAnswer> {
  const ended = await markFailedTerminal(executor, transfer, 'payee_wait_over');
  return { next: 'rest', view: viewOf(ended) };
}

/**
 * The open generation while it may be sent as it is, else the next one, frozen with the payee's account of this
 * moment. A generation is given up only when nothing under its key is unresolved; Postgres refuses it otherwise.
 */
async function generationToSend(
  dependencies: ActivityDependencies,
  executor: Executor,
  transfer: PayoutTransfer,
  account: UserStripeAccount,
): Promise<PayoutGeneration> {
  const open = await findOpenGeneration(executor, transfer.id);
  if (open !== undefined) {
    const sendable = await isKeySendable(executor, open);
    if (sendable && open.destination === account.stripeAccountId) {
      return open;
    }
    await closeGeneration(executor, open, sendable ? 'payee_account_replaced' : 'key_too_old');
  }
  const { platform } = dependencies;
  return openGeneration(executor, {
    transferId: transfer.id,
    generation: transfer.generation + 1,
    request: freezeRequest({
      installationId: platform.installationId,
      transferId: transfer.id,
      settlementId: transfer.settlementId,
      contestId: transfer.contestId,
      userId: transfer.userId,
      amountMinor: transfer.amountMinor,
      currency: transfer.currency,
      destination: account.stripeAccountId,
    }),
    stripeAccountId: platform.stripeAccountId,
    livemode: platform.livemode,
  });
}

async function claimFor(
  executor: Executor,
  transfer: PayoutTransfer,
  generation: PayoutGeneration,
  input: ClaimTransferInput,
): Promise<ClaimAnswer> {
  const claimed = await markProcessing(executor, transfer, {
    runId: input.runId,
    generation: generation.generation,
  });
  return heldClaim(claimed, input);
}

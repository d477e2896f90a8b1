import {
  decideCancel,
  decideRestore,
  decideVoid,
  type CancellationFacts,
  type CancellationRefusal,
} from '../domain/manual-cancellation';
import { voidLedgerKey } from '../domain/ids';
import { voidPosting } from '../domain/ledger';
import { inTransaction, type Database, type Executor } from '../db/database';
import { postLedger } from '../db/ledger';
import { reopenJob, wantStripeList } from '../db/payout-jobs';
import type { PayoutTransfer } from '../db/payout-transfers';
import {
  lockTransfer,
  markCancelRequested,
  markCancelWithdrawn,
  markRestored,
  markVoided,
} from '../db/transfer-moves';
import { askAtOnce } from '../db/user-stripe-accounts';
import type { ActivityDependencies } from './dependencies';
import { cancelUnpaid } from './honour-cancel-request';
import { readSeenFacts, recordOrder, type OperatorOrder } from './operator-order';

export type CancelAnswer = 'cancelled' | 'requested' | 'unchanged' | CancellationRefusal;
export type RestoreAnswer = 'restored' | CancellationRefusal;
export type VoidAnswer = 'voided' | 'unchanged' | CancellationRefusal;

/**
 * Cancels a transfer that is proven unpaid, for an operator, in one transaction; where a payment may be on its way it
 * asks for that, and it takes effect with the proof. Either way nothing is sent after it: `beginSend` takes the same
 * row's lock, so that a send stands in the table before this or never begins. The run has to be told after it.
 *
 * Safe to repeat: the second time it is cancelled, or asked for, already.
 */
export async function cancelTransfer(
  database: Database,
  order: OperatorOrder,
): Promise<CancelAnswer> {
  return inTransaction(database, async (executor) => {
    const transfer = await lockTransfer(executor, order.transferId);
    const decision = decideCancel(await readFacts(executor, transfer), order);
    if (decision === 'cancel') {
      await cancelUnpaid(executor, transfer);
      await recordOrder(executor, transfer, order, 'cancel');
      return 'cancelled';
    }
    if (decision === 'request') {
      await markCancelRequested(executor, transfer);
      await recordOrder(executor, transfer, order, 'request_cancel');
      return 'requested';
    }
    return decision;
  });
}

/**
 * Gives a cancelled transfer back to be sent, with a new allowance of attempts, or withdraws a request that has not
 * taken effect. Stripe's list is read before anything is sent anew: whoever asks for another try makes the job read it.
 *
 * Safe to repeat: the second time it is not cancelled any more.
 */
export async function restoreTransfer(
  { database, maxAttempts }: Pick<ActivityDependencies, 'database' | 'maxAttempts'>,
  order: OperatorOrder,
): Promise<RestoreAnswer> {
  return inTransaction(database, async (executor) => {
    const transfer = await lockTransfer(executor, order.transferId);
    const decision = decideRestore(await readFacts(executor, transfer), order);
    if (decision === 'restore') {
      await markRestored(executor, transfer, maxAttempts);
      await askAtOnce(executor, transfer.userId);
      await reopenJob(executor, transfer.payoutJobId);
      await wantStripeList(executor, transfer.payoutJobId);
    } else if (decision === 'withdraw') {
      await markCancelWithdrawn(executor, transfer);
    } else {
      return decision;
    }
    await recordOrder(executor, transfer, order, 'restore');
    return 'restored';
  });
}

/**
 * Ends the debt of a cancelled transfer for ever: state and posting in one transaction (M8). Nobody has to be told; the
 * run is closed already.
 *
 * Safe to repeat: the second time it is voided already, and the posting has a key of its own.
 */
export async function voidTransfer(database: Database, order: OperatorOrder): Promise<VoidAnswer> {
  return inTransaction(database, async (executor) => {
    const transfer = await lockTransfer(executor, order.transferId);
    const decision = decideVoid(await readFacts(executor, transfer), order);
    if (decision !== 'void') {
      return decision;
    }
    await postLedger(executor, {
      idempotencyKey: voidLedgerKey(transfer.id),
      kind: 'void',
      settlementId: transfer.settlementId,
      transferId: transfer.id,
      entries: voidPosting(transfer.amountMinor, transfer.currency),
    });
    await markVoided(executor, transfer);
    await recordOrder(executor, transfer, order, 'void');
    return 'voided';
  });
}

async function readFacts(executor: Executor, transfer: PayoutTransfer): Promise<CancellationFacts> {
  return {
    ...(await readSeenFacts(executor, transfer)),
    isCancelRequested: transfer.cancelRequestedAt !== null,
  };
}

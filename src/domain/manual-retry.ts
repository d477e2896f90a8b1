import { isPayeeNotReady } from './claim-rules';
import { isAsSeen, type SeenFacts, type SeenTransfer } from './seen-transfer';
import type { TransferStatus } from './transfer-state';

/** Why a transfer is not retried. */
export type RetryRefusal =
  | 'already_paid'
  | 'outcome_unknown'
  | 'paused'
  | 'being_sent'
  | 'waits_for_its_turn'
  | 'payee_account_missing'
  | 'cancelled'
  | 'cancel_requested'
  | 'moved_since';

export const RETRY_REFUSAL_TEXTS: Readonly<Record<RetryRefusal, string>> = {
  already_paid: 'it is paid',
  outcome_unknown: 'whether it was paid is not known yet; see payouts resolve',
  paused: 'sending is paused; resume first',
  being_sent: 'it is being sent at this moment',
  waits_for_its_turn: 'it waits for its turn already; its run was told again',
  payee_account_missing: 'the winner has no account; import it and the payment goes on by itself',
  cancelled: 'it is cancelled or voided; see payouts restore',
  cancel_requested: 'an operator wants it cancelled; payouts restore withdraws that',
  moved_since: 'it has moved since it was looked at; look again',
};

/** A transfer as the retry finds it, under the row's lock. */
export interface RetryFacts extends SeenFacts {
  /** A send of any generation whose outcome nobody knows. */
  readonly hasUnresolvedSend: boolean;
  /** It would never be sent. */
  readonly isCancelRequested: boolean;
  readonly isPaused: boolean;
  readonly hasAccount: boolean;
}

/** Why a transfer that is seen in this state is not retried, as far as the state alone tells. */
export function retryRefusalOfStatus(status: TransferStatus): RetryRefusal | undefined {
  switch (status) {
    case 'completed':
      return 'already_paid';
    case 'unknown':
      return 'outcome_unknown';
    case 'cancelled':
    case 'voided':
      return 'cancelled';
    case 'pending':
    case 'retryable':
    case 'processing':
    case 'blocked':
    case 'failed_terminal':
      return undefined;
  }
}

/**
 * Why this transfer may not be retried; undefined when it may: it is proven unpaid, and it is still what the operator
 * saw, so that a double click retries once.
 */
export function retryRefusal(facts: RetryFacts, seen: SeenTransfer): RetryRefusal | undefined {
  const { failureReason, status } = facts;
  const ended = retryRefusalOfStatus(status);
  if (ended !== undefined) {
    return ended;
  }
  if (facts.hasUnresolvedSend && status !== 'processing') {
    return 'outcome_unknown';
  }
  if (!isAsSeen(facts, seen)) {
    return 'moved_since';
  }
  if (facts.isCancelRequested) {
    return 'cancel_requested';
  }
  if (status === 'processing') {
    return 'being_sent';
  }
  if (status === 'pending' || failureReason === 'transient_retried_by_operator') {
    return 'waits_for_its_turn';
  }
  if (!facts.hasAccount && (status !== 'failed_terminal' || isPayeeNotReady(failureReason))) {
    return 'payee_account_missing';
  }
  return facts.isPaused ? 'paused' : undefined;
}

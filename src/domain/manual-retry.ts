import { isPayeeNotReady } from './claim-rules';
import type { ReasonCode } from './reasons';
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
  | 'moved_since';

export const RETRY_REFUSAL_TEXTS: Readonly<Record<RetryRefusal, string>> = {
  already_paid: 'it is paid',
  outcome_unknown: 'whether it was paid is not known yet; see payouts resolve',
  paused: 'sending is paused; resume first',
  being_sent: 'it is being sent at this moment',
  waits_for_its_turn: 'it has not been tried yet and goes on by itself',
  payee_account_missing: 'the winner has no account; import it and the payment goes on by itself',
  cancelled: 'it is cancelled or voided',
  moved_since: 'it has moved since it was looked at; look again',
};

/** A transfer as the retry finds it, under the row's lock. */
export interface RetryFacts {
  readonly status: TransferStatus;
  readonly attemptCount: number;
  readonly failureReason: ReasonCode | null;
  /** A send of any generation whose outcome nobody knows. */
  readonly hasUnresolvedSend: boolean;
  readonly isPaused: boolean;
  readonly hasAccount: boolean;
}

/** What the operator had before the eyes. */
export interface SeenTransfer {
  readonly seenStatus: TransferStatus;
  readonly seenAttemptCount: number;
  readonly seenReason: ReasonCode | null;
}

/**
 * Why this transfer may not be retried; undefined when it may: it is proven unpaid, and it is still what the operator
 * saw, so that a double click retries once.
 */
export function retryRefusal(facts: RetryFacts, seen: SeenTransfer): RetryRefusal | undefined {
  const { failureReason, status } = facts;
  if (status === 'completed') {
    return 'already_paid';
  }
  if (status === 'unknown' || (facts.hasUnresolvedSend && status !== 'processing')) {
    return 'outcome_unknown';
  }
  if (status === 'cancelled' || status === 'voided') {
    return 'cancelled';
  }
  const isAsSeen =
    status === seen.seenStatus &&
    facts.attemptCount === seen.seenAttemptCount &&
    failureReason === seen.seenReason;
  if (!isAsSeen) {
    return 'moved_since';
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

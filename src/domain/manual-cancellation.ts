import { isHeldByRiskControl } from './claim-rules';
import { isAsSeen, type SeenFacts, type SeenTransfer } from './seen-transfer';
import type { TransferStatus } from './transfer-state';

/** A transfer as cancelling, restoring and voiding find it, under the row's lock. */
export interface CancellationFacts extends SeenFacts {
  /** An operator wants it cancelled; also true of what is cancelled already. */
  readonly isCancelRequested: boolean;
  /** A send of any generation whose outcome nobody knows. */
  readonly hasUnresolvedSend: boolean;
}

/** Why an order to cancel, restore or void a transfer is not carried out. */
export type CancellationRefusal =
  | 'already_paid'
  | 'already_voided'
  | 'outcome_unknown'
  | 'risk_control_undecided'
  | 'not_cancelled'
  | 'cancel_not_in_effect'
  | 'moved_since';

export const CANCELLATION_REFUSAL_TEXTS: Readonly<Record<CancellationRefusal, string>> = {
  already_paid: 'it is paid: to take the money back, reverse it instead',
  already_voided: 'its debt is voided, which is final',
  outcome_unknown: 'whether it was paid is not known yet; see payouts resolve',
  risk_control_undecided:
    'Stripe’s risk controls stopped it and may still let it through; look at it in the Dashboard, and when it is refused ' +
    'there for good, payouts retry frees it to be cancelled',
  not_cancelled: 'it is not cancelled',
  cancel_not_in_effect:
    'cancelling it is requested and takes effect when its outcome is known; then it can be voided',
  moved_since: 'it has moved since it was looked at; look again',
};

/** `unchanged`: what is ordered is so already, whatever the operator saw. */
export type CancelDecision = 'cancel' | 'request' | 'unchanged' | CancellationRefusal;
export type RestoreDecision = 'restore' | 'withdraw' | CancellationRefusal;
export type VoidDecision = 'void' | 'unchanged' | CancellationRefusal;

/**
 * What an order to cancel does: at once where every send is proven to have paid nothing; a request where a payment may
 * be on its way, since nothing takes a POST back (M5).
 */
export function decideCancel(facts: CancellationFacts, seen: SeenTransfer): CancelDecision {
  const { isCancelRequested, status } = facts;
  if (status === 'completed') {
    return 'already_paid';
  }
  if (status === 'voided') {
    return 'already_voided';
  }
  if (status === 'cancelled' || (isCancelRequested && isBeingResolved(status))) {
    return 'unchanged';
  }
  if (!isAsSeen(facts, seen)) {
    return 'moved_since';
  }
  if (isBeingResolved(status)) {
    return 'request';
  }
  if (isHeldByRiskControl(facts)) {
    return 'risk_control_undecided';
  }
  return facts.hasUnresolvedSend ? 'outcome_unknown' : 'cancel';
}

/** What an order to restore does: a cancelled transfer is owed and sent again, a request without effect is withdrawn. */
export function decideRestore(facts: CancellationFacts, seen: SeenTransfer): RestoreDecision {
  const { isCancelRequested, status } = facts;
  if (status === 'completed') {
    return 'already_paid';
  }
  if (status === 'voided') {
    return 'already_voided';
  }
  const restores = status !== 'cancelled' && isCancelRequested ? 'withdraw' : 'restore';
  if (restores === 'restore' && status !== 'cancelled') {
    return 'not_cancelled';
  }
  return isAsSeen(facts, seen) ? restores : 'moved_since';
}

/** What an order to void does: the debt of a cancelled transfer ends for ever. */
export function decideVoid(facts: CancellationFacts, seen: SeenTransfer): VoidDecision {
  const { isCancelRequested, status } = facts;
  if (status === 'completed') {
    return 'already_paid';
  }
  if (status === 'voided') {
    return 'unchanged';
  }
  if (status !== 'cancelled') {
    return isCancelRequested ? 'cancel_not_in_effect' : 'not_cancelled';
  }
  return isAsSeen(facts, seen) ? 'void' : 'moved_since';
}

/** A payment may be on its way, or may have been made. */
function isBeingResolved(status: TransferStatus): boolean {
  return status === 'processing' || status === 'unknown';
}

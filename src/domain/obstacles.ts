import { isAccountConfirmed, type Approval } from './approval';
import type { ReasonCode } from './reasons';
import { isToBePaid, type TransferStatus } from './transfer-state';

/** One payment and the account it goes to, as a person looks at it before it is sent. */
export interface PlannedPayment {
  readonly status: TransferStatus;
  readonly approval: Approval;
  readonly approvedAccountVersion: number | null;
  readonly isCancelRequested: boolean;
  readonly failureReason: ReasonCode | null;
  readonly account: { readonly version: number; readonly isNotReady: boolean } | undefined;
  readonly isHeld: boolean;
}

/** Reasons of a gate, which says for itself whether it is still shut. */
const OF_GATES: ReadonlySet<ReasonCode> = new Set<ReasonCode>([
  'platform_approval_missing',
  'platform_on_hold',
  'platform_account_unconfirmed',
  'platform_paused',
]);

/** What stands between a payment and its being sent, as reason codes; none of somebody who is paid or given up. */
export function obstaclesOf(payment: PlannedPayment): ReasonCode[] {
  const { account, failureReason, status } = payment;
  if (!isToBePaid(status)) {
    return [];
  }
  const obstacles: (ReasonCode | false)[] = [
    payment.isCancelRequested && 'platform_cancel_requested',
    payment.approval === 'required' && 'platform_approval_missing',
    payment.isHeld && 'platform_on_hold',
    account === undefined && 'payee_account_missing',
    account?.isNotReady === true && 'payee_capability_inactive',
    !isAccountConfirmed(payment, account) && 'platform_account_unconfirmed',
    failureReason !== null && isOfItsOwn(payment) && failureReason,
  ];
  return [...new Set(obstacles.filter((obstacle) => obstacle !== false))];
}

/** A missing account that has come since is no obstacle any more, nor is a gate that has opened. */
function isOfItsOwn({ account, failureReason }: PlannedPayment): boolean {
  const hasCome = failureReason === 'payee_account_missing' && account !== undefined;
  return failureReason !== null && !OF_GATES.has(failureReason) && !hasCome;
}

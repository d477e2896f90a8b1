import { acceptTransfer } from '../activities/accept-transfer';
import { resolvePaid } from '../activities/resolve-paid';
import { resolveReversal } from '../activities/resolve-reversal';
import { resolveUnpaid } from '../activities/resolve-unpaid';
import { RESOLVE_REFUSAL_TEXTS, type ResolveRefusal } from '../domain/manual-resolution';
import type { Operator } from '../domain/operator-reason';
import type { TransferStatus } from '../domain/transfer-state';
import type { PayoutTransfer } from '../db/payout-transfers';

/** Stripe, under the key that this installation pays with, and where the answer is recorded. */
export type ResolveDependencies = Parameters<typeof resolvePaid>[0];

/** What the id of a Stripe transfer looks like where a person types it. */
export const STRIPE_TRANSFER_PATTERN = /^tr_[A-Za-z0-9_]{1,100}$/;

/** The same of a Stripe reversal. */
export const STRIPE_REVERSAL_PATTERN = /^trr_[A-Za-z0-9_]{1,100}$/;

export interface ResolveReport {
  readonly id: string;
  readonly status: TransferStatus;
  /** The Stripe transfer that is let be beside it. */
  readonly accepted?: string;
  /** The order to take it back that has ended, and what came of it. */
  readonly reversal?: SettledReversal;
  /** Where it was refused: a code, and what it means. */
  readonly refused?: ResolveRefusal;
  readonly why?: string;
  readonly warning?: string;
}

export interface SettledReversal {
  readonly id: string;
  readonly stripeReversalId: string;
  readonly orderedMinor: number;
  readonly cameBackMinor: number;
  readonly currency: string;
}

const MAY_STILL_BE_PAID =
  'the last send is younger than 24 hours: if Stripe completes it later, that is a second payment';

/**
 * Records that this Stripe transfer paid the unknown payment, once Stripe agrees.
 * @throws StripeUnreachableError, StripeRefusedError when Stripe could not be asked; nothing was changed
 */
export async function statePaid(
  dependencies: ResolveDependencies,
  seen: PayoutTransfer,
  order: Operator & { readonly stripeTransferId: string },
): Promise<ResolveReport> {
  const answer = await resolvePaid(dependencies, seen, order);
  return answer === 'completed'
    ? { id: seen.id, status: 'completed' }
    : { id: seen.id, status: seen.status, refused: answer, why: RESOLVE_REFUSAL_TEXTS[answer] };
}

/**
 * Records that this Stripe transfer is let be beside a debt that is paid or voided, once Stripe agrees.
 * @throws StripeUnreachableError, StripeRefusedError when Stripe could not be asked; nothing was changed
 */
export async function stateAccepted(
  dependencies: ResolveDependencies,
  seen: PayoutTransfer,
  order: Operator & { readonly stripeTransferId: string },
): Promise<ResolveReport> {
  const answer = await acceptTransfer(dependencies, seen, order);
  return answer === 'accepted'
    ? { id: seen.id, status: seen.status, accepted: order.stripeTransferId }
    : { id: seen.id, status: seen.status, refused: answer, why: RESOLVE_REFUSAL_TEXTS[answer] };
}

/**
 * Records that this Stripe reversal is what came of the order to take a payment back, once Stripe agrees.
 * @throws StripeUnreachableError, StripeRefusedError when Stripe could not be asked
 */
export async function stateReversal(
  dependencies: ResolveDependencies,
  { id, status }: PayoutTransfer,
  order: Operator & { readonly stripeReversalId: string },
): Promise<ResolveReport> {
  const answer = await resolveReversal(dependencies, { id }, order);
  if (answer.is === 'refused') {
    return { id, status, refused: answer.why, why: RESOLVE_REFUSAL_TEXTS[answer.why] };
  }
  const { amountMinor, cameBackMinor, currency, id: reversalId } = answer.reversal;
  return {
    id,
    status,
    reversal: {
      id: reversalId,
      stripeReversalId: order.stripeReversalId,
      orderedMinor: amountMinor,
      cameBackMinor: cameBackMinor ?? amountMinor,
      currency,
    },
  };
}

/**
 * Records that the unknown payment was not made, once Stripe’s list agrees.
 * @throws StripeUnreachableError, StripeRefusedError when Stripe could not be asked; nothing was changed
 */
export async function stateUnpaid(
  dependencies: ResolveDependencies,
  seen: PayoutTransfer,
  operator: Operator,
): Promise<ResolveReport> {
  const { id } = seen;
  const answer = await resolveUnpaid(dependencies, seen, operator);
  if (answer.is === 'refused') {
    const { stripeTransferId, why: refused } = answer;
    const which = stripeTransferId === undefined ? '' : `: ${stripeTransferId}`;
    const why = `${RESOLVE_REFUSAL_TEXTS[refused]}${which}`;
    return { id, status: seen.status, refused, why };
  }
  return {
    id,
    status: answer.is,
    ...(answer.mayStillBePaid && { warning: MAY_STILL_BE_PAID }),
  };
}

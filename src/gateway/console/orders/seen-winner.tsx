import { z } from 'zod';

import { isAsSeen } from '../../../domain/seen-transfer';
import { TRANSFER_STATUSES } from '../../../domain/transfer-state';
import type { PayoutTransfer } from '../../../db/payout-transfers';
import { Amount, Foreign, Reason, State } from '../pages/parts';
import { REASON_CODES } from '../pages/winner-list';
import { invalidForm } from '../read-form';
import type { OrderPreview } from './console-order';

const seenSchema = z.tuple([
  z.enum(TRANSFER_STATUSES),
  z.int().min(0),
  z.enum(REASON_CODES).nullable(),
  z.int(),
]);

/** What was seen of a winner, for a hidden field: state, attempts, reason and when the row had changed last. */
function seenText({ attemptCount, failureReason, status, updatedAt }: PayoutTransfer): string {
  return JSON.stringify([status, attemptCount, failureReason, updatedAt.getTime()]);
}

/**
 * The winner as the page showed it, whatever it is now; what carries an order out compares the two.
 * @throws ApiError 400 where the field is not one of ours
 */
export function asSeen(now: PayoutTransfer, seen: string): PayoutTransfer {
  const result = seenSchema.safeParse(parsed(seen));
  if (!result.success) {
    throw invalidForm();
  }
  const [status, attemptCount, failureReason, updatedAtMs] = result.data;
  return { ...now, status, attemptCount, failureReason, updatedAt: new Date(updatedAtMs) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether a winner is still what the page showed. */
export function isStillSeen(now: PayoutTransfer, seen: PayoutTransfer): boolean {
  return isAsSeen(
    { ...now, updatedAtMs: now.updatedAt.getTime() },
    {
      seenStatus: seen.status,
      seenAttemptCount: seen.attemptCount,
      seenReason: seen.failureReason,
      seenUpdatedAtMs: seen.updatedAt.getTime(),
    },
  );
}

/** Who it is, and how he stands. */
export function winnerFacts(transfer: PayoutTransfer): OrderPreview['facts'] {
  return [
    ['winner', <Foreign text={transfer.userId} />],
    ['settlement', <Foreign text={transfer.settlementId} />],
    ['amount', <Amount minor={transfer.amountMinor} currency={transfer.currency} />],
    ['state', <State status={transfer.status} />],
    ['why', <Reason code={transfer.failureReason} />],
    ['requests to Stripe so far', transfer.attemptCount.toString()],
  ];
}

export function winnerPreview(
  transfer: PayoutTransfer,
  more: OrderPreview['facts'] = [],
): OrderPreview {
  return { facts: [...winnerFacts(transfer), ...more], seen: seenText(transfer) };
}

import { and, eq, sql } from 'drizzle-orm';

import type { Operator } from '../domain/operator-reason';
import type { Executor } from './database';
import { recordOperatorAction } from './operator-actions';
import type { PayoutTransfer } from './payout-transfers';
import { operatorActions } from './schema';

const ACCEPTED = 'resolve_accepted';

/** Whether an operator has let this Stripe transfer be, which is beside a debt that is paid or voided. */
export async function isAccepted(
  executor: Executor,
  transferId: string,
  stripeTransferId: string,
): Promise<boolean> {
  const accepted = await executor
    .select({ id: operatorActions.id })
    .from(operatorActions)
    .where(
      and(
        eq(operatorActions.action, ACCEPTED),
        sql`${operatorActions.subject} ->> 'transferId' = ${transferId}`,
        sql`${operatorActions.subject} ->> 'stripeTransferId' = ${stripeTransferId}`,
      ),
    )
    .limit(1);
  return accepted.length > 0;
}

/** Says so, with what was seen, in the transaction that books it. */
export async function recordAccepted(
  executor: Executor,
  { id: transferId, settlementId, status }: PayoutTransfer,
  found: {
    readonly id: string;
    readonly amountMinor: number;
    readonly amountReversedMinor: number;
    readonly currency: string;
  },
  { actor, reason }: Operator,
): Promise<void> {
  const { amountMinor, amountReversedMinor, currency, id: stripeTransferId } = found;
  await recordOperatorAction(executor, {
    action: ACCEPTED,
    actor,
    reason,
    subject: {
      transferId,
      settlementId,
      status,
      stripeTransferId,
      amountMinor,
      amountReversedMinor,
      currency,
    },
  });
}

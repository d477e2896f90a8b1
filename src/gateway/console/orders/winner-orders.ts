import {
  cancelTransfers,
  restoreTransfers,
  tellGivenUp,
  voidTransfers,
} from '../../../client/cancellation';
import type { Ordering, RefusedOrder, SeenPages } from '../../../client/operator-orders';
import { retryTransfers } from '../../../client/retry';
import { isToBePaid } from '../../../domain/transfer-state';
import type { PayoutReversal } from '../../../db/payout-reversals';
import type { PayoutTransfer } from '../../../db/payout-transfers';
import type { UserStripeAccount } from '../../../db/user-stripe-accounts';
import type { ConsoleContext } from '../console-context';
import { done, refused, type ConsoleOrder, type GivenOrder } from './console-order';
import type { OrderResult } from './order-run';
import { asSeen, winnerPreview } from './seen-winner';
import { tellInTime, tellToGoOn } from './tell-in-time';

/** One winner, as the order finds him. */
export interface WinnerTarget {
  readonly transfer: PayoutTransfer;
  /** The winner's account of today. */
  readonly account: UserStripeAccount | undefined;
  /** The order to take the payment back that has not come to its end. */
  readonly openReversal: PayoutReversal | undefined;
}

type WinnerOrder = ConsoleOrder<WinnerTarget>;

/** The order is for what was seen: who moved since is refused and not looked at again. */
function orderingOf({ database }: ConsoleContext, { operator }: GivenOrder): Ordering {
  return { database, operator, looksMax: 1 };
}

function onlyThis({ transfer }: WinnerTarget, { seen }: GivenOrder): SeenPages {
  return [[asSeen(transfer, seen)]];
}

function refusalOf([first]: readonly RefusedOrder[]): OrderResult | undefined {
  return first === undefined ? undefined : refused(first.code, first.why);
}

const preview: WinnerOrder['preview'] = (_context, { transfer }) =>
  Promise.resolve(winnerPreview(transfer));

export const retryOrder: WinnerOrder = {
  name: 'retry',
  title: 'Retry',
  about:
    'Gives a winner who is proven unpaid another try and a new allowance of attempts. It is refused while it is not ' +
    'known whether he is paid.',
  isOffered: ({ transfer: { status } }) =>
    ['failed_terminal', 'blocked', 'retryable'].includes(status),
  preview,
  carryOut: async (context, target, given) => {
    const { maxAttempts } = context;
    const { report, toTell } = await retryTransfers(
      { ...orderingOf(context, given), maxAttempts },
      onlyThis(target, given),
    );
    const later = await tellToGoOn(context, given, toTell);
    const message =
      report.retried.length > 0
        ? 'Retried: the payment is tried again.'
        : 'It waits for its turn already; its run was told again.';
    return refusalOf(report.refused) ?? done(`${message}${later}`);
  },
};

export const cancelOrder: WinnerOrder = {
  name: 'cancel',
  title: 'Cancel',
  about:
    'Nothing more is sent to this winner; the debt stays owed until it is restored or voided. Where a payment may be on ' +
    'its way, it takes effect once that is proven unpaid, and a payment that was made stays made.',
  isOffered: ({ transfer: { cancelRequestedAt, status } }) =>
    cancelRequestedAt === null && isToBePaid(status),
  preview,
  carryOut: async (context, target, given) => {
    const { report } = await cancelTransfers(orderingOf(context, given), onlyThis(target, given));
    const refusal = refusalOf(report.refused);
    if (refusal !== undefined) {
      return refusal;
    }
    const { id, settlementId } = target.transfer;
    const later = await tellInTime(context, given, 1, (client) =>
      tellGivenUp(client, settlementId, [id]),
    );
    const message =
      report.cancelled.length > 0
        ? 'Cancelled: nothing is sent.'
        : report.requested.length > 0
          ? 'Nothing more is sent; it is cancelled once it is proven unpaid.'
          : 'It was so before.';
    return done(`${message}${later}`);
  },
};

export const restoreOrder: WinnerOrder = {
  name: 'restore',
  title: 'Restore',
  about:
    'A cancelled winner is owed and paid after all; a cancellation without effect is withdrawn.',
  isOffered: ({ transfer: { cancelRequestedAt, status } }) =>
    status === 'cancelled' || (cancelRequestedAt !== null && isToBePaid(status)),
  preview,
  carryOut: async (context, target, given) => {
    const { maxAttempts } = context;
    const { report, toTell } = await restoreTransfers(
      { ...orderingOf(context, given), maxAttempts },
      onlyThis(target, given),
    );
    const later = await tellToGoOn(context, given, toTell);
    return refusalOf(report.refused) ?? done(`Restored: the payment goes on.${later}`);
  },
};

export const voidOrder: WinnerOrder = {
  name: 'void',
  title: 'Void',
  about: 'Ends the debt to a cancelled winner for good: he is never paid for this award.',
  isOffered: ({ transfer: { status } }) => status === 'cancelled',
  preview,
  carryOut: async (context, target, given) => {
    const report = await voidTransfers(orderingOf(context, given), onlyThis(target, given));
    const message = report.voided.length > 0 ? 'Voided: the debt is ended.' : 'It was so before.';
    return refusalOf(report.refused) ?? done(message);
  },
};

import {
  CANCELLED,
  cancelTransfers,
  NOT_PAID,
  restoreTransfers,
  tellGivenUp,
  voidTransfers,
} from '../../../client/cancellation';
import { idsOf, type RefusedOrder } from '../../../client/operator-orders';
import { FAILED, retryTransfers } from '../../../client/retry';
import { countOf } from '../pages/parts';
import { done, MOVED_SINCE, type ConsoleOrder, type GivenOrder } from './console-order';
import type { OrderResult } from './order-run';
import { manyAsSeen, manyPreview, type SettlementTarget } from './many';
import { tellInTime, tellToGoOn } from './tell-in-time';

type SettlementOrder = ConsoleOrder<SettlementTarget>;

const always = () => true;

const STOPPED =
  ' The gateway was stopped on the way: whoever it had not reached is as before. Give the order again for them.';

/** What became of many: done where everybody was reached and nobody refused. */
function resultOf(
  { signal }: GivenOrder,
  text: string,
  refused: readonly RefusedOrder[],
): OrderResult {
  if (signal.aborted) {
    return { is: 'partly', message: `${text}${STOPPED}`, refused };
  }
  return refused.length === 0 ? done(text) : { is: 'partly', message: text, refused };
}

export const retryFailedOrder: SettlementOrder = {
  name: 'retry-failed',
  title: 'Retry all failed',
  about:
    'Gives every failed winner of the settlement another try. Those whose outcome is not known are listed and refused.',
  isOffered: always,
  preview: (context, target) =>
    manyPreview(context, target, FAILED, (status) =>
      status === 'unknown' ? 'refused, as nobody knows whether they are paid' : 'tried again',
    ),
  carryOut: async (context, target, given) => {
    const meant = await manyAsSeen(context, target, FAILED, given);
    if (meant === undefined) {
      return MOVED_SINCE;
    }
    const { maxAttempts } = context;
    const { report, toTell } = await retryTransfers(
      { ...meant.ordering, maxAttempts },
      meant.pages,
    );
    const later = await tellToGoOn(context, given, toTell);
    return resultOf(
      given,
      `${countOf(report.retried.length, 'winner')} retried.${later}`,
      report.refused,
    );
  },
};

export const cancelAllOrder: SettlementOrder = {
  name: 'cancel',
  title: 'Cancel all who are not paid',
  about:
    'Nothing more is sent to anybody of this settlement; what is paid stays paid. Where a payment may be on its way, it ' +
    'takes effect once that is proven unpaid.',
  isOffered: always,
  preview: (context, target) =>
    manyPreview(context, target, NOT_PAID, (status) =>
      status === 'processing' || status === 'unknown'
        ? 'cancelled once they are proven unpaid'
        : status === 'cancelled'
          ? 'are so already'
          : 'cancelled',
    ),
  carryOut: async (context, target, given) => {
    const meant = await manyAsSeen(context, target, NOT_PAID, given);
    if (meant === undefined) {
      return MOVED_SINCE;
    }
    const { report, toTell } = await cancelTransfers(meant.ordering, meant.pages);
    const later = await tellInTime(context, given, toTell.length, (client) =>
      tellGivenUp(client, target.job.settlementId, idsOf(toTell)),
    );
    const message =
      `${countOf(report.cancelled.length, 'winner')} cancelled, ` +
      `${report.requested.length.toString()} once proven unpaid, ${report.unchanged.length.toString()} were so before.`;
    return resultOf(given, `${message}${later}`, report.refused);
  },
};

export const restoreAllOrder: SettlementOrder = {
  name: 'restore',
  title: 'Restore all who are cancelled',
  about: 'Every cancelled winner of the settlement is owed and paid after all.',
  isOffered: always,
  preview: (context, target) =>
    manyPreview(context, target, CANCELLED, (status) =>
      status === 'voided' ? 'refused, as voiding is final' : 'restored',
    ),
  carryOut: async (context, target, given) => {
    const meant = await manyAsSeen(context, target, CANCELLED, given);
    if (meant === undefined) {
      return MOVED_SINCE;
    }
    const { maxAttempts } = context;
    const { report, toTell } = await restoreTransfers(
      { ...meant.ordering, maxAttempts },
      meant.pages,
    );
    const later = await tellToGoOn(context, given, toTell);
    return resultOf(
      given,
      `${countOf(report.restored.length, 'winner')} restored.${later}`,
      report.refused,
    );
  },
};

export const voidAllOrder: SettlementOrder = {
  name: 'void',
  title: 'Void all who are cancelled',
  about: 'Ends the debt to every cancelled winner of the settlement for good.',
  isOffered: always,
  preview: (context, target) =>
    manyPreview(context, target, CANCELLED, (status) =>
      status === 'cancelled'
        ? 'voided'
        : status === 'voided'
          ? 'are so already'
          : 'refused until the outcome is known',
    ),
  carryOut: async (context, target, given) => {
    const meant = await manyAsSeen(context, target, CANCELLED, given);
    if (meant === undefined) {
      return MOVED_SINCE;
    }
    const report = await voidTransfers(meant.ordering, meant.pages);
    const message = `${countOf(report.voided.length, 'winner')} voided, ${report.unchanged.length.toString()} were so before.`;
    return resultOf(given, message, report.refused);
  },
};

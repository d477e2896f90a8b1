import { z } from 'zod';

import { startOf } from '../../../activities/read-transfer-page';
import { noteRefusals } from '../../../client/refusals';
import {
  statePaid,
  stateUnpaid,
  STRIPE_TRANSFER_PATTERN,
  type ResolveReport,
} from '../../../client/resolve';
import { isReadFailure } from '../../../stripe/read-failures';
import type { ConsoleContext } from '../console-context';
import { done, MOVED_SINCE, refused, type ConsoleOrder, type GivenOrder } from './console-order';
import type { OrderResult } from './order-run';
import { asSeen, isStillSeen, winnerPreview } from './seen-winner';
import { tellToGoOn } from './tell-in-time';
import type { WinnerTarget } from './winner-orders';

const isUnknown = ({ transfer: { status } }: Pick<WinnerTarget, 'transfer'>) =>
  status === 'unknown';

export const resolvePaidOrder: ConsoleOrder<WinnerTarget> = {
  name: 'resolve-paid',
  title: 'Resolve as paid',
  about:
    'States that a Stripe transfer has paid this winner, whose outcome is not known. It is compared with Stripe in every ' +
    'point first, and refused where anything differs.',
  field: {
    label: 'Stripe transfer',
    hint: 'Its id as the Stripe Dashboard shows it, such as tr_1AbC',
    isNeeded: true,
    schema: z.string().regex(STRIPE_TRANSFER_PATTERN, 'an id such as tr_1AbC'),
  },
  isOffered: isUnknown,
  preview: (_context, { transfer }, { value }) =>
    Promise.resolve(winnerPreview(transfer, [['said to be paid by', value]])),
  carryOut: (context, target, given) =>
    resolve(context, target, given, () =>
      statePaid(context, target.transfer, { ...given.operator, stripeTransferId: given.value }),
    ),
};

export const resolveUnpaidOrder: ConsoleOrder<WinnerTarget> = {
  name: 'resolve-unpaid',
  title: 'Resolve as unpaid',
  about:
    'States that this winner, whose outcome is not known, was not paid. Stripe’s whole list of the settlement is read ' +
    'first, and it is refused where a payment stands there. The payment is then tried again with a new key.',
  isOffered: isUnknown,
  preview: (_context, { transfer }) => Promise.resolve(winnerPreview(transfer)),
  carryOut: (context, target, given) =>
    resolve(context, target, given, () => stateUnpaid(context, target.transfer, given.operator)),
};

async function resolve(
  context: ConsoleContext,
  { transfer }: WinnerTarget,
  given: GivenOrder,
  state: () => Promise<ResolveReport>,
): Promise<OrderResult> {
  const seen = asSeen(transfer, given.seen);
  if (isUnknown({ transfer }) && !isStillSeen(transfer, seen)) {
    return MOVED_SINCE;
  }
  const report = await ifStripeAnswers(state);
  if ('is' in report) {
    return report;
  }
  if (report.refused !== undefined) {
    await noteRefusals(context.database, [report.refused]);
    return refused(report.refused, report.why ?? report.refused);
  }
  const later = await tellToGoOn(context, given, [startOf(transfer)]);
  const warning = report.warning === undefined ? '' : ` Take care: ${report.warning}.`;
  return done(`Resolved: it is ${report.status}.${warning}${later}`);
}

/** What a person states is compared with Stripe; where it cannot be asked nothing is taken for true. */
export async function ifStripeAnswers(
  state: () => Promise<ResolveReport>,
): Promise<ResolveReport | OrderResult> {
  return state().catch((error: unknown) => {
    if (isReadFailure(error)) {
      return refused('stripe_not_asked', 'Stripe could not be asked; try again when it answers');
    }
    throw error;
  });
}

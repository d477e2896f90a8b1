import { z } from 'zod';

import { noteRefusals } from '../../../client/refusals';
import { stateReversal, STRIPE_REVERSAL_PATTERN } from '../../../client/resolve';
import { tellReversalEnded } from '../../../client/reverse';
import { formatAmount } from '../../../domain/money';
import { Amount } from '../pages/parts';
import { done, refused, type ConsoleOrder } from './console-order';
import { ifStripeAnswers } from './resolve-orders';
import { winnerFacts } from './seen-winner';
import { tellInTime } from './tell-in-time';
import type { WinnerTarget } from './winner-orders';

/** Another order than the one that was seen cannot be meant: the Stripe reversal names the one that it was made for. */
export const resolveReversalOrder: ConsoleOrder<WinnerTarget> = {
  name: 'resolve-reversal',
  title: 'Resolve a reversal',
  about:
    'States that a Stripe reversal is what came of an order to take this payment back, although it has another amount. ' +
    'It is looked up at Stripe first, and refused where it was not made for that order.',
  field: {
    label: 'Stripe reversal',
    hint: 'Its id as the Stripe Dashboard shows it, such as trr_1AbC',
    isNeeded: true,
    schema: z.string().regex(STRIPE_REVERSAL_PATTERN, 'an id such as trr_1AbC'),
  },
  isOffered: ({ openReversal }) => openReversal?.failureReason === 'unknown_other_reversal',
  preview: (_context, { openReversal, transfer }, { value }) =>
    Promise.resolve({
      seen: openReversal?.id ?? '',
      facts: [
        ...winnerFacts(transfer),
        ...(openReversal === undefined
          ? []
          : ([
              [
                'was to come back',
                <Amount minor={openReversal.amountMinor} currency={openReversal.currency} />,
              ],
            ] as const)),
        ['said to have come of it', value],
      ],
    }),
  carryOut: async (context, { transfer }, given) => {
    const stated = await ifStripeAnswers(() =>
      stateReversal(context, transfer, { ...given.operator, stripeReversalId: given.value }),
    );
    if ('is' in stated) {
      return stated;
    }
    const { reversal } = stated;
    if (reversal === undefined) {
      const code = stated.refused ?? 'not_resolved';
      await noteRefusals(context.database, [code]);
      return refused(code, stated.why ?? code);
    }
    const later = await tellInTime(context, given, 1, (client) =>
      tellReversalEnded(client, reversal.id),
    );
    const [back, ordered] = [reversal.cameBackMinor, reversal.orderedMinor].map((amount) =>
      formatAmount(amount, reversal.currency),
    );
    return done(`Resolved: ${back ?? ''} came back, ${ordered ?? ''} were ordered.${later}`);
  },
};

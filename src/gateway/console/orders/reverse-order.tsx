import { z } from 'zod';

import { orderReversal, startReversal } from '../../../client/reverse';
import { formatAmount } from '../../../domain/money';
import { Amount } from '../pages/parts';
import { invalidForm } from '../read-form';
import { done, refused, type ConsoleOrder } from './console-order';
import { winnerFacts } from './seen-winner';
import { tellInTime } from './tell-in-time';
import type { WinnerTarget } from './winner-orders';

const AMOUNT = /^\d{1,15}$/;

export const reverseOrder: ConsoleOrder<WinnerTarget> = {
  name: 'reverse',
  title: 'Reverse',
  about:
    'Takes a payment back from the winner’s Stripe account, in full or in part. The winner stays paid, with what came ' +
    'back beside it; paying again is a new award.',
  field: {
    label: 'Amount in minor units',
    hint: 'Such as 1050 for 10.50 USD; left empty, all that has not come back yet',
    isNeeded: false,
    schema: z.string().regex(/^(?:\d{1,15})?$/, 'a whole number of minor units, or nothing'),
  },
  isOffered: ({ openReversal, transfer }) =>
    openReversal === undefined &&
    transfer.status === 'completed' &&
    transfer.amountReversedMinor < transfer.amountMinor,
  preview: (_context, { transfer }, { value }) => {
    const { amountMinor, amountReversedMinor, currency } = transfer;
    const leftMinor = amountMinor - amountReversedMinor;
    const wantedMinor = value === '' ? leftMinor : Number(value);
    return Promise.resolve({
      seen: `${amountReversedMinor.toString()} ${wantedMinor.toString()}`,
      facts: [
        ...winnerFacts(transfer),
        ['has come back', <Amount minor={amountReversedMinor} currency={currency} />],
        ['is left', <Amount minor={leftMinor} currency={currency} />],
        ['is taken back now', <Amount minor={wantedMinor} currency={currency} />],
      ],
    });
  },
  carryOut: async (context, { transfer }, given) => {
    const [expected = '', wanted = ''] = given.seen.split(' ');
    if (!AMOUNT.test(expected) || !AMOUNT.test(wanted)) {
      throw invalidForm();
    }
    const answer = await orderReversal(
      { database: context.database, platform: context.platform, operator: given.operator },
      {
        transferId: transfer.id,
        settlementId: transfer.settlementId,
        amountMinor: Number(wanted),
        expectedReversedMinor: Number(expected),
      },
    );
    if (answer.is === 'refused') {
      return refused(answer.code, answer.text);
    }
    const { amountMinor, currency, id } = answer.reversal;
    const later = await tellInTime(context, given, 1, (client) => startReversal(client, id));
    return done(`Ordered: ${formatAmount(amountMinor, currency)} are taken back.${later}`);
  },
};

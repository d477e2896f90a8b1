import {
  approveSettlement,
  confirmAccount,
  tellApproved,
  tellConfirmed,
} from '../../../client/approval';
import { previewSettlement } from '../../../client/preview';
import { APPROVAL_HASH_PATTERN, isAccountConfirmed } from '../../../domain/approval';
import { isOwed } from '../../../domain/transfer-state';
import { findUserStripeAccount } from '../../../db/user-stripe-accounts';
import { Amount, countOf, Foreign, Time } from '../pages/parts';
import { done, MOVED_SINCE, refused, type ConsoleOrder } from './console-order';
import type { SettlementTarget } from './many';
import { winnerFacts } from './seen-winner';
import { tellInTime } from './tell-in-time';
import type { WinnerTarget } from './winner-orders';

export const approveOrder: ConsoleOrder<SettlementTarget> = {
  name: 'approve',
  title: 'Approve',
  about:
    'Lets the settlement be paid: these winners with these amounts and nothing else. Whoever recorded it cannot approve ' +
    'it. It is refused where a winner was cancelled or restored, or an account replaced, since this page was made.',
  // Also once it is approved: who is restored after that is not.
  isOffered: ({ job }) => job.approval !== 'not_required' && job.status !== 'complete',
  preview: async ({ database }, { job }) => {
    const page = { afterTransferId: null, transfersMax: 1 };
    const preview = await previewSettlement(database, job.settlementId, page);
    const { accountReplacements, counts, currency, hash, heldUntil, recordedBy } = preview;
    const { waitingForApprovalMinor } = preview;
    return {
      seen: `${hash} ${accountReplacements.toString()}`,
      facts: [
        ['settlement', <Foreign text={job.settlementId} />],
        ['contest', <Foreign text={job.contestId} />],
        ['recorded by', recordedBy === null ? '–' : <Foreign text={recordedBy} />],
        [
          'is approved',
          <>
            {countOf(counts.waitingForApproval, 'winner')},{' '}
            <Amount minor={waitingForApprovalMinor} currency={currency} />
          </>,
        ],
        ['accounts replaced', accountReplacements.toString()],
        ['not part of it', `${counts.givenUp.toString()} cancelled or voided`],
        ['held until', <Time at={heldUntil === null ? null : new Date(heldUntil)} />],
        ['hash of what is approved', <code>{hash}</code>],
      ],
    };
  },
  carryOut: async (context, { job: { settlementId } }, given) => {
    const { database } = context;
    const [hash = '', replaced = ''] = given.seen.split(' ');
    if (!APPROVAL_HASH_PATTERN.test(hash) || !/^\d{1,9}$/.test(replaced)) {
      return MOVED_SINCE;
    }
    const { operator } = given;
    const order = { settlementId, hash, accountReplacements: Number(replaced) };
    const answer = await approveSettlement({ database, operator }, order);
    if (answer.result === 'refused') {
      return refused(answer.code, answer.text);
    }
    const later = await tellInTime(context, given, answer.transfers, (client) =>
      tellApproved({ client, database }, settlementId),
    );
    return done(
      answer.result === 'unchanged'
        ? `It was approved before.${later}`
        : `Approved: ${countOf(answer.transfers, 'winner')}.${later}`,
    );
  },
};

export const confirmAccountOrder: ConsoleOrder<WinnerTarget> = {
  name: 'confirm-account',
  title: 'Confirm the account',
  about:
    'The winner’s account was replaced after the approval: it is paid to once a second person has confirmed it.',
  isOffered: ({ account, transfer }) =>
    isOwed(transfer.status) && !isAccountConfirmed(transfer, account),
  preview: async ({ database }, { transfer }) => {
    const account = await findUserStripeAccount(database, transfer.userId);
    return {
      seen: account?.stripeAccountId ?? '',
      facts: [
        ...winnerFacts(transfer),
        ['account that is confirmed', <code>{account?.stripeAccountId ?? 'none'}</code>],
      ],
    };
  },
  carryOut: async (context, { transfer: { id: transferId } }, given) => {
    const { database } = context;
    const { operator, seen: accountId } = given;
    const answer = await confirmAccount({ database, operator }, { transferId, accountId });
    if (answer.result === 'refused') {
      return refused(answer.code, answer.text);
    }
    const later = await tellInTime(context, given, 1, (client) =>
      tellConfirmed(client, transferId),
    );
    return done(
      answer.result === 'unchanged'
        ? `It was confirmed before.${later}`
        : `Confirmed: the payment goes to ${accountId}.${later}`,
    );
  },
};

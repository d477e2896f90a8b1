import { isHeldByRiskControl } from './claim-rules';
import { missingFundsText } from './funds';
import { formatAmount } from './money';
import { isAlarm } from './next-state';
import type { AttemptFacts, PauseFacts, TransferFacts } from './explanation-facts';
import { failureClassOf, REASONS } from './reasons';
import { isReversalEnded } from './reversal-state';
import { reversalReasonText, reversalWinnerText } from './reversal-texts';
import { shownText } from './shown-value';
import { STATE_TEXTS, textsOf } from './state-texts';
import { isTerminal } from './transfer-state';

/** One paragraph for the operator, and one that may be shown to the winner. */
export interface Explanation {
  readonly operator: string;
  readonly winner: string;
}

/** Longest text of a person's in a paragraph: reasons are at most this long. */
const FREE_TEXT_CHARACTERS = 500;

/**
 * Why a transfer stands as it does: what happened, what the system does next by itself and when, and what can be typed.
 * Pure; whatever people wrote is shown as text on one line.
 */
export function explainTransfer(facts: TransferFacts): Explanation {
  const operator = [
    whatIs(facts),
    whyText(facts),
    sendsText(facts),
    ...comeBackTexts(facts),
    ...gateTexts(facts),
    cancelText(facts),
    nextText(facts),
    toType(facts),
  ];
  return {
    operator: operator.filter((sentence) => sentence !== '').join(' '),
    winner: winnerText(facts),
  };
}

function whatIs(facts: TransferFacts): string {
  const { completedAt, status, stripeTransferId } = facts;
  const amount = formatAmount(facts.amountMinor, facts.currency);
  const payment =
    `The payment of ${amount} to user ${free(facts.userId)} ` +
    `(award ${free(facts.award)}, settlement ${free(facts.settlementId)})`;
  return status === 'completed' && stripeTransferId !== null
    ? `${payment} was made at ${completedAt ?? 'an unknown time'} as ${stripeTransferId}.`
    : `${payment} is ${status}; its row last changed at ${facts.changedAt}.`;
}

function whyText({ failureReason, status }: TransferFacts): string {
  if (failureReason !== null) {
    return `${failureReason}: ${REASONS[failureReason].operatorText}`;
  }
  return status === 'completed' ? '' : STATE_TEXTS[status].operatorText;
}

function sendsText(facts: TransferFacts): string {
  const { attemptCount, countedAttemptCount, lastAttempt, maxAttempts } = facts;
  if (lastAttempt === null) {
    return 'This database knows of no request to Stripe for it.';
  }
  const requests = attemptCount === 1 ? '1 request' : `${attemptCount.toString()} requests`;
  return (
    `${requests} went to Stripe, which used up ${countedAttemptCount.toString()} of ${maxAttempts.toString()} attempts; ` +
    `the last, at ${lastAttempt.sentAt}, ${endOf(lastAttempt)}.`
  );
}

const ENDS = {
  created: 'made the payment',
  not_created: 'was refused',
  unknown: 'proves nothing',
} as const;

function endOf({ httpStatus, outcome, reason, requestId }: AttemptFacts): string {
  if (outcome === null) {
    return 'has no answer';
  }
  const details = [
    reason,
    httpStatus === null ? null : `HTTP ${httpStatus.toString()}`,
    requestId === null ? null : `request ${free(requestId)}`,
  ].filter((detail) => detail !== null);
  return details.length === 0 ? ENDS[outcome] : `${ENDS[outcome]} (${details.join(', ')})`;
}

function comeBackTexts({ amountReversedMinor, currency, lastReversal }: TransferFacts): string[] {
  const back =
    amountReversedMinor === 0
      ? []
      : [`Of it, ${formatAmount(amountReversedMinor, currency)} has come back.`];
  if (lastReversal === null || lastReversal.status === 'completed') {
    return back;
  }
  const { amountMinor, failureReason, requestedBy, status } = lastReversal;
  const ordered = `${free(requestedBy)} has ordered ${formatAmount(amountMinor, currency)} of it back; that is ${status}.`;
  return failureReason === null
    ? [...back, ordered]
    : [...back, ordered, `${failureReason}: ${reversalReasonText(failureReason)}`];
}

/** What keeps the settlement from being sent, whatever this transfer's own reason is. */
function gateTexts(facts: TransferFacts): string[] {
  const { currency, gates, status } = facts;
  if (isTerminal(status)) {
    return [];
  }
  const { funds, heldUntil, pauses } = gates;
  return [
    ...pauses.map(pauseText),
    ...(isApprovalMissing(facts) ? ['It waits for the approval of a second person.'] : []),
    ...(heldUntil === null ? [] : [`The settlement is held until ${heldUntil}.`]),
    ...(funds === null ? [] : [missingFundsText(funds, currency)]),
  ];
}

function pauseText({ actor, cause, nextLookAt, owner, reason, scope, setAt }: PauseFacts): string {
  const what = scope === 'everything' ? 'Everything' : 'The settlement';
  const whose = actor === null ? '' : ` by ${free(actor)} (${free(reason ?? '')})`;
  const end =
    owner === 'automation' && nextLookAt !== null
      ? `automation looks at ${nextLookAt} whether the cause is gone`
      : 'only a person lifts it';
  return `${what} is paused since ${setAt} because of ${free(cause)}${whose}; ${end}.`;
}

function isApprovalMissing({ gates, isApprovalMissing: ofItsOwn }: TransferFacts): boolean {
  return ofItsOwn || gates.isApprovalMissing;
}

function cancelText({ cancelRequestedAt, status }: TransferFacts): string {
  if (cancelRequestedAt === null || status === 'voided') {
    return '';
  }
  if (status === 'cancelled') {
    return `An operator asked for that at ${cancelRequestedAt}.`;
  }
  return status === 'completed'
    ? `An operator wanted it cancelled at ${cancelRequestedAt}; it was paid all the same.`
    : `An operator wanted it cancelled at ${cancelRequestedAt}: nothing more is sent, and it is cancelled once it is proven unpaid.`;
}

/** What the system does by itself, and when. */
function nextText(facts: TransferFacts): string {
  switch (facts.status) {
    case 'completed':
      return hasOpenReversal(facts) && !isOtherReversal(facts)
        ? 'The reversal goes on by itself.'
        : 'Nothing more happens by itself.';
    case 'voided':
    case 'cancelled':
    case 'failed_terminal':
      return 'Nothing more happens by itself.';
    case 'pending':
      return isStopped(facts)
        ? 'Once nothing stops it any more, it goes out by itself.'
        : 'A worker takes it up by itself.';
    case 'processing':
      return 'The answer is recorded by itself; should its worker die, another run finds out at Stripe.';
    case 'retryable':
      return 'The next try comes by itself, at most an hour after the last.';
    case 'blocked':
      return nextOfBlocked(facts);
    case 'unknown':
      return nextOfUnknown(facts);
  }
}

function isStopped(facts: TransferFacts): boolean {
  return gateTexts(facts).length > 0;
}

function nextOfBlocked(facts: TransferFacts): string {
  const { accountAskedAt, failureReason, payeeWait } = facts;
  if (isHeldByRiskControl(facts)) {
    return 'Nothing more happens by itself, since Stripe may still let the payment through.';
  }
  if (failureReason === null || failureClassOf(failureReason) !== 'payee') {
    return 'Once the cause is gone, it goes on by itself; it is looked at hourly.';
  }
  const ask = accountAskedAt === null ? '' : `; Stripe is asked about it at ${accountAskedAt}`;
  const wait =
    payeeWait === null
      ? ''
      : ` The wait began at ${payeeWait.since} and ends at ${payeeWait.until}, as failed, where no pause comes between.`;
  return `Once the account is ready, it goes on by itself${ask}.${wait}`;
}

/** When it is looked up, and what has to be true before the debt may be sent under another key. */
function nextOfUnknown({ failureReason, lookup }: TransferFacts): string {
  if (isAlarm(failureReason)) {
    return 'Nothing more happens by itself: a person has to decide. Do not pay it by hand.';
  }
  const { anotherKeyFrom, lastSentAt, notSeenSince, sameKeyUntil } = lookup;
  const same =
    sameKeyUntil === null
      ? ''
      : ` Until ${sameKeyUntil} the same request may be sent again, which cannot pay twice.`;
  const after =
    anotherKeyFrom === null
      ? 'the second at least 24 hours after the first'
      : `the second after ${anotherKeyFrom}`;
  const first = notSeenSince === null ? 'none has yet' : `one did at ${notSeenSince}`;
  const since = lastSentAt === null ? '' : ` since ${lastSentAt}`;
  return (
    `Nobody knows${since} whether it was paid; Stripe’s list is read again by itself at least hourly.${same} ` +
    `It is sent under another key only when two looks ten minutes apart find nothing, ${after}; ${first}. Do not pay it by hand.`
  );
}

const WITH_REASON = '--reason "…"';

/** The commands that change something, with the ids filled in. */
function toType(facts: TransferFacts): string {
  const commands = [...pauseCommands(facts), ...approvalCommands(facts), ...ownCommands(facts)];
  return commands.length === 0 ? 'There is nothing to type.' : `To type: ${commands.join('; ')}.`;
}

function pauseCommands({ gates, settlementId, status }: TransferFacts): string[] {
  if (isTerminal(status)) {
    return [];
  }
  const scopes = new Set(gates.pauses.map(({ scope }) => scope));
  return [...scopes].map((scope) => {
    const named = scope === 'everything' ? '' : ` ${free(settlementId)}`;
    return `payouts resume${named} ${WITH_REASON} lifts the pause`;
  });
}

/** What a second person gives; the time alone ends a hold. */
function approvalCommands(facts: TransferFacts): string[] {
  const { failureReason, id, settlementId, status } = facts;
  if (isTerminal(status)) {
    return [];
  }
  const settlement = free(settlementId);
  return [
    ...(isApprovalMissing(facts)
      ? [
          `payouts preview ${settlement} shows what is to be approved`,
          `payouts approve ${settlement} --hash … ${WITH_REASON}, by somebody who has not recorded it`,
        ]
      : []),
    ...(failureReason === 'platform_account_unconfirmed'
      ? [
          `payouts confirm-account ${id} --account acct_… ${WITH_REASON}, by somebody who has not replaced it`,
        ]
      : []),
  ];
}

function ownCommands(facts: TransferFacts): string[] {
  const { cancelRequestedAt, failureReason, id, status } = facts;
  const retry = `payouts retry ${id} ${WITH_REASON}`;
  const restore = `payouts restore ${id} ${WITH_REASON}`;
  switch (status) {
    case 'completed':
      return reverseCommands(facts);
    case 'voided':
      return [];
    case 'cancelled':
      return [`${restore} pays it after all`, `payouts void ${id} ${WITH_REASON} ends the debt`];
    case 'failed_terminal':
      return [`${retry}, once the cause is mended`];
    case 'unknown':
      return [
        ...(cancelRequestedAt === null ? [] : [`${restore} withdraws the cancelling`]),
        `payouts resolve ${id} --paid tr_… ${WITH_REASON}, or with --unpaid, ` +
          (isAlarm(failureReason)
            ? 'after a look at Stripe'
            : 'only where it cannot wait and Stripe was looked at'),
      ];
    case 'blocked':
      if (isHeldByRiskControl(facts)) {
        return [`${retry}, once Stripe says that it is over and not paid`];
      }
      return failureReason === 'payee_account_missing'
        ? ['payouts accounts import FILE, with the account of this user']
        : [];
    case 'pending':
    case 'processing':
    case 'retryable':
      return cancelRequestedAt === null ? [] : [`${restore} withdraws the cancelling`];
  }
}

/** One reversal at a time, and only of what has not come back. */
function reverseCommands(facts: TransferFacts): string[] {
  const { id } = facts;
  if (hasOpenReversal(facts)) {
    return isOtherReversal(facts)
      ? [`payouts resolve ${id} --reversal trr_… ${WITH_REASON} lets it be what Stripe made of it`]
      : [];
  }
  return isAllBack(facts)
    ? []
    : [`payouts reverse ${id} ${WITH_REASON} takes it back, with --amount a part of it`];
}

function hasOpenReversal({ lastReversal }: TransferFacts): boolean {
  return lastReversal !== null && !isReversalEnded(lastReversal.status);
}

/** Stripe has made another one of it than was ordered, and only a person ends that. */
function isOtherReversal({ lastReversal }: TransferFacts): boolean {
  return lastReversal?.failureReason === 'unknown_other_reversal';
}

function isAllBack({ amountMinor, amountReversedMinor }: TransferFacts): boolean {
  return amountReversedMinor >= amountMinor;
}

function winnerText(facts: TransferFacts): string {
  const { amountReversedMinor, currency, payeeWait, status } = facts;
  const base = winnerBase(facts);
  if (status === 'completed' && amountReversedMinor > 0) {
    const back = formatAmount(amountReversedMinor, currency);
    return `${base} Of it, ${back} has been taken back since. Please contact us if you have questions about that.`;
  }
  return status === 'blocked' && payeeWait !== null && base === textsOf(facts).winnerText
    ? `${base} We keep the payment ready for you until ${payeeWait.until.slice(0, 10)}. After that day, please let us know when you are ready.`
    : base;
}

/** What is told to the winner never names who stopped a payment, or why. */
function winnerBase(facts: TransferFacts): string {
  const { cancelRequestedAt, gates, lastReversal, status } = facts;
  if (status === 'completed' && lastReversal?.status === 'refused' && !isAllBack(facts)) {
    return reversalWinnerText(lastReversal.failureReason ?? 'reversal_refused');
  }
  if (isTerminal(status)) {
    return textsOf(facts).winnerText;
  }
  if (cancelRequestedAt !== null) {
    return REASONS.platform_cancel_requested.winnerText;
  }
  if (status === 'pending' && (isApprovalMissing(facts) || gates.heldUntil !== null)) {
    return REASONS.platform_approval_missing.winnerText;
  }
  return status === 'pending' && isStopped(facts)
    ? REASONS.platform_paused.winnerText
    : textsOf(facts).winnerText;
}

function free(text: string): string {
  return shownText(text, FREE_TEXT_CHARACTERS);
}

import {
  CANCEL_REQUESTED,
  SEARCH_ATTRIBUTES,
  type PauseInForce,
  type PayoutProgress,
  type ReversalView,
  type SweepCounts,
  type TransferView,
} from '../domain/contracts';
import { approvalGateText } from '../domain/approval-texts';
import { missingFundsText } from '../domain/funds';
import { markdownTable } from '../domain/markdown-table';
import { formatAmount } from '../domain/money';
import { explanationOf } from '../domain/pause-causes';
import { reversalReasonText } from '../domain/reversal-texts';
import { isTerminal, TRANSFER_STATUSES } from '../domain/transfer-state';

export function transferAttributes(view: TransferView) {
  return [
    { key: SEARCH_ATTRIBUTES.state, value: shownState(view) },
    { key: SEARCH_ATTRIBUTES.failureClass, value: view.failureClass },
  ];
}

/** A request to cancel hides the state only while that is known to last: until the outcome is. */
function shownState({ isCancelRequested, status }: TransferView): string {
  const isWaiting = isCancelRequested === true && !isTerminal(status);
  return isWaiting ? CANCEL_REQUESTED : status;
}

export function jobAttributes(progress: PayoutProgress) {
  return [
    { key: SEARCH_ATTRIBUTES.state, value: progress.status },
    { key: SEARCH_ATTRIBUTES.failedCount, value: progress.counts.failed_terminal },
  ];
}

/** Amounts and codes only: details are readable by everybody who may see the Web UI (M12). */
export function transferDetails(view: TransferView, isAskedToCancel: boolean): string {
  const reason = view.failureReason === null ? '' : `\n\n${explained(view.failureReason)}`;
  const rows = [
    ['state', shownState(view)],
    ['amount', formatAmount(view.amountMinor, view.currency)],
    ['attempts', view.attemptCount.toString()],
    ['Stripe transfer', view.stripeTransferId ?? '—'],
  ];
  return `${markdownTable(['', ''], rows)}${reason}${cancelDetails(view, isAskedToCancel)}`;
}

/** What became of a wish to cancel, and what to type where one was put to the wrong place. */
function cancelDetails(
  { isCancelRequested, status, transferId }: TransferView,
  isAskedToCancel: boolean,
): string {
  if (status === 'cancelled') {
    return `\n\nCancelled by an operator; to send it after all: \`payouts restore ${transferId} --reason …\``;
  }
  if (isCancelRequested === true && !isTerminal(status)) {
    return '\n\nAn operator wants this cancelled: nothing more is sent, and it is cancelled once it is proven unpaid.';
  }
  if (isCancelRequested === true && status === 'completed') {
    return '\n\nAn operator wanted this cancelled; it was paid all the same.';
  }
  return isAskedToCancel && !isTerminal(status)
    ? `\n\nCancelling this workflow changes nothing: the payment stands in Postgres. To cancel that: \`payouts cancel ${transferId} --reason …\``
    : '';
}

export function jobDetails(progress: PayoutProgress, pause: PauseInForce | null): string {
  const rows = TRANSFER_STATUSES.filter((status) => progress.counts[status] > 0).map((status) => [
    status,
    progress.counts[status].toString(),
    formatAmount(progress.sumsMinor[status], progress.currency),
  ]);
  const causes = pause?.causes ?? [];
  return [
    `Job **${progress.status}**, ${progress.outcome}${missingText(progress)}${gateText(progress)}`,
    markdownTable(['transfers', 'count', 'sum'], rows),
    ...causes.map((cause) => `Paused: ${explained(cause)}`),
  ].join('\n\n');
}

function explained(code: string): string {
  const text = explanationOf(code);
  return text === undefined ? `**${code}**` : `**${code}** — ${text}`;
}

function missingText({ currency, missing }: PayoutProgress): string {
  return missing === undefined ? '' : `\n\n${missingFundsText(missing, currency)}`;
}

/** The run is started with its id alone; whose it is says its row. */
export function reversalAttributes(view: ReversalView) {
  return [
    { key: SEARCH_ATTRIBUTES.settlementId, value: view.settlementId },
    { key: SEARCH_ATTRIBUTES.contestId, value: view.contestId },
    { key: SEARCH_ATTRIBUTES.state, value: view.status },
    { key: SEARCH_ATTRIBUTES.failureClass, value: view.failureClass },
  ];
}

export function reversalDetails(view: ReversalView): string {
  const rows = [
    ['state', view.status],
    ['to come back', formatAmount(view.amountMinor, view.currency)],
    ['of transfer', view.transferId],
    ['Stripe transfer', view.stripeTransferId],
    ['attempts', view.attemptCount.toString()],
    ['Stripe reversal', view.stripeReversalId ?? '—'],
  ];
  const { failureReason } = view;
  const reason =
    failureReason === null ? '' : `\n\n**${failureReason}** — ${reversalReasonText(failureReason)}`;
  return `${markdownTable(['', ''], rows)}${reason}`;
}

/** What a job waits for before it begins, what to type, and until when. */
function gateText({ gate, settlementId }: PayoutProgress): string {
  return gate === undefined ? '' : `\n\n${approvalGateText(gate, settlementId)}`;
}

export function sweepAttributes(state: 'running' | 'succeeded' | 'failed', failedCount: number) {
  return [
    { key: SEARCH_ATTRIBUTES.state, value: state },
    { key: SEARCH_ATTRIBUTES.failedCount, value: failedCount },
  ];
}

export function sweepDetails(counts: SweepCounts): string {
  const rows = Object.entries(counts).map(([what, count]) => [what, count.toString()]);
  return markdownTable(['sweep', 'count'], rows);
}

import {
  defineSearchAttributeKey,
  SearchAttributeType,
  type SearchAttributePair,
} from '@temporalio/common';

import {
  SEARCH_ATTRIBUTES,
  type PauseInForce,
  type PayoutProgress,
  type TransferStart,
  type TransferView,
} from '../domain/contracts';
import { missingFundsText } from '../domain/funds';
import { formatAmount } from '../domain/money';
import { explanationOf } from '../domain/pause-causes';
import { TRANSFER_STATUSES } from '../domain/transfer-state';

const settlementIdKey = defineSearchAttributeKey(
  SEARCH_ATTRIBUTES.settlementId.name,
  SearchAttributeType.KEYWORD,
);
const contestIdKey = defineSearchAttributeKey(
  SEARCH_ATTRIBUTES.contestId.name,
  SearchAttributeType.KEYWORD,
);
const stateKey = defineSearchAttributeKey(
  SEARCH_ATTRIBUTES.state.name,
  SearchAttributeType.KEYWORD,
);
const failureClassKey = defineSearchAttributeKey(
  SEARCH_ATTRIBUTES.failureClass.name,
  SearchAttributeType.KEYWORD,
);
const failedCountKey = defineSearchAttributeKey(
  SEARCH_ATTRIBUTES.failedCount.name,
  SearchAttributeType.INT,
);

/** What a transfer's run carries from its first event, so that the list in the Web UI can be filtered by it. */
export function transferStartAttributes(transfer: TransferStart): SearchAttributePair[] {
  return [
    { key: settlementIdKey, value: transfer.settlementId },
    { key: contestIdKey, value: transfer.contestId },
    { key: stateKey, value: 'pending' },
  ];
}

export function transferAttributes(view: TransferView) {
  return [
    { key: stateKey, value: view.status },
    { key: failureClassKey, value: view.failureClass },
  ];
}

export function jobAttributes(progress: PayoutProgress) {
  return [
    { key: stateKey, value: progress.status },
    { key: failedCountKey, value: progress.counts.failed_terminal },
  ];
}

/** Amounts and codes only: details are readable by everybody who may see the Web UI (M12). */
export function transferDetails(view: TransferView): string {
  const reason = view.failureReason === null ? '' : `\n\n${explained(view.failureReason)}`;
  const rows = [
    ['state', view.status],
    ['amount', formatAmount(view.amountMinor, view.currency)],
    ['attempts', view.attemptCount.toString()],
    ['Stripe transfer', view.stripeTransferId ?? '—'],
  ];
  return `${table(['', ''], rows)}${reason}`;
}

export function jobDetails(progress: PayoutProgress, pause: PauseInForce | null): string {
  const rows = TRANSFER_STATUSES.filter((status) => progress.counts[status] > 0).map((status) => [
    status,
    progress.counts[status].toString(),
    formatAmount(progress.sumsMinor[status], progress.currency),
  ]);
  const causes = pause?.causes ?? [];
  return [
    `Job **${progress.status}**, ${progress.outcome}${missingText(progress)}`,
    table(['transfers', 'count', 'sum'], rows),
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

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

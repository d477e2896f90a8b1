import {
  SEARCH_ATTRIBUTES,
  type PayoutProgress,
  type SweepCounts,
  type TransferView,
} from '../domain/contracts';
import { formatAmount } from '../domain/money';
import { REASONS } from '../domain/reasons';
import { TRANSFER_STATUSES } from '../domain/transfer-state';

export function transferAttributes(view: TransferView) {
  return [
    { key: SEARCH_ATTRIBUTES.state, value: view.status },
    { key: SEARCH_ATTRIBUTES.failureClass, value: view.failureClass },
  ];
}

export function jobAttributes(progress: PayoutProgress) {
  return [
    { key: SEARCH_ATTRIBUTES.state, value: progress.status },
    { key: SEARCH_ATTRIBUTES.failedCount, value: progress.counts.failed_terminal },
  ];
}

/** Amounts and codes only: details are readable by everybody who may see the Web UI (M12). */
export function transferDetails(view: TransferView): string {
  const reason =
    view.failureReason === null
      ? ''
      : `\n\n**${view.failureReason}** — ${REASONS[view.failureReason].operatorText}`;
  const rows = [
    ['state', view.status],
    ['amount', formatAmount(view.amountMinor, view.currency)],
    ['attempts', view.attemptCount.toString()],
    ['Stripe transfer', view.stripeTransferId ?? '—'],
  ];
  return `${table(['', ''], rows)}${reason}`;
}

export function jobDetails(progress: PayoutProgress): string {
  const rows = TRANSFER_STATUSES.filter((status) => progress.counts[status] > 0).map((status) => [
    status,
    progress.counts[status].toString(),
    formatAmount(progress.sumsMinor[status], progress.currency),
  ]);
  return `Job **${progress.status}**, ${progress.outcome}\n\n${table(['transfers', 'count', 'sum'], rows)}`;
}

export function sweepAttributes(state: 'running' | 'succeeded' | 'failed', failedCount: number) {
  return [
    { key: SEARCH_ATTRIBUTES.state, value: state },
    { key: SEARCH_ATTRIBUTES.failedCount, value: failedCount },
  ];
}

export function sweepDetails(counts: SweepCounts): string {
  const rows = Object.entries(counts).map(([what, count]) => [what, count.toString()]);
  return table(['sweep', 'count'], rows);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

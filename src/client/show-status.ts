import { formatAmount } from '../domain/money';
import { REASONS } from '../domain/reasons';
import { isGivenUp, TRANSFER_STATUSES } from '../domain/transfer-state';
import { plainTable } from './plain-table';
import type { JobStatusReport, SettlementStatus, TransferStatusRow } from './read-status';

/** Rows that a person can still read; `--json` has all of them. */
const TABLE_ROWS_MAX = 200;

/** The winners of a settlement for a terminal: who is not paid comes first, largest prize first, each with a reason. */
export function statusTable(status: SettlementStatus): string {
  const rows = [...status.transfers].sort(
    (left, right) =>
      Number(left.status === 'completed') - Number(right.status === 'completed') ||
      right.amountMinor - left.amountMinor ||
      left.userId.localeCompare(right.userId),
  );
  const table = plainTable(
    {
      user: 'left',
      amount: 'right',
      status: 'left',
      attempts: 'right',
      'Stripe transfer': 'left',
      why: 'left',
    },
    rows
      .slice(0, TABLE_ROWS_MAX)
      .map((row) => [
        row.userId,
        formatAmount(row.amountMinor, row.currency),
        shownState(row),
        row.attemptCount.toString(),
        row.stripeTransferId ?? '',
        row.failureReason ?? '',
      ]),
  );
  const omitted = rows.length - TABLE_ROWS_MAX;
  return [
    table,
    ...(omitted > 0 ? [`… and ${omitted.toString()} more; --json has all of them`] : []),
    ...explanations(status),
    ...cancelExplanations(status),
    summaryLine(status.settlementId, status.job),
  ].join('\n');
}

/** The state of one transfer, with a wish to cancel it that has had no effect. */
function shownState({ cancelRequestedAt, status }: TransferStatusRow): string {
  if (cancelRequestedAt === null || isGivenUp(status)) {
    return status;
  }
  return status === 'completed' ? 'completed (cancel too late)' : `${status} (cancel requested)`;
}

const CANCEL_TEXTS = {
  completed: 'cancel too late: an operator wanted it cancelled, and it was paid all the same.',
  waiting: 'cancel requested: nothing more is sent; cancelled once it is proven unpaid.',
  cancelled:
    'cancelled: still owed; payouts restore sends it after all, payouts void ends the debt.',
} as const;

function cancelExplanations({ transfers }: SettlementStatus): string[] {
  const wanted = transfers.filter(
    ({ cancelRequestedAt, status }) => cancelRequestedAt !== null && status !== 'voided',
  );
  const kinds = new Set(
    wanted.map(({ status }) =>
      status === 'completed' || status === 'cancelled' ? status : 'waiting',
    ),
  );
  return [...kinds].sort().map((kind) => CANCEL_TEXTS[kind]);
}

function explanations(status: SettlementStatus): string[] {
  const reasons = new Set(
    status.transfers.flatMap(({ failureReason }) =>
      failureReason === null ? [] : [failureReason],
    ),
  );
  return [...reasons].sort().map((reason) => `${reason}: ${REASONS[reason].operatorText}`);
}

function summaryLine(settlementId: string, job: JobStatusReport): string {
  const parts = TRANSFER_STATUSES.filter((state) => job.counts[state] > 0).map(
    (state) => `${job.counts[state].toString()} ${state}`,
  );
  const { total } = job.counts;
  return `${settlementId}: job ${job.status}, ${job.outcome}; ${parts.join(', ')} of ${total.toString()}`;
}

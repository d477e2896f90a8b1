import { missingFundsText } from '../domain/funds';
import { formatAmount } from '../domain/money';
import { REASONS } from '../domain/reasons';
import { TRANSFER_STATUSES } from '../domain/transfer-state';
import { plainTable } from './plain-table';
import type { JobStatusReport, SettlementStatus } from './read-status';

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
        row.status,
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
    ...missingFunds(status),
    summaryLine(status.settlementId, status.job),
  ].join('\n');
}

function explanations(status: SettlementStatus): string[] {
  const reasons = new Set(
    status.transfers.flatMap(({ failureReason }) =>
      failureReason === null ? [] : [failureReason],
    ),
  );
  return [...reasons].sort().map((reason) => `${reason}: ${REASONS[reason].operatorText}`);
}

function missingFunds({ job, transfers }: SettlementStatus): string[] {
  const { fundsAvailableMinor: availableMinor, fundsNeededMinor: neededMinor } = job;
  const currency = transfers[0]?.currency;
  return neededMinor === null || availableMinor === null || currency === undefined
    ? []
    : [missingFundsText({ neededMinor, availableMinor }, currency)];
}

function summaryLine(settlementId: string, job: JobStatusReport): string {
  const parts = TRANSFER_STATUSES.filter((state) => job.counts[state] > 0).map(
    (state) => `${job.counts[state].toString()} ${state}`,
  );
  const { total } = job.counts;
  return `${settlementId}: job ${job.status}, ${job.outcome}; ${parts.join(', ')} of ${total.toString()}`;
}

import { approvalGateText } from '../domain/approval-texts';
import { missingFundsText } from '../domain/funds';
import { formatAmount } from '../domain/money';
import { explanationOf } from '../domain/pause-causes';
import { isGivenUp, TRANSFER_STATUSES } from '../domain/transfer-state';
import { plainTable } from './plain-table';
import { handedInText } from './show-handed-in';
import { pauseLine } from './show-pauses';
import type {
  HandedInReport,
  JobStatusReport,
  SettlementReport,
  TransferStatusRow,
} from './read-status';

/** Rows that a person can still read; `--json` has all of them. */
const TABLE_ROWS_MAX = 200;

/** How a settlement stands, for a terminal. */
export function statusText(report: SettlementReport | HandedInReport): string {
  return report.status === 'accepted' ? acceptedText(report) : handedInText(report);
}

/** Who is not paid comes first, largest prize first, each with a reason. */
function acceptedText(status: SettlementReport): string {
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
      'came back': 'right',
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
        row.amountReversedMinor === 0 ? '' : formatAmount(row.amountReversedMinor, row.currency),
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
    ...status.pauses.map((pause) => `paused: ${pauseLine(pause)}`),
    ...missingFunds(status),
    ...approvalGate(status),
    ...cancelExplanations(status),
    summaryLine(status.settlementId, status.job),
  ].join('\n');
}

function explanations({ pauses, transfers }: SettlementReport): string[] {
  const codes = new Set([
    ...transfers.flatMap(({ failureReason }) => failureReason ?? []),
    ...pauses.map(({ cause }) => cause),
  ]);
  return [...codes].sort().flatMap((code) => {
    const text = explanationOf(code);
    return text === undefined ? [] : [`${code}: ${text}`];
  });
}

function missingFunds({ job }: SettlementReport): string[] {
  const { currency, fundsAvailableMinor: availableMinor, fundsNeededMinor: neededMinor } = job;
  return neededMinor === null || availableMinor === null
    ? []
    : [missingFundsText({ neededMinor, availableMinor }, currency)];
}

/** As the job's run shows it: what has to be typed, and until when it is held. */
function approvalGate({ job, settlementId }: SettlementReport): string[] {
  const { approval, approvedAt, approvedBy, heldUntil, status } = job;
  if (status === 'awaiting_approval') {
    return [
      approvalGateText({ isApprovalMissing: approval === 'required', heldUntil }, settlementId),
    ];
  }
  return approvedBy === null ? [] : [`approved by ${approvedBy}, ${approvedAt ?? ''}`];
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

function cancelExplanations({ transfers }: SettlementReport): string[] {
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

function summaryLine(settlementId: string, job: JobStatusReport): string {
  const parts = TRANSFER_STATUSES.filter((state) => job.counts[state] > 0).map(
    (state) => `${job.counts[state].toString()} ${state}`,
  );
  const { total } = job.counts;
  return `${settlementId}: job ${job.status}, ${job.outcome}; ${parts.join(', ')} of ${total.toString()}`;
}

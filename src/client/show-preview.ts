import { formatAmount } from '../domain/money';
import { explanationOf } from '../domain/pause-causes';
import { plainTable } from './plain-table';
import type { PreviewedWinner, SettlementPreview } from './preview';
import { pauseLine } from './show-pauses';

/** A preview and what it does to Stripe's balance in its currency, in minor units. */
export interface PreviewReport extends SettlementPreview {
  readonly balance: {
    readonly availableMinor: number | null;
    /** When everybody who is still to be paid is; negative where it is too little. */
    readonly afterMinor: number | null;
    /** Why it could not be read, as a code. */
    readonly unreadable: string | null;
  };
}

/** What is going to be paid, for a terminal: every winner, since that is what somebody approves. */
export function previewText(report: PreviewReport): string {
  return [
    winnersTable(report),
    ...explanations(report.winners),
    ...report.pauses.map((pause) => `paused: ${pauseLine(pause)}`),
    sumsLine(report),
    balanceLine(report),
    ...(report.heldUntil === null ? [] : [holdLine(report.heldUntil, report.isHeld)]),
    `recorded by ${report.recordedBy ?? 'another system, which did not say who'}, ${report.recordedAt}`,
    ...approvalLines(report),
  ].join('\n');
}

function winnersTable({ currency, winners }: PreviewReport): string {
  return plainTable(
    {
      user: 'left',
      award: 'left',
      amount: 'right',
      account: 'left',
      readiness: 'left',
      status: 'left',
      'in the way': 'left',
    },
    winners.map((winner) => [
      winner.userId,
      winner.award,
      formatAmount(winner.amountMinor, currency),
      accountText(winner),
      winner.readiness,
      winner.status,
      winner.obstacles.join(' '),
    ]),
  );
}

/** A replaced account is said to be one: somebody has to know that it is the winner's. */
function accountText({ accountId, accountVersion }: PreviewedWinner): string {
  const version = accountVersion ?? 1;
  return version > 1
    ? `${accountId ?? ''} (replaced, version ${version.toString()})`
    : (accountId ?? '');
}

function explanations(winners: readonly PreviewedWinner[]): string[] {
  const codes = new Set(winners.flatMap(({ obstacles }) => obstacles));
  return [...codes].sort().flatMap((code) => {
    const text = explanationOf(code);
    return text === undefined ? [] : [`${code}: ${text}`];
  });
}

function sumsLine({ counts, currency, settlementId, toPayMinor, totalMinor }: PreviewReport) {
  return (
    `${settlementId}: ${counts.winners.toString()} winners, ${formatAmount(totalMinor, currency)}; ` +
    `still to pay ${counts.toPay.toString()}, ${formatAmount(toPayMinor, currency)}; ` +
    `paid ${counts.paid.toString()}, cancelled or voided ${counts.givenUp.toString()}`
  );
}

function balanceLine({ balance, currency }: PreviewReport): string {
  const { afterMinor, availableMinor, unreadable } = balance;
  if (availableMinor === null || afterMinor === null) {
    return `Stripe's balance could not be read (${unreadable ?? 'no code'})`;
  }
  const [before, after] = [availableMinor, afterMinor].map((amount) =>
    formatAmount(amount, currency),
  );
  const missing = afterMinor < 0 ? '; it is too little' : '';
  return `Stripe's available balance: ${before ?? ''} now, ${after ?? ''} after it${missing}`;
}

function holdLine(heldUntil: string, isHeld: boolean): string {
  return isHeld ? `held until ${heldUntil}` : `was held until ${heldUntil}`;
}

function approvalLines(report: PreviewReport): string[] {
  const { approval, approvedAt, approvedBy, counts, currency, hash, settlementId } = report;
  const replaced = report.accountReplacements.toString();
  const lines = [`hash ${hash}`];
  if (approval === 'not_required') {
    return [...lines, 'no approval is needed'];
  }
  if (approvedBy !== null && approvedAt !== null) {
    lines.push(`approved by ${approvedBy}, ${approvedAt}`);
  }
  if (counts.waitingForApproval > 0) {
    lines.push(
      `${counts.waitingForApproval.toString()} wait for an approval, ` +
        `${formatAmount(report.waitingForApprovalMinor, currency)}; to give it, as somebody who has not recorded it:`,
      `payouts approve ${settlementId} --hash ${hash} --replaced ${replaced} --reason …`,
    );
  }
  return lines;
}

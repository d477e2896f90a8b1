import { formatAmount } from '../../domain/money';
import { plainTable } from '../plain-table';
import type { VerifyBreak, VerifyReport } from './verify-report';

/** Breaks of one check that a person can still read; `--json` has all of them. */
const BREAKS_SHOWN_MAX = 20;

/** Every check with ok or BROKEN, what breaks them below, and the sums of both sides. */
export function verifyTable(report: VerifyReport): string {
  const broken = report.checks.filter(({ ok }) => !ok);
  return [
    plainTable(
      { check: 'left', '': 'left' },
      report.checks.map(({ name, ok }) => [name, ok ? 'ok' : 'BROKEN']),
    ),
    ...broken.flatMap(({ breaks, name }) => ['', `BROKEN: ${name}`, ...breakLines(breaks)]),
    '',
    totalsTable(report),
    report.ok
      ? `all ${report.checks.length.toString()} checks hold`
      : `${broken.length.toString()} of ${report.checks.length.toString()} checks are broken`,
  ].join('\n');
}

function breakLines(breaks: readonly VerifyBreak[]): string[] {
  const omitted = breaks.length - BREAKS_SHOWN_MAX;
  return [
    ...breaks.slice(0, BREAKS_SHOWN_MAX).map(breakLine),
    ...(omitted > 0 ? [`  … and ${omitted.toString()} more; --json has them`] : []),
  ];
}

function breakLine(found: VerifyBreak): string {
  const { currency, hereMinor, settlementId, stripeMinor, stripeTransferId, subject, transferId } =
    found;
  const amount = (who: string, minor: number | undefined) =>
    minor === undefined || currency === undefined
      ? undefined
      : `${who} ${formatAmount(minor, currency)}`;
  const parts = [
    found.kind,
    settlementId,
    transferId,
    stripeTransferId,
    subject,
    amount('here', hereMinor),
    amount('at Stripe', stripeMinor),
  ];
  return `  ${parts.filter((part) => part !== undefined).join('  ')}`;
}

function totalsTable({ totals }: VerifyReport): string {
  return plainTable(
    {
      settled: 'right',
      'paid here': 'right',
      'paid at Stripe': 'right',
      reversed: 'right',
      payable: 'right',
    },
    Object.entries(totals).map(([currency, sums]) =>
      [
        sums.settledMinor,
        sums.paidHereMinor,
        sums.paidAtStripeMinor,
        sums.reversedMinor,
        sums.payableMinor,
      ].map((minor) => formatAmount(minor, currency)),
    ),
  );
}

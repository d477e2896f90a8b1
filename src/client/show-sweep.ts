import type { SweepReport } from '../domain/contracts';
import { NO_ID } from '../domain/ids';

/** What a sweep did, for a person: a line of counts, and the ids that are worth a look. */
export function sweepText(report: SweepReport): string {
  const { cameToEnd, counts, failed, reconciling, rejected, resumed, started } = report;
  const line = (['started', 'resumed', 'reconciling', 'rejected', 'failed'] as const)
    .map((what) => `${counts[what].toString()} ${what}`)
    .join(', ');
  return [
    line,
    ...started.map((workflowId) => `  started ${workflowId}`),
    ...resumed.map((transferId) => `  resumed ${transferId}`),
    ...reconciling.map((transferId) => `  reconciling ${transferId}`),
    ...rejected.map(
      (settlementId) =>
        `  rejected ${settlementId}; ` +
        (settlementId === NO_ID
          ? 'the runbook has the query that lists rejected settlements'
          : `payouts status ${settlementId} says why`),
    ),
    ...failed.map(({ reason, what }) => `  not swept: ${what} (${reason})`),
    ...(cameToEnd ? [] : ['not everything was looked at; the next sweep goes on']),
  ].join('\n');
}

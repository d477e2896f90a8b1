import type { Database, Executor } from '../../db/database';
import { inLongSnapshot } from '../../db/export-rows';
import type { Installation } from '../../db/installation';
import type { PayoutJob } from '../../db/payout-jobs';
import { findLargestTransfers, readPaymentsOverTime } from '../../db/settlement-report';
import { isOwed, TRANSFER_STATUSES } from '../../domain/transfer-state';
import { writeOutput, type OutputOptions } from '../output';
import { SPANS_MAX } from './payments-plot';
import { jobToReport, readReportHead, readReportWinners, reportWinner } from './read-report';
import { reportCsv } from './report-csv';
import { reportJson } from './report-json';
import { reportPage, ROWS_SHOWN_MAX, type ReportPageFacts } from './report-page';

export const REPORT_FORMATS = ['csv', 'json', 'html'] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

/**
 * Writes the report of one settlement, all of it as of one moment.
 * @throws UnknownSettlementError, NothingToReportError, UsageError of the output
 */
export async function writeReport(
  database: Database,
  order: {
    readonly settlementId: string;
    readonly format: ReportFormat;
    readonly installation: Installation;
  },
  output: OutputOptions,
): Promise<void> {
  await inLongSnapshot(database, async (executor) => {
    const job = await jobToReport(executor, order.settlementId);
    await writeOutput(piecesOf(executor, job, order), output);
  });
}

function piecesOf(
  executor: Executor,
  job: PayoutJob,
  { format, installation }: { readonly format: ReportFormat; readonly installation: Installation },
): AsyncGenerator<string> {
  switch (format) {
    case 'csv':
      return reportCsv(job.settlementId, readReportWinners(executor, job));
    case 'json':
      return jsonPieces(executor, job, installation);
    case 'html':
      return htmlPieces(executor, job, installation);
  }
}

async function* jsonPieces(executor: Executor, job: PayoutJob, installation: Installation) {
  const head = await readReportHead(executor, job, installation);
  yield* reportJson(head, readReportWinners(executor, job));
}

async function* htmlPieces(executor: Executor, job: PayoutJob, installation: Installation) {
  yield reportPage(await readPageFacts(executor, job, installation));
}

/** What one page shows; it has no more rows than a person reads. */
async function readPageFacts(
  executor: Executor,
  job: PayoutJob,
  installation: Installation,
): Promise<ReportPageFacts> {
  const largest = async (isWanted: (status: (typeof TRANSFER_STATUSES)[number]) => boolean) => {
    const statuses = TRANSFER_STATUSES.filter(isWanted);
    const wanted = { statuses, transfersMax: ROWS_SHOWN_MAX };
    return (await findLargestTransfers(executor, job.id, wanted)).map(reportWinner);
  };
  return {
    head: await readReportHead(executor, job, installation),
    payments: await readPaymentsOverTime(executor, job.id, SPANS_MAX),
    unpaid: await largest(isOwed),
    paid: await largest((status) => status === 'completed'),
  };
}

import type { Database, Executor } from '../db/database';
import {
  exportActions,
  exportAttempts,
  exportPostings,
  inLongSnapshot,
  type ActionRecord,
  type AttemptRecord,
  type ExportFilter,
  type PostingRecord,
} from '../db/export-rows';
import { findSettlementRow } from '../db/settlements';
import { decimalAmount } from '../domain/money';
import { csvHeader, csvLines } from './csv-text';
import { writeOutput, type OutputOptions } from './output';
import { plainJson } from './plain-json';
import { UnknownSettlementError } from './read-status';

export const EXPORT_FORMATS = ['csv', 'jsonl'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** One line of an export: its columns in order. An amount stands in minor units and as digits of its currency. */
type Line = Readonly<Record<string, string | number | boolean | null>>;

/** What can be exported: the columns, and the records as lines, a page at a time. */
interface Table {
  readonly columns: readonly string[];
  readonly pages: (executor: Executor, filter: ExportFilter) => AsyncIterable<readonly Line[]>;
}

/** @param columns in their order; a new one is added at the end, so that whoever reads by number goes on */
function tableOf<Row, RowLine extends Line>(
  rows: (executor: Executor, filter: ExportFilter) => AsyncIterable<Row[]>,
  lineOf: (row: Row) => RowLine,
  columns: readonly (keyof RowLine & string)[],
): Table {
  return {
    columns,
    pages: async function* (executor, filter) {
      for await (const page of rows(executor, filter)) {
        yield page.map(lineOf);
      }
    },
  };
}

/** Amounts are within ±(2^53 − 1) by checks of Postgres's, so a number holds each of them exactly. */
function amountsOf(row: { readonly amount_minor: string; readonly currency: string }) {
  const amountMinor = Number(row.amount_minor);
  return { amount_minor: amountMinor, amount: decimalAmount(amountMinor, row.currency) ?? null };
}

function attemptLine(row: AttemptRecord) {
  return { ...row, ...amountsOf(row) };
}

/** Debits are positive and credits negative, as in the ledger, so that a column sums up to a balance. */
function postingLine(row: PostingRecord) {
  const amounts = amountsOf(row);
  return { ...row, ...amounts, side: amounts.amount_minor > 0 ? 'debit' : 'credit' };
}

function actionLine(row: ActionRecord) {
  return { ...row };
}

const attempts = tableOf(exportAttempts, attemptLine, [
  'kind',
  'settlement_id',
  'transfer_id',
  'reversal_id',
  'user_id',
  'award',
  'attempt_number',
  'generation',
  'idempotency_key',
  'destination',
  'amount_minor',
  'amount',
  'currency',
  'sent_at',
  'answered_at',
  'outcome',
  'resolution',
  'reason',
  'counted',
  'http_status',
  'request_id',
  'replayed',
  'stripe_id',
]);

const postings = tableOf(exportPostings, postingLine, [
  'transaction_id',
  'entry_id',
  'posted_at',
  'kind',
  'idempotency_key',
  'settlement_id',
  'transfer_id',
  'attempt_number',
  'stripe_transfer_id',
  'account',
  'side',
  'amount_minor',
  'amount',
  'currency',
]);

const actions = tableOf(exportActions, actionLine, [
  'id',
  'acted_at',
  'action',
  'actor',
  'reason',
  'subject',
]);

const TABLES = { attempts, postings, actions } as const satisfies Record<string, Table>;

export type ExportName = keyof typeof TABLES;
export const EXPORT_NAMES = Object.keys(TABLES) as ExportName[];

export interface ExportOrder extends ExportFilter {
  readonly what: ExportName;
  readonly format: ExportFormat;
}

/**
 * Writes a table whole, as of one moment, in the order of its ids and without keeping it in memory.
 * @throws UnknownSettlementError, UsageError of the output
 */
export async function writeExport(
  database: Database,
  order: ExportOrder,
  output: OutputOptions,
): Promise<void> {
  const { format, settlementId, what } = order;
  await inLongSnapshot(database, async (executor) => {
    if (
      settlementId !== undefined &&
      (await findSettlementRow(executor, settlementId)) === undefined
    ) {
      throw new UnknownSettlementError(settlementId);
    }
    const table = TABLES[what];
    const pages = table.pages(executor, order);
    await writeOutput(
      format === 'csv' ? csvPieces(table.columns, pages) : jsonPieces(table.columns, pages),
      output,
    );
  });
}

async function* csvPieces(
  columns: readonly string[],
  pages: AsyncIterable<readonly Line[]>,
): AsyncGenerator<string> {
  yield csvHeader(columns);
  for await (const page of pages) {
    yield csvLines(page.map((line) => columns.map((column) => csvField(line[column]))));
  }
}

function csvField(value: Line[string] | undefined): string | number | null {
  return typeof value === 'boolean' ? value.toString() : (value ?? null);
}

async function* jsonPieces(
  columns: readonly string[],
  pages: AsyncIterable<readonly Line[]>,
): AsyncGenerator<string> {
  for await (const page of pages) {
    yield page
      .map((line) => {
        const ordered = columns.map((column) => [column, line[column] ?? null] as const);
        return `${plainJson(Object.fromEntries(ordered))}\n`;
      })
      .join('');
  }
}

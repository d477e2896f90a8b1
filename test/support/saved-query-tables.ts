/**
 * The tables "question → query" as people read them: what stands in README.md and docs/RUNBOOK.md, to copy.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

import type { QuerySubject } from '../../src/client/saved-queries';

const ROOT = resolve(__dirname, '../..');

export const DOCUMENTS_WITH_QUERIES = ['README.md', 'docs/RUNBOOK.md'] as const;
export type DocumentWithQueries = (typeof DOCUMENTS_WITH_QUERIES)[number];

/** What readers replace by their own. */
export const SUBJECT_IN_DOCUMENTS: QuerySubject = {
  contestId: 'my-contest',
  settlementId: 'my-settlement',
  midnight: '2026-01-31T00:00:00Z',
  aDayAgo: '2026-01-30T12:00:00Z',
};

/** The rows of the one table of a document whose head says `question` and `query`, in their order. */
export function queriesOf(document: DocumentWithQueries): ReadonlyMap<string, string> {
  const text = readFileSync(resolve(ROOT, document), 'utf8');
  const tables = text.split(/^\| question +\| query +\|\n\| -+ \| -+ \|\n/m);
  const [, table] = tables;
  if (table === undefined || tables.length !== 2) {
    throw new Error(`${document} has not exactly one table of questions and queries`);
  }
  const [rows = ''] = table.split('\n\n');
  return new Map(
    rows
      .trim()
      .split('\n')
      .map((row) => {
        const [, question, query] = /^\| (.+?) +\| `(.+)` +\|$/.exec(row) ?? [];
        if (question === undefined || query === undefined) {
          throw new Error(`${document}: not a question and its query: ${row}`);
        }
        return [question, query];
      }),
  );
}

/** The query beside a question. */
export function queryOf(document: DocumentWithQueries, question: string): string {
  const query = queriesOf(document).get(question);
  if (query === undefined) {
    throw new Error(`${document} does not answer: ${question}`);
  }
  return query;
}

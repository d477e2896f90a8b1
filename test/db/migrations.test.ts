/**
 * Goal: the migrations make an empty database into exactly what the drizzle schema describes, once.
 * Method: a database is emptied and migrated, again and by several sessions at once, and its catalogue is read.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { is } from 'drizzle-orm';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core';

import { migrateDatabase } from '../../src/db/migrate';
import * as schema from '../../src/db/schema';
import { openDatabaseBed, refusalOf, type DatabaseBed } from '../support/builders';

const MIGRATIONS = 12;
/** Made by hand beside the schema: the legal transitions (drizzle/0002_guards.sql). */
const TABLES_WITHOUT_SCHEMA = [
  'payout_job_transitions',
  'payout_reversal_transitions',
  'payout_transfer_transitions',
];

let bed: DatabaseBed;

beforeEach(async () => {
  bed = await openDatabaseBed();
  await bed.rows('drop schema public cascade');
  await bed.rows('drop schema drizzle cascade');
  await bed.rows('create schema public');
});

afterEach(() => bed.close());

/** One line for everything that the catalogue and the schema both can say. */
function describedBySchema(): string[] {
  const tables = Object.values<unknown>(schema).filter((value) => is(value, PgTable));
  return tables
    .flatMap((table) => {
      const config = getTableConfig(table);
      const say = (line: string): string => `${config.name}: ${line}`;
      const inlineKeys = config.columns.filter((column) => column.primary);
      return [
        ...config.columns.map((column) => {
          const type = column.getSQLType().replace('bigserial', 'bigint');
          const hasDefault = column.hasDefault || column.getSQLType() === 'bigserial';
          return say(
            `${column.name} ${type}${column.notNull ? ' not null' : ''}${hasDefault ? ' default' : ''}`,
          );
        }),
        ...config.columns
          .filter((column) => column.isUnique)
          .map((column) => say(`unique ${column.uniqueName ?? ''}`)),
        ...config.uniqueConstraints.map((unique) => say(`unique ${unique.getName() ?? ''}`)),
        ...config.checks.map((check) => say(`check ${check.name}`)),
        ...config.foreignKeys.map((key) => say(`foreign key ${key.getName()}`)),
        ...config.primaryKeys.map((key) => say(`primary key ${key.getName()}`)),
        ...inlineKeys.map(() => say(`primary key ${config.name}_pkey`)),
        ...config.indexes.map(({ config: index }) =>
          say(
            `index ${index.name ?? ''}${index.unique ? ' unique' : ''}${index.where ? ' partial' : ''}`,
          ),
        ),
      ];
    })
    .sort();
}

const CATALOGUE = `
  select relname || ': ' || attname || ' ' || format_type(atttypid, atttypmod)
    || case when attnotnull then ' not null' else '' end
    || case when atthasdef then ' default' else '' end as line
  from pg_attribute join pg_class on pg_class.oid = attrelid
  where relkind = 'r' and relnamespace = 'public'::regnamespace and attnum > 0 and not attisdropped
  union all
  select conrelid::regclass || ': ' || kind || ' ' || conname from pg_constraint
  join (values ('u', 'unique'), ('c', 'check'), ('f', 'foreign key'), ('p', 'primary key'))
    as names (code, kind) on code = contype::text
  where connamespace = 'public'::regnamespace
  union all
  select indrelid::regclass || ': index ' || relname
    || case when indisunique then ' unique' else '' end
    || case when indpred is not null then ' partial' else '' end
  from pg_index join pg_class on pg_class.oid = indexrelid
  where relnamespace = 'public'::regnamespace
    and not exists (select from pg_constraint where conindid = indexrelid)`;

async function describedByCatalogue(): Promise<string[]> {
  const rows = await bed.rows<{ line: string }>(CATALOGUE);
  return rows
    .map((row) => row.line)
    .filter((line) => !TABLES_WITHOUT_SCHEMA.includes(line.split(':')[0]!))
    .sort();
}

test('an empty database becomes what the schema describes', async () => {
  expect(await migrateDatabase(bed.databaseUrl)).toEqual({
    applied: MIGRATIONS,
    total: MIGRATIONS,
  });
  expect(await describedByCatalogue()).toEqual(describedBySchema());
});

test('migrating again applies nothing', async () => {
  await migrateDatabase(bed.databaseUrl);
  const before = await describedByCatalogue();
  expect(await migrateDatabase(bed.databaseUrl)).toEqual({ applied: 0, total: MIGRATIONS });
  expect(await describedByCatalogue()).toEqual(before);
});

test('of several that migrate at once one does it and the others find it done', async () => {
  const reports = await Promise.all(
    Array.from({ length: 4 }, () => migrateDatabase(bed.databaseUrl)),
  );
  expect(reports.map((report) => report.applied).sort()).toEqual([0, 0, 0, MIGRATIONS]);
  expect(reports.every((report) => report.total === MIGRATIONS)).toBe(true);
  expect(await describedByCatalogue()).toEqual(describedBySchema());
});

/** Brings the database to where an installation of an earlier version stands. */
async function migrateUpTo(migrations: number): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'payouts-migrations-'));
  try {
    cpSync(path.join(__dirname, '../../drizzle'), folder, { recursive: true });
    const journalFile = path.join(folder, 'meta/_journal.json');
    const journal = JSON.parse(readFileSync(journalFile, 'utf8')) as { entries: unknown[] };
    const entries = journal.entries.slice(0, migrations);
    writeFileSync(journalFile, JSON.stringify({ ...journal, entries }));
    await migrate(bed.database, { migrationsFolder: folder });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('a database of an earlier version, with its rows, becomes the same, and its guards count', async () => {
  await migrateUpTo(7);
  await bed.rows(
    `insert into settlements (settlement_id, contest_id, currency, status, total_minor, winner_count, content_hash)
     values ('before', 'c', 'usd', 'accepted', 5, 1, 'hash')`,
  );
  await bed.rows(
    `insert into settlement_winners (settlement_id, user_id, amount_minor) values ('before', 'u', 5)`,
  );
  await bed.rows(
    `insert into payout_jobs (settlement_id, contest_id, currency, total_minor) values ('before', 'c', 'usd', 5)`,
  );
  expect(await migrateDatabase(bed.databaseUrl)).toEqual({
    applied: MIGRATIONS - 7,
    total: MIGRATIONS,
  });
  expect(await describedByCatalogue()).toEqual(describedBySchema());
  const change = bed.rows('update settlement_winners set amount_minor = 6');
  expect(await refusalOf(change)).toBe('settlement_winners_frozen');
  expect(await bed.rows('select last_value, is_called from refused_changes')).toEqual([
    { last_value: '1', is_called: true },
  ]);
});

test('time comes from one function, for every column that has a time of its own', async () => {
  await migrateDatabase(bed.databaseUrl);
  const rows = await bed.rows<{ what: string }>(
    `select table_name || '.' || column_name as what from information_schema.columns
     where table_schema = 'public' and data_type like 'timestamp%' and column_default is not null
       and column_default <> 'payout_now()'`,
  );
  expect(rows).toEqual([]);
});

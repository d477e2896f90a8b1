import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { POSTGRES_ADMIN_URL, TEMPLATE_DATABASE, valueOfTestRun } from './processes-of-run';

export interface TestDatabase {
  databaseUrl: string;
  /** Removes the database, with whatever sessions are still open on it. */
  drop(): Promise<void>;
}

/** A new database with all migrations applied: a copy of the run's template, for one test file. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  await asAdmin(`create database ${name} template ${TEMPLATE_DATABASE}`);
  return {
    databaseUrl: databaseUrlOf(name),
    drop: () => asAdmin(`drop database if exists ${name} with (force)`),
  };
}

function databaseUrlOf(name: string): string {
  const url = new URL(valueOfTestRun(POSTGRES_ADMIN_URL));
  url.pathname = `/${name}`;
  return url.toString();
}

async function asAdmin(statement: string): Promise<void> {
  const client = new Client({ connectionString: valueOfTestRun(POSTGRES_ADMIN_URL) });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

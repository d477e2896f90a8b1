import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { Pool } from 'pg';

import { CONNECT_TIMEOUT_MS, STATEMENT_TIMEOUT_MS } from '../domain/limits';
import * as schema from './schema';

export type Database = NodePgDatabase<typeof schema>;
/** A database or an open transaction: what repositories work on. */
export type Executor = Pick<Database, 'select' | 'insert' | 'update' | 'execute'>;

export interface DatabaseConnection {
  readonly database: Database;
  /** Waits for running statements and closes every connection. */
  readonly close: () => Promise<void>;
}

/**
 * Opens a pool. Connections are made on first use, so a wrong address shows with the first statement.
 *
 * A statement or a lock that takes longer than a database activity may take is ended by Postgres itself, so that a
 * statement given up by its activity does not go on working behind the back of the next one.
 */
export function openDatabase(databaseUrl: string, connectionsMax = 10): DatabaseConnection {
  const pool = new Pool({
    connectionString: databaseUrl,
    max: connectionsMax,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
    application_name: 'temporal-stripe-payouts',
  });
  // An idle connection that breaks (a restarted Postgres) is replaced at the next use; without a listener it would
  // end the process.
  pool.on('error', () => undefined);
  return { database: drizzle(pool, { schema }), close: () => pool.end() };
}

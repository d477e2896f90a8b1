import { sql } from 'drizzle-orm';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { Pool } from 'pg';

import { CONNECT_TIMEOUT_MS, DATABASE_KEEP_ALIVE_MS, STATEMENT_TIMEOUT_MS } from '../domain/limits';
import { isUnreachable } from './database-errors';
import * as schema from './schema';

export type Database = NodePgDatabase<typeof schema> & { readonly $client: Pool };
/** A database or an open transaction: what repositories work on. */
export type Executor = Pick<
  Database,
  '$with' | 'with' | 'select' | 'insert' | 'update' | 'execute'
>;

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
    // One whose other side is gone without a word would be waited for without an end, and its place in the pool is lost.
    keepAlive: true,
    keepAliveInitialDelayMillis: DATABASE_KEEP_ALIVE_MS,
    application_name: 'temporal-stripe-payouts',
  });
  // An idle connection that breaks (a restarted Postgres) is replaced at the next use; without a listener it would
  // end the process.
  pool.on('error', () => undefined);
  // The same for one that breaks while it is used: its statement fails and is tried again by its activity.
  pool.on('connect', (client) => {
    client.on('error', () => undefined);
  });
  return { database: drizzle(pool, { schema }), close: () => pool.end() };
}

/**
 * Runs work in one transaction, on a connection of its own that goes back to the pool whatever happens.
 *
 * Not drizzle's own `transaction` of a pool: that one keeps the connection for ever when `begin` fails, so that an
 * outage would empty the pool.
 */
export async function inTransaction<Result>(
  database: Database,
  work: (transaction: Executor) => Promise<Result>,
): Promise<Result> {
  const client = await database.$client.connect();
  let isBroken = false;
  try {
    return await drizzle(client, { schema }).transaction(work);
  } catch (error) {
    isBroken = isUnreachable(error);
    throw error;
  } finally {
    client.release(isBroken);
  }
}

/** Runs reading work on one snapshot, so that what it reads in several statements fits together. */
export async function inSnapshot<Result>(
  database: Database,
  work: (transaction: Executor) => Promise<Result>,
): Promise<Result> {
  return inTransaction(database, async (transaction) => {
    await transaction.execute(sql`set transaction isolation level repeatable read, read only`);
    return work(transaction);
  });
}

/**
 * Goal: an outage of Postgres ends statements and nothing else: the process lives, and the pool is whole afterwards.
 * Method: backends are terminated from outside, in the middle of a transaction and before one begins; Linux says what it
 * does about a socket whose other side says nothing.
 */
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { sql } from 'drizzle-orm';

import { inTransaction, openDatabase, type DatabaseConnection } from '../../src/db/database';
import { isUnreachable } from '../../src/db/database-errors';
import { until } from '../e2e/bed';
import { openDatabaseBed, type DatabaseBed } from '../support/builders';

const CONNECTIONS = 2;

let bed: DatabaseBed;
let connection: DatabaseConnection;

beforeAll(async () => {
  bed = await openDatabaseBed();
  connection = openDatabase(bed.databaseUrl, CONNECTIONS);
});

afterAll(async () => {
  await connection.close();
  await bed.close();
});

async function terminate(processId: number): Promise<void> {
  await bed.rows('select pg_terminate_backend($1)', [processId]);
}

async function selectOne(): Promise<unknown> {
  return inTransaction(connection.database, async (transaction) => {
    const { rows } = await transaction.execute<{ one: number }>(sql`select 1 as one`);
    return rows[0]?.one;
  });
}

/** A transaction whose backend is terminated before its second statement. */
async function brokenTransaction(): Promise<void> {
  await inTransaction(connection.database, async (transaction) => {
    const { rows } = await transaction.execute<{ id: number }>(sql`select pg_backend_pid() as id`);
    await terminate(rows[0]?.id ?? 0);
    await transaction.execute(sql`select 1`);
  });
}

test('a backend that ends in mid-transaction fails that transaction, as unreachable, and no more', async () => {
  for (let round = 0; round < 2 * CONNECTIONS; round += 1) {
    const error: unknown = await brokenTransaction().catch((thrown: unknown) => thrown);
    expect(isUnreachable(error)).toBe(true);
  }
  await expect(selectOne()).resolves.toBe(1);
});

test('transactions that cannot begin give their connections back', async () => {
  const idle = await Promise.all(
    Array.from({ length: CONNECTIONS }, () =>
      inTransaction(connection.database, async (transaction) => {
        const { rows } = await transaction.execute<{ id: number }>(
          sql`select pg_backend_pid() as id, pg_sleep(0.05)`,
        );
        return rows[0]?.id ?? 0;
      }),
    ),
  );
  await Promise.all(idle.map(terminate));
  await Promise.allSettled(Array.from({ length: 2 * CONNECTIONS }, selectOne));
  await expect(selectOne()).resolves.toBe(1);
});

/** A timer of the kernel that asks the other side of an idle socket whether it is there (proc(5), `/proc/net/tcp`). */
const KEEP_ALIVE_TIMER = '02';

/** The timer that runs on the socket of this process with this port, as the kernel numbers them. */
function timerOf(port: number): string | undefined {
  const address = new RegExp(`:${port.toString(16).toUpperCase().padStart(4, '0')}$`);
  return ['/proc/net/tcp', '/proc/net/tcp6']
    .flatMap((table) => readFileSync(table, 'utf8').split('\n'))
    .map((line) => line.trim().split(/\s+/))
    .find(([, local = '']) => address.test(local))?.[5]
    ?.slice(0, 2);
}

(process.platform === 'linux' ? test : test.skip)(
  'a connection whose Postgres is gone without a word is not waited for: TCP itself asks whether it is there',
  async () => {
    const client = await connection.database.$client.connect();
    try {
      await client.query('select 1');
      const { connection: wire } = client as unknown as { connection: { stream: Socket } };
      const { localPort = 0 } = wire.stream;
      await until('the socket is idle and asks', () => timerOf(localPort) === KEEP_ALIVE_TIMER);
    } finally {
      client.release();
    }
  },
);

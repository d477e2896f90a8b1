import { existsSync } from 'node:fs';
import path from 'node:path';

import { sql } from 'drizzle-orm';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import { drizzle } from 'drizzle-orm/node-postgres';
import { Client } from 'pg';

import { CONNECT_TIMEOUT_MS } from '../domain/limits';

/** Any number of processes may set up at once; the second waits for the first and finds nothing to do. */
const MIGRATION_LOCK_ID = 7_240_518;

/** `drizzle/` stands at the package's root, which is nearer from the sources than from a build in `dist/`. */
function migrationsFolder(): string {
  const candidates = ['../../drizzle', '../../../drizzle'].map((way) => path.join(__dirname, way));
  const found = candidates.find((folder) => existsSync(path.join(folder, 'meta')));
  if (found === undefined) {
    throw new Error(`the migrations are missing; looked in ${candidates.join(' and ')}`);
  }
  return found;
}

export interface MigrationReport {
  readonly applied: number;
  readonly total: number;
}

/**
 * Applies the migrations of `drizzle/` that this database does not have yet, in order. Safe to repeat and to run from
 * several processes at once.
 */
export async function migrateDatabase(databaseUrl: string): Promise<MigrationReport> {
  const client = new Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  await client.connect();
  try {
    const database = drizzle(client);
    await database.execute(sql`select pg_advisory_lock(${MIGRATION_LOCK_ID})`);
    const before = await countApplied(client);
    await migrate(database, { migrationsFolder: migrationsFolder() });
    const total = await countApplied(client);
    return { applied: total - before, total };
  } finally {
    await client.end();
  }
}

async function countApplied(client: Client): Promise<number> {
  const exists = await client.query<{ found: boolean }>(
    `select to_regclass('drizzle.__drizzle_migrations') is not null as found`,
  );
  if (exists.rows[0]?.found !== true) {
    return 0;
  }
  const counted = await client.query<{ count: string }>(
    'select count(*) from drizzle.__drizzle_migrations',
  );
  return Number(counted.rows[0]?.count ?? 0);
}

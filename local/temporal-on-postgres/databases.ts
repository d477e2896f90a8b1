import { Client } from 'pg';
import { runCommand } from '../run-command';

export const SQL_PLUGIN = 'postgres12_pgx';
export const MAIN_DATABASE = 'temporal';
export const VISIBILITY_DATABASE = 'temporal_visibility';

const SCHEMAS = {
  [MAIN_DATABASE]: 'postgresql/v12/temporal',
  [VISIBILITY_DATABASE]: 'postgresql/v12/visibility',
} as const;
const COMMAND_LIMIT_MS = 60_000;

export interface PostgresPlace {
  host: string;
  port: number;
  user: string;
  password: string;
}

/** Where the stack's Postgres is, from the address of the product's database in it. */
export function postgresPlaceOf(databaseUrl: string): PostgresPlace {
  const { hostname: host, port, username, password } = new URL(databaseUrl);
  return {
    host,
    port: Number(port),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
  };
}

/**
 * Makes Temporal's two databases, or brings them to the schema of this version of the SQL tool. Safe to repeat: a
 * database that exists stays, and only what is missing of the schema is applied.
 */
export async function updateDatabases(
  sqlTool: string,
  place: PostgresPlace,
  signal: AbortSignal,
): Promise<void> {
  for (const [database, schema] of Object.entries(SCHEMAS)) {
    const run = (...command: string[]): Promise<void> =>
      runCommand(sqlTool, ['--quiet', '--db', database, ...command], {
        cwd: process.cwd(),
        env: sqlToolEnvironment(place),
        limitMs: COMMAND_LIMIT_MS,
        signal,
      });
    await run('create-database');
    await run('setup-schema', '--version', '0.0');
    await run('update-schema', '--schema-name', schema);
  }
}

/**
 * Forgets on which ports this stack's server listened before: a new one asks those of the last seconds to let it join
 * them, and serves nothing until it has given up. Only right where there is one server.
 */
export async function forgetEarlierServers(place: PostgresPlace): Promise<void> {
  const client = new Client({ ...place, database: MAIN_DATABASE });
  await client.connect();
  try {
    await client.query('delete from cluster_membership');
  } finally {
    await client.end();
  }
}

/** By environment and not by argument: every user of a machine sees every program's arguments. */
function sqlToolEnvironment({ host, port, user, password }: PostgresPlace): NodeJS.ProcessEnv {
  return {
    SQL_PLUGIN,
    SQL_HOST: host,
    SQL_PORT: String(port),
    SQL_USER: user,
    SQL_PASSWORD: password,
  };
}

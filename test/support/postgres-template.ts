import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import { Client } from 'pg';
import { TEMPLATE_DATABASE } from './processes-of-run';

const MIGRATIONS = resolve(__dirname, '../../drizzle');

/** Makes the migrated database that each test file's database is copied from. */
export async function createTemplate(adminUrl: string): Promise<void> {
  await withClient(adminUrl, (admin) => admin.query(`create database ${TEMPLATE_DATABASE}`));
  const templateUrl = new URL(adminUrl);
  templateUrl.pathname = `/${TEMPLATE_DATABASE}`;
  await withClient(templateUrl.toString(), async (client) => {
    // Before the first migration exists there is nothing to apply, and the migrator would throw.
    if (existsSync(join(MIGRATIONS, 'meta/_journal.json'))) {
      await migrate(drizzle(client), { migrationsFolder: MIGRATIONS });
    }
  });
}

async function withClient(url: string, use: (client: Client) => Promise<unknown>): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await use(client);
  } finally {
    // An open session on the template would make every copy of it fail.
    await client.end();
  }
}

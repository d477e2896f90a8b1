import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** `dev` is one program that keeps its data in a SQLite file; `server` is Temporal's own server on Postgres. */
export type TemporalKind = 'dev' | 'server';

const MARKS: Readonly<Record<TemporalKind, string>> = {
  dev: 'temporal.db',
  server: 'config/local.yaml',
};

/**
 * Refuses a folder whose workflows are in the other kind of server: the product's database would know runs of which
 * the new server has never heard.
 */
export function refuseDataOf(other: TemporalKind, dataDir: string): void {
  if (existsSync(join(dataDir, MARKS[other]))) {
    throw new Error(
      `${dataDir} has the workflows of a stack that was started with --temporal ${other}: ` +
        'start it that way again, or use another folder',
    );
  }
}

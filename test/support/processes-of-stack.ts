import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startLocalStack } from '../../local/stack';
import { createTemplate } from './postgres-template';
import {
  FOLDER_OF_RUN,
  POSTGRES_ADMIN_URL,
  TEMPORAL_ADDRESS,
  TEMPORAL_UI_URL,
} from './processes-of-run';

/** Starts the run's Postgres and Temporal, makes the template and publishes the addresses. */
export async function startServersOfRun(): Promise<{ stop(): Promise<void> }> {
  const stack = await startLocalStack({
    stripe: false,
    fsync: false,
    onProgress: (line) => {
      // Silence would look like a hang while the Temporal server is built for the first time.
      if (!line.endsWith('ready')) {
        process.stderr.write(`${line}\n`);
      }
    },
  });
  try {
    await createTemplate(stack.databaseUrl);
  } catch (error) {
    await stack.stop();
    throw error;
  }
  process.env[POSTGRES_ADMIN_URL] = stack.databaseUrl;
  process.env[TEMPORAL_ADDRESS] = stack.temporalAddress;
  process.env[TEMPORAL_UI_URL] = stack.temporalUiUrl;
  const folder = mkdtempSync(join(tmpdir(), 'payouts-test-run-'));
  process.env[FOLDER_OF_RUN] = folder;
  return {
    stop: async () => {
      rmSync(folder, { recursive: true, force: true });
      await stack.stop();
    },
  };
}

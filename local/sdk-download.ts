import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { compiledEntry } from './compiled-entry';
import { makeOnce } from './make-once';
import { runCommand } from './run-command';

const DOWNLOAD_LIMIT_MS = 180_000;

export type SdkServer = 'dev-server' | 'time-skipping';

export interface SdkDownload {
  server: SdkServer;
  /** A release of the server, or `default` for the one that fits the SDK. */
  version: string;
  target: string;
  signal?: AbortSignal | undefined;
}

/**
 * Fetches a server with the SDK's own download and moves it to the cache.
 *
 * The download cannot be cancelled within a process, so it gets one of its own, which the time limit
 * ends: a network that swallows packets must not hold up the ways that come after.
 */
export async function downloadWithSdk(download: SdkDownload): Promise<string> {
  const { server, version, target, signal } = download;
  return makeOnce(target, (draft) => fetchInto(draft, server, version, signal), signal);
}

async function fetchInto(
  draft: string,
  server: SdkServer,
  version: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const folder = join(dirname(draft), `sdk-download-${randomUUID()}`);
  mkdirSync(folder, { recursive: true });
  try {
    const args = [compiledEntry('sdk-download-process.js'), server, version, folder];
    await runCommand(process.execPath, args, { cwd: folder, limitMs: DOWNLOAD_LIMIT_MS, signal });
    const file = readdirSync(folder).find((name) => !name.endsWith('.downloading'));
    if (file === undefined) {
      throw new Error('the SDK reported success and left no file');
    }
    renameSync(join(folder, file), draft);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

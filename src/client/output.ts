import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { link, lstat, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { errorCode } from '../domain/error-code';
import { shownText } from '../domain/shown-value';
import { UsageError } from './exit-codes';

/** Where a command writes what it was asked for. */
export interface OutputOptions {
  /** A file; without it stdout. */
  readonly output?: string;
  /** Whether a file that is there is replaced. */
  readonly force?: boolean;
}

const PATH_CHARACTERS_MAX = 500;

/** The command was stopped by a signal before its output was whole. */
class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
}

/**
 * Writes pieces of text as fast as they are taken, so that no more than a piece or two is in memory.
 *
 * A file gets its name when it is whole and on the disk: until then it has another one in the same folder, and it is
 * removed when anything goes wrong, also on Ctrl-C. On stdout, a reader who has seen enough (`| head`) ends it well.
 *
 * @throws UsageError where the file is there already, or cannot be written
 */
export async function writeOutput(
  pieces: AsyncIterable<string>,
  { force = false, output }: OutputOptions,
): Promise<void> {
  if (output === undefined) {
    await interruptible((signal) => toStdout(pieces, signal));
    return;
  }
  await refuseToOverwrite(output, force);
  await interruptible((signal) => toFile(pieces, { path: output, force, signal }));
}

/**
 * Says before any work is done that the file is there already.
 * @throws UsageError
 */
export async function refuseToOverwrite(path: string | undefined, force = false): Promise<void> {
  if (path === undefined || force) {
    return;
  }
  const isThere = await lstat(path).then(
    () => true,
    () => false,
  );
  if (isThere) {
    throw alreadyThere(path);
  }
}

function alreadyThere(path: string): UsageError {
  return new UsageError(
    `--output: ${shownText(path, PATH_CHARACTERS_MAX)} is there already; --force replaces it`,
  );
}

/** Runs work that a signal ends in good order, instead of leaving its parts behind. */
async function interruptible(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const onSignal = () => {
    stop.abort();
  };
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  try {
    await work(stop.signal);
  } catch (error) {
    throw stop.signal.aborted ? new InterruptedError('stopped before it was whole') : error;
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

async function toStdout(pieces: AsyncIterable<string>, signal: AbortSignal): Promise<void> {
  try {
    await pipeline(Readable.from(pieces), process.stdout, { signal, end: false });
  } catch (error) {
    if (errorCode(error) !== 'EPIPE') {
      throw error;
    }
  }
}

interface FileOutput {
  readonly path: string;
  readonly force: boolean;
  readonly signal: AbortSignal;
}

async function toFile(
  pieces: AsyncIterable<string>,
  { force, path, signal }: FileOutput,
): Promise<void> {
  const part = join(dirname(path), `.${basename(path)}.${randomBytes(4).toString('hex')}.part`);
  try {
    // Not on the disk before it has its name, it could be empty after a power cut.
    const file = createWriteStream(part, { flags: 'wx', flush: true });
    await pipeline(Readable.from(pieces), file, { signal });
    // Unlike a rename, a link replaces nothing that has come there meanwhile.
    await (force ? rename(part, path) : link(part, path));
  } catch (error) {
    throw refusalOf(path, error);
  } finally {
    await unlink(part).catch(() => undefined);
  }
}

const REFUSALS: Readonly<Record<string, string>> = {
  ENOENT: 'its folder does not exist',
  ENOTDIR: 'its folder does not exist',
  EISDIR: 'it is a folder',
  ENOTEMPTY: 'it is a folder',
  EACCES: 'its folder may not be written to',
  EPERM: 'its folder may not be written to',
  EROFS: 'its folder may not be written to',
  ENOSPC: 'the disk is full',
  ENAMETOOLONG: 'its name is too long',
};

/** What went wrong with the file; other errors, such as those of the database, stay what they are. */
function refusalOf(path: string, error: unknown): unknown {
  const code = errorCode(error) ?? '';
  if (code === 'EEXIST') {
    return alreadyThere(path);
  }
  const refusal = REFUSALS[code];
  return refusal === undefined
    ? error
    : new UsageError(
        `--output: ${shownText(path, PATH_CHARACTERS_MAX)} cannot be written: ${refusal}`,
      );
}

import { setTimeout as delay } from 'node:timers/promises';

import { SingleBar } from 'cli-progress';

import type { Database } from '../db/database';
import { readJobStatus, type JobStatusReport } from './read-status';

const LOOK_AGAIN_MS = 500;

/**
 * Shows on stderr how a settlement's payments go on, until the job is complete, `isEnough` says so, or the signal
 * stops it. A bar in a terminal; elsewhere a line whenever the counts change.
 * @returns the state it ended with
 */
export async function watchStatus(
  database: Database,
  settlementId: string,
  options: {
    readonly signal: AbortSignal;
    readonly isEnough?: (job: JobStatusReport) => boolean;
  },
): Promise<JobStatusReport> {
  const show = process.stderr.isTTY ? progressBar() : progressLines();
  try {
    for (;;) {
      const job = await readJobStatus(database, settlementId);
      show.update(job);
      if (job.status === 'complete' || options.signal.aborted || options.isEnough?.(job) === true) {
        return job;
      }
      await delay(LOOK_AGAIN_MS, undefined, { signal: options.signal }).catch(() => undefined);
    }
  } finally {
    show.stop();
  }
}

interface Progress {
  update(job: JobStatusReport): void;
  stop(): void;
}

function waitingCount({ counts }: JobStatusReport): number {
  return counts.blocked + counts.unknown + counts.retryable;
}

function progressBar(): Progress {
  const bar = new SingleBar({
    format: '{bar} {value}/{total} paid, {failed} failed, {waiting} waiting, {duration_formatted}',
    stream: process.stderr,
    hideCursor: true,
  });
  let isStarted = false;
  return {
    update: (job) => {
      const payload = { failed: job.counts.failed_terminal, waiting: waitingCount(job) };
      if (isStarted) {
        bar.update(job.counts.completed, payload);
      } else {
        bar.start(job.counts.total, job.counts.completed, payload);
        isStarted = true;
      }
    },
    stop: () => {
      bar.stop();
    },
  };
}

function progressLines(): Progress {
  let shown = '';
  return {
    update: (job) => {
      const { completed, failed_terminal: failed, total } = job.counts;
      const line = `${completed.toString()}/${total.toString()} paid, ${failed.toString()} failed, ${waitingCount(job).toString()} waiting`;
      if (line !== shown) {
        process.stderr.write(`${line}\n`);
        shown = line;
      }
    },
    stop: () => undefined,
  };
}

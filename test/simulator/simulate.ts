/**
 * Many cases on every core: `npm run simulate`. The seed, the progress and the rate go to stderr; the first broken case
 * is told on stdout and ends it with exit code 1.
 */
import { availableParallelism } from 'node:os';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

import { runCases, tellBrokenCase, type BrokenCase } from './cases';
import { SIMULATOR_CASES, SIMULATOR_FROM, SIMULATOR_SEED } from './settings';

const CASES_DEFAULT = 10_000_000;
/** Cases that a thread runs between two messages. */
const CHUNK_CASES = 5_000;
const TELL_EVERY_MS = 5_000;

interface Chunk {
  readonly seed: number;
  readonly from: number;
  readonly to: number;
}

function workThread(): void {
  parentPort?.on('message', ({ from, seed, to }: Chunk) => {
    parentPort?.postMessage(runCases(seed, { from, to }) ?? null);
  });
}

class Simulation {
  private readonly began = Date.now();
  private readonly threads: Worker[];
  private next: number;
  private done = 0;
  private readonly ticker: NodeJS.Timeout;

  constructor(
    private readonly seed: number,
    private readonly from: number,
    private readonly to: number,
  ) {
    this.next = from;
    this.ticker = setInterval(() => this.tellProgress(), TELL_EVERY_MS);
    this.threads = Array.from({ length: availableParallelism() }, () => this.startThread());
    process.once('SIGINT', () => this.end(130));
    process.once('SIGTERM', () => this.end(143));
  }

  private startThread(): Worker {
    const thread = new Worker(__filename);
    let chunk = this.giveChunk(thread);
    thread.on('message', (broken: BrokenCase | null) => {
      if (broken !== null) {
        process.stdout.write(`${tellBrokenCase(broken)}\n`);
        this.end(1);
        return;
      }
      this.done += chunk === undefined ? 0 : chunk.to - chunk.from;
      chunk = this.giveChunk(thread);
      if (this.done === this.to - this.from) {
        this.end(0);
      }
    });
    thread.on('error', (error) => {
      process.stderr.write(`${error.stack ?? error.message}\n`);
      this.end(1);
    });
    return thread;
  }

  private giveChunk(thread: Worker): Chunk | undefined {
    if (this.next >= this.to) {
      return undefined;
    }
    const chunk = {
      seed: this.seed,
      from: this.next,
      to: Math.min(this.next + CHUNK_CASES, this.to),
    };
    this.next = chunk.to;
    thread.postMessage(chunk);
    return chunk;
  }

  private tellProgress(): void {
    const seconds = Math.max(Date.now() - this.began, 1) / 1_000;
    const rate = Math.round(this.done / seconds).toLocaleString('en');
    const [done, wanted] = [this.done, this.to - this.from].map((count) =>
      count.toLocaleString('en'),
    );
    process.stderr.write(`${done ?? ''} of ${wanted ?? ''} cases, ${rate} a second\n`);
  }

  private end(exitCode: number): void {
    clearInterval(this.ticker);
    this.tellProgress();
    process.exitCode = exitCode;
    for (const thread of this.threads) {
      void thread.terminate();
    }
  }
}

if (isMainThread) {
  const seed = SIMULATOR_SEED ?? Date.now() % 1_000_000_000;
  const from = SIMULATOR_FROM ?? 0;
  process.stderr.write(`SIMULATOR_SEED=${seed.toString()}\n`);
  new Simulation(seed, from, from + (SIMULATOR_CASES ?? CASES_DEFAULT));
} else {
  workThread();
}

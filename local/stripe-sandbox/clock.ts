import { changeSettings, readSettings } from './settings';
import type { StateStore } from './state-store';

/** Real time plus an offset that is kept with the state, so that a restart does not turn time back. */
export class Clock {
  constructor(
    private readonly store: StateStore,
    private readonly stoppedAtMs?: number,
  ) {}

  nowMs(): number {
    return this.stoppedAtMs ?? Date.now() + readSettings(this.store).clockOffsetMs;
  }

  /** The clock as it stood at a moment over which time was moved. */
  stoppedAt(ms: number): Clock {
    return new Clock(this.store, ms);
  }

  nowSeconds(): number {
    return Math.floor(this.nowMs() / 1000);
  }

  advance(ms: number): void {
    const { clockOffsetMs } = readSettings(this.store);
    changeSettings(this.store, { clockOffsetMs: clockOffsetMs + ms });
  }

  set(nowMs: number): void {
    changeSettings(this.store, { clockOffsetMs: nowMs - Date.now() });
  }
}

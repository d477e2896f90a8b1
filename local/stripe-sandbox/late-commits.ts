import { ENDPOINTS, endpointName } from './endpoints';
import { newId } from './ids';
import type { LateCommitRow } from './rows';
import type { SandboxState } from './state';
import { StripeError } from './stripe-errors';

/** The longest delay a Node.js timer takes; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Carries out what was answered with a 500 (docs.stripe.com/error-low-level: rolled forward later). */
export class LateCommits {
  private timer: NodeJS.Timeout | null = null;

  constructor(private readonly state: SandboxState) {}

  add(row: Omit<LateCommitRow, 'id'>): void {
    const id = newId('late');
    this.state.store.put('lateCommits', id, { ...row, id });
    this.schedule();
  }

  /** To be called after the clock was changed, and at the start for what the last process left. */
  runDue(): void {
    const now = this.state.clock.nowMs();
    for (const row of this.state.store.values('lateCommits')) {
      if (row.dueAtMs <= now) {
        this.state.store.transaction(() => {
          this.state.store.delete('lateCommits', row.id);
          this.commit(row);
        });
      }
    }
    this.schedule();
  }

  stop(): void {
    if (this.timer !== null) {
      clearTimeout(this.timer);
    }
  }

  private schedule(): void {
    this.stop();
    const due = this.state.store.values('lateCommits').map((row) => row.dueAtMs);
    if (due.length > 0) {
      const wait = Math.max(Math.min(...due) - this.state.clock.nowMs(), 0);
      this.timer = setTimeout(() => this.runDue(), Math.min(wait, MAX_TIMER_MS));
      this.timer.unref();
    }
  }

  private commit(row: LateCommitRow): void {
    const endpoint = ENDPOINTS.find((candidate) => endpointName(candidate) === row.endpoint);
    const run = endpoint?.prepare(row.params, row.pathIds);
    try {
      // At its own time: after a clock was moved by a day, the list must not take it for a moment old.
      const state = { ...this.state, clock: this.state.clock.stoppedAt(row.dueAtMs) };
      run?.({ state, caller: row.caller, request: null });
    } catch (error) {
      // Rolled back instead: the money is not there any more, for example. Nobody is told.
      if (!(error instanceof StripeError)) {
        throw error;
      }
    }
  }
}

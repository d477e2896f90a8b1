import { readSettings } from './settings';
import type { StateStore } from './state-store';
import { rateLimited } from './stripe-errors';

const WINDOW_MS = 1000;

/**
 * docs.stripe.com/rate-limits: per account, per endpoint and concurrent. Off until the control API
 * sets limits. Counts in real time: advancing the sandbox's clock must not refill it.
 */
export class RateLimiter {
  private readonly recent = new Map<string, number[]>();
  private running = 0;

  constructor(private readonly store: StateStore) {}

  /** The caller must call the returned function once, when the request is over. */
  enter(endpoint: string): () => void {
    const limits = readSettings(this.store).rateLimits;
    if (limits.maxConcurrent !== null && this.running >= limits.maxConcurrent) {
      throw rateLimited('global-concurrency');
    }
    const everything = this.within('*', limits.requestsPerSecond);
    const same = this.within(endpoint, limits.requestsPerSecondPerEndpoint);
    if (!everything || !same) {
      throw rateLimited(everything ? 'endpoint-rate' : 'global-rate');
    }
    this.running += 1;
    return () => {
      this.running -= 1;
    };
  }

  private within(bucket: string, limit: number | null): boolean {
    if (limit === null) {
      this.recent.delete(bucket);
      return true;
    }
    const now = performance.now();
    const recent = (this.recent.get(bucket) ?? []).filter((time) => time > now - WINDOW_MS);
    const admitted = recent.length < limit;
    if (admitted) {
      recent.push(now);
    }
    this.recent.set(bucket, recent);
    return admitted;
  }
}

import type { Caller, IdempotencyRow } from './rows';
import type { SandboxState } from './state';
import { invalidRequest, keyInUse, keyUsedDifferently } from './stripe-errors';

const MAX_KEY_LENGTH = 255;

/** Keys "can be removed once they are at least 24 hours old" (docs.stripe.com/api/idempotent_requests). */
const KEPT_MS = 24 * 60 * 60 * 1000;

export interface KeyedRequest {
  readonly key: string;
  readonly path: string;
  readonly fingerprint: string;
}

export function readIdempotencyKey(header: string | string[] | undefined): string | null {
  if (typeof header !== 'string' || header === '') {
    return null;
  }
  if (header.length > MAX_KEY_LENGTH) {
    throw invalidRequest(
      `Idempotency keys can be at most ${MAX_KEY_LENGTH} characters long; yours has ${header.length}.`,
    );
  }
  return header;
}

/** Saved answers and running requests by key, per account and mode. */
export class IdempotencyStore {
  /** In memory only: a process that died has no request in flight. */
  private readonly inFlight = new Set<string>();

  constructor(private readonly state: SandboxState) {}

  /** Nothing saved and nobody executing: the next request with this key begins to execute. */
  isUnused(caller: Caller, key: string): boolean {
    const scoped = scopedKey(caller, key);
    return this.find(scoped) === undefined && !this.inFlight.has(scoped);
  }

  /** The saved answer, or nothing when the request may execute; throws 409 and `idempotency_error`. */
  lookUp(caller: Caller, request: KeyedRequest): IdempotencyRow | undefined {
    const scoped = scopedKey(caller, request.key);
    if (this.inFlight.has(scoped)) {
      throw keyInUse(request.key);
    }
    const saved = this.find(scoped);
    if (saved !== undefined && saved.path !== request.path) {
      throw keyUsedDifferently(
        request.key,
        `for the same endpoint they were first used for ('${request.path}' vs '${saved.path}')`,
      );
    }
    if (saved !== undefined && saved.fingerprint !== request.fingerprint) {
      throw keyUsedDifferently(request.key, 'with the same parameters they were first used with');
    }
    return saved;
  }

  lock(caller: Caller, key: string): () => void {
    const scoped = scopedKey(caller, key);
    this.inFlight.add(scoped);
    return () => {
      this.inFlight.delete(scoped);
    };
  }

  save(caller: Caller, key: string, row: IdempotencyRow): void {
    this.state.store.put('idempotency', scopedKey(caller, key), row);
  }

  /** Stripe "may" remove keys after a day; the sandbox does at once, because late reuse then pays twice. */
  private find(scoped: string): IdempotencyRow | undefined {
    const row = this.state.store.get('idempotency', scoped);
    if (row !== undefined && this.state.clock.nowMs() - row.receivedAtMs >= KEPT_MS) {
      this.state.store.delete('idempotency', scoped);
      return undefined;
    }
    return row;
  }
}

function scopedKey(caller: Caller, key: string): string {
  return `${caller.accountId}|${caller.livemode ? 'live' : 'test'}|${key}`;
}

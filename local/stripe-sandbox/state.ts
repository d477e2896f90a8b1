import type { Clock } from './clock';
import type { Caller } from './rows';
import type { StateStore } from './state-store';

/** What every part of the sandbox works on. */
export interface SandboxState {
  readonly store: StateStore;
  readonly clock: Clock;
  /** Strict: an account nobody configured does not exist. Open: it is made on first mention. */
  readonly strictAccounts: boolean;
}

/** What an event says about the request that caused it. */
export interface RequestRef {
  readonly id: string;
  readonly idempotencyKey: string | null;
}

/** One execution of a request, after everything that can be refused without executing. */
export interface Execution {
  readonly state: SandboxState;
  readonly caller: Caller;
  /** Null for what is carried out after its request was answered. */
  readonly request: RequestRef | null;
}

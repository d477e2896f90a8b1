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

/** One execution of a request, after everything that can be refused without executing. */
export interface Execution {
  readonly state: SandboxState;
  readonly caller: Caller;
}

export type JsonObject = Readonly<Record<string, unknown>>;

import { newId } from './ids';
import type { CountersRow, ListLag, SettingsRow } from './rows';
import type { StateStore } from './state-store';

const ONLY_ROW = 'sandbox';

const NO_COUNTS: CountersRow = {
  posts: 0,
  reversalPosts: 0,
  executions: 0,
  refusals: 0,
  replays: 0,
};

const NO_LAG: ListLag = { transfersMs: 0, eventsMs: 0 };

/** Large enough for any test, small enough that sums of several stay safe integers. */
const PLENTY = 90_000_000_000_000;

export function readSettings(store: StateStore): SettingsRow {
  const settings = store.get('settings', ONLY_ROW);
  if (settings === undefined) {
    throw new Error('the sandbox has no settings row: createSettings was not called');
  }
  // A data directory of an earlier version has no lag.
  return { ...settings, listLag: { ...NO_LAG, ...(settings.listLag as ListLag | undefined) } };
}

export function changeSettings(store: StateStore, change: Partial<SettingsRow>): SettingsRow {
  const changed = { ...readSettings(store), ...change };
  store.put('settings', ONLY_ROW, changed);
  return changed;
}

export function hasSettings(store: StateStore): boolean {
  return store.get('settings', ONLY_ROW) !== undefined;
}

/** Ours, or one that a key of its own was given to. */
export function isPlatform(store: StateStore, accountId: string): boolean {
  return (
    accountId === readSettings(store).platformAccountId ||
    store.values('keys').some((key) => key.accountId === accountId)
  );
}

export function createSettings(store: StateStore, defaultAvailable = PLENTY): SettingsRow {
  const settings: SettingsRow = {
    platformAccountId: newId('acct', 16),
    defaultAvailable,
    clockOffsetMs: 0,
    rateLimits: {
      requestsPerSecond: null,
      requestsPerSecondPerEndpoint: null,
      maxConcurrent: null,
    },
    listLag: NO_LAG,
  };
  store.put('settings', ONLY_ROW, settings);
  return settings;
}

export function readCounters(store: StateStore): CountersRow {
  // A folder that an older sandbox has written lacks the counts that came later.
  return { ...NO_COUNTS, ...store.get('counters', ONLY_ROW) };
}

export function count(store: StateStore, name: keyof CountersRow): void {
  const counters = readCounters(store);
  store.put('counters', ONLY_ROW, { ...counters, [name]: counters[name] + 1 });
}

import { lockDirectory } from './directory-lock';
import { Journal } from './journal';
import type { Tables } from './rows';

type TableName = keyof Tables;

type Change = readonly [table: TableName, key: string, row: unknown];

/**
 * All state of the sandbox: tables in memory, every transaction one line of the journal. Rows are
 * replaced, never mutated, and a table keeps the order in which its keys were first put.
 */
export class StateStore {
  private readonly tables: { [T in TableName]: Map<string, Tables[T]> } = {
    accounts: new Map(),
    balances: new Map(),
    transfers: new Map(),
    reversals: new Map(),
    idempotency: new Map(),
    lateCommits: new Map(),
    keys: new Map(),
    faults: new Map(),
    randomFaults: new Map(),
    webhookEndpoints: new Map(),
    webhookFaults: new Map(),
    events: new Map(),
    deliveries: new Map(),
    finished: new Map(),
    undelivered: new Map(),
    settings: new Map(),
    counters: new Map(),
  };
  private readonly watchers: (readonly [TableName, () => void])[] = [];
  private journal: Journal | null = null;
  private unlock: (() => void) | null = null;
  private open: Change[] | null = null;

  /** Without a directory the state lives as long as the process. Throws when another one has it. */
  static async load(directory: string | null): Promise<StateStore> {
    const store = new StateStore();
    if (directory !== null) {
      store.unlock = lockDirectory(directory);
      try {
        store.journal = await Journal.open(directory, {
          replay: (line) => store.replay(line as Change[]),
          snapshot: () => store.snapshot(),
        });
      } catch (error) {
        store.unlock();
        throw error;
      }
    }
    return store;
  }

  get<T extends TableName>(table: T, key: string): Tables[T] | undefined {
    return this.tables[table].get(key);
  }

  values<T extends TableName>(table: T): Tables[T][] {
    return [...this.tables[table].values()];
  }

  put<T extends TableName>(table: T, key: string, row: Tables[T]): void {
    this.record([table, key, row]);
  }

  delete(table: TableName, key: string): void {
    this.record([table, key, null]);
  }

  /**
   * Everything `work` writes survives a crash together or not at all. `work` is synchronous, so no
   * other request sees or changes anything in between; it checks before it writes, because nothing
   * is rolled back.
   */
  transaction<R>(work: () => R): R {
    if (this.open !== null) {
      return work();
    }
    const changes: Change[] = [];
    this.open = changes;
    try {
      return work();
    } finally {
      this.open = null;
      if (changes.length > 0) {
        this.commit(changes);
      }
    }
  }

  /** `notice` is called after each transaction that changed the table. */
  watch(table: TableName, notice: () => void): void {
    this.watchers.push([table, notice]);
  }

  async flushed(): Promise<void> {
    await this.journal?.flushed();
  }

  async close(): Promise<void> {
    try {
      await this.journal?.close();
    } finally {
      this.unlock?.();
    }
  }

  private replay(changes: readonly Change[]): void {
    for (const change of changes) {
      this.apply(change);
    }
  }

  /** One line a row, each table in its order. */
  private *snapshot(): Generator<Change[]> {
    for (const [table, rows] of Object.entries(this.tables)) {
      for (const [key, row] of rows) {
        yield [[table as TableName, key, row]];
      }
    }
  }

  private record(change: Change): void {
    this.apply(change);
    if (this.open === null) {
      this.commit([change]);
    } else {
      this.open.push(change);
    }
  }

  private commit(changes: readonly Change[]): void {
    this.journal?.append(changes);
    for (const [table, notice] of this.watchers) {
      if (changes.some(([changed]) => changed === table)) {
        notice();
      }
    }
  }

  private apply([table, key, row]: Change): void {
    const rows = this.tables[table] as Map<string, unknown>;
    if (row === null) {
      rows.delete(key);
    } else {
      rows.set(key, row);
    }
  }
}

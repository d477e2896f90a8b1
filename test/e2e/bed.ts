/**
 * Goal: what end-to-end tests start from: a user with settings, files and the built command, and the sandbox's own count.
 * Method: everything goes through `dist/src/client/cli.js` as processes; SQL and the oracle only look.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { Pool, type PoolClient, type QueryResultRow } from 'pg';

import { openDatabase, type Database, type DatabaseConnection } from '../../src/db/database';
import { readStatus, type SettlementReport } from '../../src/client/read-status';
import { SWEEP_ID } from '../../src/domain/ids';
import { runCli, spawnCli, type CommandResult, type TestProcess } from '../support/processes';

export interface Addresses {
  readonly databaseUrl: string;
  readonly temporalAddress: string;
  readonly stripeApiBase: string;
}

export interface Oracle {
  readonly posts: number;
  readonly executions: number;
  readonly totalsByCurrency: Readonly<Record<string, number>>;
  /** Transfers that nobody asked for. */
  readonly withoutPayoutTransferId: readonly string[];
  readonly byPayoutTransferId: Readonly<
    Record<
      string,
      {
        readonly count: number;
        readonly amountMinor: number;
        readonly reversedMinor: number;
        readonly ids: string[];
      }
    >
  >;
}

export type Settings = Readonly<Record<string, string>>;

type Control =
  | 'accounts'
  | 'balance'
  | 'clock'
  | 'faults'
  | 'faults/random'
  | 'keys'
  | 'list-lag'
  | 'webhooks'
  | 'webhooks/deliver';

/** Long enough to be recognised wherever it would leak. */
export const API_KEY = 'sk_test_e2eSecretOfThisRun0001';

/** Which Temporal server a test file runs on: the dev server, or with TEST_TEMPORAL=server the one of production. */
export const TEMPORAL_KIND = process.env['TEST_TEMPORAL'] === 'server' ? 'server' : 'dev';

const POLL_MS = 100;
/** Ends a hang on a busy machine, where each look may be a process of its own; it measures nothing. */
const UNTIL_LIMIT_MS = 90_000;

/** Waits for a condition and returns what it found; says what was waited for when it does not come. */
export async function until<Found>(
  what: string,
  look: () => Promise<Found | undefined | false> | Found | undefined | false,
  limitMs = UNTIL_LIMIT_MS,
): Promise<Found> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) {
      return found;
    }
    if (Date.now() > deadline) {
      throw new Error(`${what}: not within ${limitMs} ms`);
    }
    await delay(POLL_MS);
  }
}

/** A user's view of one installation. */
export class Bed {
  readonly env: Settings;
  private readonly folder = mkdtempSync(path.join(tmpdir(), 'payouts-e2e-'));
  private readonly processes: TestProcess[] = [];
  private readonly pool: Pool;
  private readonly product: DatabaseConnection;

  constructor(
    readonly addresses: Addresses,
    settings: Settings = {},
  ) {
    this.env = {
      DATABASE_URL: addresses.databaseUrl,
      TEMPORAL_ADDRESS: addresses.temporalAddress,
      STRIPE_API_BASE: addresses.stripeApiBase,
      STRIPE_API_KEY: API_KEY,
      STRIPE_REQUESTS_PER_SECOND: '100',
      ...settings,
    };
    this.product = openDatabase(addresses.databaseUrl, 2);
    this.pool = new Pool({ connectionString: addresses.databaseUrl, max: 3 });
    this.pool.on('error', () => undefined);
  }

  /** Postgres as the product opens it, for the statements that hold at every moment. */
  get database(): Database {
    return this.product.database;
  }

  /** Runs `payouts …args` to its end, in a folder without a `.env`. */
  run(args: readonly string[], settings: Settings = {}): Promise<CommandResult> {
    return runCli(args, { env: { ...this.env, ...settings }, cwd: this.folder });
  }

  /** What a command prints with `--json`: exactly one line with one object, and exit code 0. */
  async json<Result>(...args: readonly string[]): Promise<Result> {
    const { code, stdout, stderr } = await this.run([...args, '--json']);
    if (code !== 0 || stdout.trimEnd().includes('\n')) {
      throw new Error(`payouts ${args.join(' ')}: exit ${String(code)}\n${stdout}${stderr}`);
    }
    return JSON.parse(stdout) as Result;
  }

  status(settlementId: string): Promise<SettlementReport> {
    return this.json<SettlementReport>('status', settlementId);
  }

  /** What `status` prints, without its process: one for each look would take the time that the workers need. */
  async look(settlementId: string): Promise<SettlementReport> {
    const report = await readStatus(this.database, settlementId);
    if (report.status !== 'accepted') {
      throw new Error(`settlement ${settlementId} is ${report.status}`);
    }
    return report;
  }

  spawn(args: readonly string[], settings: Settings = {}): TestProcess {
    const child = spawnCli(args, { env: { ...this.env, ...settings }, cwd: this.folder });
    this.processes.push(child);
    return child;
  }

  /** A worker process that has begun to poll. */
  async worker(): Promise<TestProcess> {
    const child = this.spawn(['worker']);
    await Promise.race([
      until('the worker runs', () => child.stderr().includes('worker is running')),
      child.ended.then(({ code, stderr }) => {
        throw new Error(`the worker ended with ${String(code)}: ${stderr}`);
      }),
    ]);
    return child;
  }

  async oracle(): Promise<Oracle> {
    const response = await fetch(`${this.addresses.stripeApiBase}/_sandbox/oracle`);
    return (await response.json()) as Oracle;
  }

  async control(name: Control, body: object | null): Promise<void> {
    const response = await fetch(`${this.addresses.stripeApiBase}/_sandbox/${name}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) {
      throw new Error(`the sandbox refused ${name}: ${await response.text()}`);
    }
  }

  async rows<Row extends QueryResultRow>(
    statement: string,
    values: readonly unknown[] = [],
  ): Promise<Row[]> {
    return (await this.pool.query<Row>(statement, [...values])).rows;
  }

  /** Runs statements in one transaction on one connection. */
  async inTransaction<Result>(work: (client: PoolClient) => Promise<Result>): Promise<Result> {
    const client = await this.pool.connect();
    try {
      await client.query('begin');
      const result = await work(client);
      await client.query('commit');
      return result;
    } catch (error) {
      await client.query('rollback');
      throw error;
    } finally {
      client.release();
    }
  }

  async count(table: string, where = 'true'): Promise<number> {
    const [row] = await this.rows<{ n: string }>(
      `select count(*) as n from ${table} where ${where}`,
    );
    return Number(row?.n);
  }

  /** The status once the job is complete. */
  async completed(settlementId: string, limitMs = 100_000): Promise<SettlementReport> {
    await until(
      `job of ${settlementId} is complete`,
      async () =>
        (await this.count(
          'payout_jobs',
          `settlement_id = '${settlementId}' and status = 'complete'`,
        )) === 1,
      limitMs,
    );
    return this.status(settlementId);
  }

  /** Writes a file of the user's and returns its path. */
  file(name: string, content: unknown): string {
    const file = path.join(this.folder, name);
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
    return file;
  }

  /** Stops what this bed started, processes first. */
  async close(): Promise<void> {
    await Promise.all(this.processes.map((child) => child.stop()));
    await this.product.close();
    await this.pool.end();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/**
 * From now on only the test sweeps: the schedule's own sweep comes every five minutes, and would otherwise sometimes be
 * there first. To be called after `setup` and before a worker runs.
 */
export async function holdSweeps(temporal: Client): Promise<void> {
  const schedule = temporal.schedule.getHandle(SWEEP_ID);
  await schedule.pause('a test sweeps by itself');
  const { info } = await schedule.describe();
  for (const { action } of info.recentActions) {
    await temporal.workflow.getHandle(action.workflow.workflowId).terminate('a test sweeps');
  }
}

/** A settlement file of `count` winners `<id>-u000`, …, each with another amount. */
export function settlementOf(id: string, count: number) {
  const winners = Array.from({ length: count }, (_, index) => ({
    userId: userOf(id, index),
    amountMinor: 1_000 + index,
  }));
  return { settlementId: id, contestId: `contest-${id}`, currency: 'usd', winners };
}

export function userOf(id: string, index: number): string {
  return `${id}-u${index.toString().padStart(3, '0')}`;
}

export function accountOf(userId: string): string {
  return `acct_${userId.replaceAll('-', '_')}`;
}

/** The accounts file of the winners of a settlement, as JSON. */
export function accountsOf({ winners }: ReturnType<typeof settlementOf>) {
  return winners.map(({ userId }) => ({ userId, stripeAccountId: accountOf(userId) }));
}

/** Postgres against the sandbox: who is called paid was paid, once, this amount, by this Stripe transfer. */
export function falselyPaid(status: SettlementReport, oracle: Oracle): string[] {
  return status.transfers
    .filter(({ status: state }) => state === 'completed')
    .filter(({ id, amountMinor, stripeTransferId }) => {
      const paid = oracle.byPayoutTransferId[id];
      return (
        paid?.count !== 1 || paid.amountMinor !== amountMinor || paid.ids[0] !== stripeTransferId
      );
    })
    .map(({ userId }) => userId);
}

/** How often the sandbox paid the winners of a settlement, from the most often paid to the least. */
export function timesPaid(status: SettlementReport, oracle: Oracle): number[] {
  const counts = status.transfers.map(({ id }) => oracle.byPayoutTransferId[id]?.count ?? 0);
  return [...new Set(counts)].sort((left, right) => right - left);
}

/** A port that takes connections and never says a word. */
export async function openBlackHole(): Promise<{ port: number; close: () => void }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      for (const socket of sockets) {
        socket.destroy();
      }
      server.close();
    },
  };
}

/**
 * Goal: what tests of lost and restored data start from: copies of a database, empty Temporals, and moved clocks.
 * Method: a copy is a database of its own beside the first; an empty Temporal is a namespace that `setup` makes.
 */
import { Client, Connection } from '@temporalio/client';
import { Client as Session } from 'pg';

import { startLocalStack, type LocalStack } from '../../local/stack';
import { runPayoutScheduler } from '../../src/client/sweep';
import type { SweepReport } from '../../src/domain/contracts';
import { movePayoutClock } from '../support/clock';
import { Bed, holdSweeps, type Addresses } from './bed';

const DEFAULT_NAMESPACE = 'default';

/** One machine with Postgres, Temporal and Stripe, and the installations that a test makes on it. */
export class RestoreBed {
  private readonly beds: Bed[] = [];
  private made = 0;

  private constructor(
    private readonly stack: LocalStack,
    private readonly connection: Connection,
  ) {}

  static async open(): Promise<RestoreBed> {
    const stack = await startLocalStack({ stripe: true, fsync: false });
    return new RestoreBed(stack, await Connection.connect({ address: stack.temporalAddress }));
  }

  /** An installation that is set up: a database, empty or a copy, and a Temporal, empty or one that was used before. */
  async installation(wish: {
    readonly copyOf?: string;
    /** The address of a database that is there already. */
    readonly on?: string;
    readonly namespace?: string;
    readonly settings?: Readonly<Record<string, string>>;
  }): Promise<Bed> {
    this.made += 1;
    const databaseUrl =
      wish.on ?? (await this.copy(wish.copyOf ?? 'template1', `made_${this.made.toString()}`));
    const { temporalAddress, stripeApiBase = '' } = this.stack;
    const addresses: Addresses = { databaseUrl, temporalAddress, stripeApiBase };
    const bed = new Bed(addresses, {
      TEMPORAL_NAMESPACE: wish.namespace ?? `namespace-${this.made.toString()}`,
      ...wish.settings,
    });
    this.beds.push(bed);
    await bed.json('setup');
    // Whoever tests what a sweep finds must be the one who sweeps.
    await holdSweeps(this.client(bed));
    return bed;
  }

  /** A backup of an installation's database as it is now; for `copyOf`. */
  async backup(bed: Bed): Promise<string> {
    this.made += 1;
    const name = `backup_${this.made.toString()}`;
    await this.copy(databaseOf(bed), name);
    return name;
  }

  client(bed: Bed): Client {
    const namespace = bed.env['TEMPORAL_NAMESPACE'] ?? DEFAULT_NAMESPACE;
    return new Client({ connection: this.connection, namespace });
  }

  /** A sweep at this moment, by a worker that runs already. */
  sweep(bed: Bed): Promise<SweepReport> {
    return runPayoutScheduler(this.client(bed));
  }

  /** This installation's Postgres and Stripe, moved together. */
  async moveClocks(bed: Bed, by: { readonly hours: number }): Promise<void> {
    const ms = await movePayoutClock(bed, by);
    await bed.control('clock', { nowMs: Date.now() + ms });
  }

  async close(): Promise<void> {
    await Promise.all(this.beds.map((bed) => bed.close()));
    await this.connection.close();
    await this.stack.stop();
  }

  private async copy(from: string, to: string): Promise<string> {
    const session = new Session({ connectionString: this.stack.databaseUrl });
    await session.connect();
    try {
      // A database is copied only while nobody is connected to it; pools connect again by themselves.
      await session.query(
        'select pg_terminate_backend(pid) from pg_stat_activity where datname = $1',
        [from],
      );
      await session.query(`create database ${to} template ${from}`);
    } finally {
      await session.end();
    }
    const url = new URL(this.stack.databaseUrl);
    url.pathname = `/${to}`;
    return url.toString();
  }
}

function databaseOf(bed: Bed): string {
  return new URL(bed.addresses.databaseUrl).pathname.slice(1);
}

/**
 * Goal: what tests of Postgres and of activities start from, in few words: a database of their own, debts, accounts.
 * Method: everything is made by the product's own repositories, except where a test wants what they would refuse.
 */
import { Pool, type QueryResultRow } from 'pg';

import { approvalHash } from '../../src/db/approval-hash';
import { lockApprovalContent, markSettlementApproved } from '../../src/db/approvals';
import {
  inTransaction,
  openDatabase,
  type Database,
  type DatabaseConnection,
} from '../../src/db/database';
import { postgresErrorOf } from '../../src/db/database-errors';
import type { Installation } from '../../src/db/installation';
import { openGeneration, type PayoutGeneration } from '../../src/db/payout-generations';
import { findTransfersByJob, type PayoutTransfer } from '../../src/db/payout-transfers';
import { markProcessing } from '../../src/db/transfer-moves';
import {
  findJobBySettlement,
  beginListReading,
  recordStripeListRead,
  type PayoutJob,
} from '../../src/db/payout-jobs';
import { schedulePayoutJob, type SchedulingTerms } from '../../src/db/schedule-payout-job';
import { insertSettlement } from '../../src/db/settlements';
import { insertUserStripeAccount } from '../../src/db/user-stripe-accounts';
import type { PayoutTerms } from '../../src/domain/approval';
import type { TransferClaim } from '../../src/domain/contracts';
import { freezeRequest } from '../../src/domain/generation';
import { DEFAULT_AWARD } from '../../src/domain/ids';
import type { Settlement, Winner } from '../../src/domain/settlement';
import { createTestDatabase } from './postgres';

/** Which installation pays in tests that need no Stripe. */
export const PLATFORM: Installation = {
  installationId: 'test',
  stripeAccountId: 'acct_platform',
  livemode: false,
};

export const MAX_ATTEMPTS = 3;

/** Nobody needs an approval, and nothing is held. */
export const TERMS: PayoutTerms = {
  maxAttempts: MAX_ATTEMPTS,
  approvalAbove: undefined,
  holdMs: 0,
};

let made = 0;

/** A new made-up id; no two tests of a file share one. */
export function newId(what: string): string {
  made += 1;
  return `${what}-${made.toString()}`;
}

/** A database of its own with two ways in: as the product, and as its owner with SQL. */
export interface DatabaseBed {
  readonly databaseUrl: string;
  readonly database: Database;
  /** Another connection pool on the same database: another process, as far as Postgres can tell. */
  connect(connectionsMax?: number): DatabaseConnection;
  rows<Row extends QueryResultRow>(statement: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Statements in one transaction of the owner's. */
  inTransaction(...statements: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

export async function openDatabaseBed(connectionsMax = 10): Promise<DatabaseBed> {
  const { databaseUrl, drop } = await createTestDatabase();
  const product = openDatabase(databaseUrl, connectionsMax);
  const others: DatabaseConnection[] = [];
  const owner = new Pool({ connectionString: databaseUrl, max: 4 });
  // Dropping the database ends sessions that were already given back.
  owner.on('error', () => undefined);
  return {
    databaseUrl,
    database: product.database,
    connect: (max = 1) => {
      const other = openDatabase(databaseUrl, max);
      others.push(other);
      return other;
    },
    rows: async <Row extends QueryResultRow>(statement: string, values: readonly unknown[] = []) =>
      (await owner.query<Row>(statement, [...values])).rows,
    inTransaction: async (...statements) => {
      const client = await owner.connect();
      try {
        for (const statement of ['begin', ...statements, 'commit']) {
          await client.query(statement);
        }
      } catch (error) {
        await client.query('rollback');
        throw error;
      } finally {
        client.release();
      }
    },
    close: async () => {
      await Promise.all([product.close(), ...others.map((other) => other.close()), owner.end()]);
      await drop();
    },
  };
}

export interface WinnerWish {
  readonly userId?: string;
  readonly award?: string;
  readonly amountMinor?: number;
}

export interface SettlementWish {
  readonly settlementId?: string;
  readonly contestId?: string;
  readonly currency?: string;
  /** How many winners, or who they are. */
  readonly winners?: number | readonly WinnerWish[];
}

/** A checked settlement; ids that are not wished for are new. */
export function settlementOf(wish: SettlementWish = {}): Settlement {
  const { winners: wished = 1 } = wish;
  const wishes: readonly WinnerWish[] =
    typeof wished === 'number' ? Array.from({ length: wished }, () => ({})) : wished;
  const winners: Winner[] = wishes.map((winner, index) => ({
    userId: winner.userId ?? newId('user'),
    award: winner.award ?? DEFAULT_AWARD,
    amountMinor: winner.amountMinor ?? 1_000 + index,
  }));
  return {
    settlementId: wish.settlementId ?? newId('settlement'),
    contestId: wish.contestId ?? newId('contest'),
    currency: wish.currency ?? 'usd',
    winners,
    totalMinor: winners.reduce((sum, winner) => sum + winner.amountMinor, 0),
  };
}

export interface ScheduledSettlement {
  readonly settlement: Settlement;
  readonly job: PayoutJob;
  /** In the order of their ids. */
  readonly transfers: readonly PayoutTransfer[];
}

/** A recorded settlement with its job and transfers, nobody claimed. */
export async function givenScheduledSettlement(
  database: Database,
  wish: SettlementWish = {},
  { recordedBy, ...terms }: Partial<SchedulingTerms> & { readonly recordedBy?: string } = {},
): Promise<ScheduledSettlement> {
  const settlement = settlementOf(wish);
  const job = await database.transaction(async (transaction) => {
    await insertSettlement(transaction, settlement, recordedBy);
    const scheduled = await schedulePayoutJob(transaction, settlement.settlementId, {
      installationId: PLATFORM.installationId,
      ...TERMS,
      ...terms,
    });
    // As if the job had begun: Stripe's list was read, and nothing was in it.
    await recordStripeListRead(
      transaction,
      settlement.settlementId,
      await beginListReading(transaction, settlement.settlementId),
    );
    return scheduled.job;
  });
  const transfers = await findTransfersByJob(database, job.id, {
    afterTransferId: null,
    transfersMax: 10_000,
  });
  return { settlement, job, transfers };
}

/** One debt of one winner, with the winner's connected account where one is wished for. */
export async function givenTransfer(
  database: Database,
  wish: {
    readonly account?: string;
    readonly amountMinor?: number;
    readonly maxAttempts?: number;
    readonly terms?: Partial<PayoutTerms>;
  },
): Promise<PayoutTransfer> {
  const userId = newId('user');
  if (wish.account !== undefined) {
    await insertUserStripeAccount(database, { userId, stripeAccountId: wish.account });
  }
  const { amountMinor, maxAttempts, terms } = wish;
  const { transfers } = await givenScheduledSettlement(
    database,
    { winners: [{ userId, ...(amountMinor !== undefined && { amountMinor }) }] },
    { ...terms, ...(maxAttempts !== undefined && { maxAttempts }) },
  );
  return transfers[0]!;
}

export interface ClaimedTransfer {
  readonly transfer: PayoutTransfer;
  readonly generation: PayoutGeneration;
  readonly claim: TransferClaim;
}

/** A debt under the claim of `run-1`, its first generation open, nothing sent. */
export async function givenClaimedTransfer(
  database: Database,
  wish: { readonly maxAttempts?: number; readonly terms?: Partial<PayoutTerms> } = {},
): Promise<ClaimedTransfer> {
  const pending = await givenTransfer(database, wish);
  await insertUserStripeAccount(database, {
    userId: pending.userId,
    stripeAccountId: 'acct_winner',
  });
  const generation = await openGeneration(database, {
    transferId: pending.id,
    generation: 1,
    request: freezeRequest({
      ...pending,
      transferId: pending.id,
      installationId: PLATFORM.installationId,
      destination: 'acct_winner',
    }),
    stripeAccountId: PLATFORM.stripeAccountId,
    livemode: PLATFORM.livemode,
  });
  const transfer = await markProcessing(database, pending, { runId: 'run-1', generation: 1 });
  const { claimNumber } = transfer;
  const claim = { transferId: transfer.id, generation: 1, claimNumber, runId: 'run-1' };
  return { transfer, generation, claim };
}

/** Every settlement needs an approval. */
export const NEEDS_APPROVAL: Partial<PayoutTerms> = { approvalAbove: {} };

/** As an approver leaves it: what is not given up is approved. */
export async function givenApproval(
  database: Database,
  settlementId: string,
  approvedBy = 'approver',
): Promise<void> {
  const job = await findJobBySettlement(database, settlementId);
  if (job === undefined) {
    throw new Error(`settlement ${settlementId} has no job`);
  }
  await inTransaction(database, async (executor) => {
    const { hash } = await lockApprovalContent(executor, job);
    await markSettlementApproved(executor, job.id, { approvedBy, hash });
  });
}

/** As an approver leaves it when every one of these winners is given up, and restored later. */
export async function givenApprovalOfOthers(
  bed: DatabaseBed,
  { payoutJobId, settlementId, currency }: PayoutTransfer,
): Promise<void> {
  await bed.rows(
    `update payout_jobs set approval = 'approved', approved_by = 'approver', approved_hash = $2,
       approved_at = payout_now() where id = $1`,
    [payoutJobId, approvalHash({ settlementId, currency }, [])],
  );
}

export function newAccountId(): string {
  return newId('acct_winner').replace('-', '_');
}

/** What Postgres refused with: the constraint's name where it has one, else its message. */
export async function refusalOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    const refused = postgresErrorOf(error);
    if (refused === undefined) {
      throw error;
    }
    return refused.constraint ?? refused.message;
  }
  return 'nothing was refused';
}

/** Ends a hang on a busy machine and measures nothing. */
const LOCK_LIMIT_MS = 50_000;

/**
 * Waits until a session of this database waits for a lock: the moment in which a race is decided.
 * @throws Error when none does within LOCK_LIMIT_MS
 */
export async function untilSomebodyWaitsForLock(bed: DatabaseBed, sessions = 1): Promise<void> {
  const giveUpAt = Date.now() + LOCK_LIMIT_MS;
  for (;;) {
    const [row] = await bed.rows<{ waiting: number }>(
      `select count(*)::int as waiting from pg_stat_activity
       where datname = current_database() and wait_event_type = 'Lock'`,
    );
    if ((row?.waiting ?? 0) >= sessions) {
      return;
    }
    if (Date.now() > giveUpAt) {
      throw new Error(`nobody waited for a lock within ${LOCK_LIMIT_MS} ms`);
    }
  }
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { wakeWaitingTransfers } from '../src/activities/wake-waiting-transfers';
import { withDatabase, withTemporal } from '../src/client/connections';
import { importAccounts } from '../src/client/import-accounts';
import { readJobStatus } from '../src/client/read-status';
import { recordSettlement, startRecordedJob } from '../src/client/settle';
import { setUp } from '../src/client/setup';
import type { TemporalClient } from '../src/client/temporal-client';
import { payoutTermsOf } from '../src/config/payout-terms';
import { loadSettings, type Settings } from '../src/config/settings';
import type { Database } from '../src/db/database';
import { DEFAULT_AWARD } from '../src/domain/ids';
import type { Settlement } from '../src/domain/settlement';
import { createStripeClient } from '../src/stripe/client';
import { askOracle, type SandboxOracle } from '../local/demo/sandbox-control';
import { startWorkerProcess, type WorkerProcess } from '../local/demo/worker-process';
import { startLocalStack } from '../local/stack';

const LOOK_MS = 100;

interface BenchOptions {
  readonly workers: number;
  readonly requestsPerSecond: number;
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * One installation on real local parts, with as many worker processes as asked for: what a benchmark settles and pays
 * with. Stripe is the sandbox without latency, so that what is measured is the product.
 */
export class BenchInstallation {
  private constructor(
    private readonly settings: Settings<'DATABASE_URL' | 'STRIPE_API_KEY'>,
    private readonly database: Database,
    private readonly temporal: TemporalClient,
    private readonly workers: readonly WorkerProcess[],
  ) {}

  /** Starts an installation, runs work with it and stops all that was started, however the work ends. */
  static async with<Result>(
    options: BenchOptions,
    work: (installation: BenchInstallation) => Promise<Result>,
  ): Promise<Result> {
    const { onProgress, requestsPerSecond, signal } = options;
    const stack = await startLocalStack({ stripe: true, onProgress, signal });
    const logs = mkdtempSync(path.join(tmpdir(), 'payouts-bench-'));
    const variables = {
      DATABASE_URL: stack.databaseUrl,
      TEMPORAL_ADDRESS: stack.temporalAddress,
      STRIPE_API_BASE: stack.stripeApiBase ?? '',
      STRIPE_API_KEY: 'sk_test_bench',
      STRIPE_REQUESTS_PER_SECOND: requestsPerSecond.toString(),
    };
    try {
      return await withTemporal(variables, (temporal) =>
        withDatabase(variables, async (database) => {
          const settings = loadSettings(variables, ['DATABASE_URL', 'STRIPE_API_KEY']);
          await prepare(settings, database, temporal);
          const workers = Array.from({ length: options.workers }, (_, index) =>
            startWorkerProcess(variables, path.join(logs, `worker-${index.toString()}.log`)),
          );
          try {
            return await work(new BenchInstallation(settings, database, temporal, workers));
          } finally {
            await Promise.all(workers.map((worker) => worker.stop()));
          }
        }),
      );
    } finally {
      await stack.stop();
      rmSync(logs, { recursive: true, force: true });
    }
  }

  /** Rejects when a worker ends by itself: what is measured without it would be a lie. */
  async whileWorkersLive<Result>(work: Promise<Result>): Promise<Result> {
    const deaths = this.workers.map(async ({ died }) => {
      throw new Error(await died);
    });
    return Promise.race([work, ...deaths]);
  }

  /** What `payouts settle` does. */
  async settle(settlement: Settlement): Promise<void> {
    const { database, settings, temporal } = this;
    const recorded = await recordSettlement(database, settlement, {
      installationId: settings.payoutInstallationId,
      ...payoutTermsOf(settings),
    });
    await startRecordedJob({ client: temporal.client, database }, settlement, recorded);
  }

  /** What `payouts accounts import` does. */
  async importAccountsOf(userIds: readonly string[]): Promise<void> {
    const { database, temporal } = this;
    const accepted = userIds.map((userId) => ({ userId, stripeAccountId: accountOf(userId) }));
    const file = { accepted, rejected: [] };
    const { changedUserIds } = await importAccounts(database, file, undefined);
    await wakeWaitingTransfers({ client: temporal.client, database }, changedUserIds);
  }

  /** Waits until at least this many winners of a settlement are paid; a statement for each look, and no command. */
  async untilPaid(settlementId: string, winners: number): Promise<void> {
    await until(async () => {
      const { counts } = await readJobStatus(this.database, settlementId);
      return counts.completed >= winners;
    });
  }

  /** Waits until this many winners of a settlement have a workflow that has looked and waits. */
  async untilWaiting(settlementId: string, winners: number): Promise<void> {
    const query = `PayoutSettlementId = "${settlementId}" AND PayoutState = "blocked" AND ExecutionStatus = "Running"`;
    await until(async () => {
      const { count } = await this.temporal.client.workflow.count(query);
      return count >= winners;
    });
  }

  oracle(): Promise<SandboxOracle> {
    return askOracle(this.settings.stripeApiBase);
  }
}

async function prepare(
  settings: Settings<'DATABASE_URL' | 'STRIPE_API_KEY'>,
  database: Database,
  temporal: TemporalClient,
): Promise<void> {
  const {
    databaseUrl,
    payoutInstallationId: installationId,
    stripeApiBase,
    stripeApiKey,
  } = settings;
  const stripe = createStripeClient({ apiKey: stripeApiKey, apiBase: stripeApiBase });
  await setUp({ databaseUrl, database, temporal, stripe, installationId });
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) {
    await delay(LOOK_MS);
  }
}

function accountOf(userId: string): string {
  return `acct_${userId.replaceAll('-', '_')}`;
}

/** Winners `<id>-00000`, `<id>-00001`, … of one unit each. */
export function benchSettlement(settlementId: string, count: number): Settlement {
  const amountMinor = 1_000;
  const winners = Array.from({ length: count }, (_, index) => ({
    userId: `${settlementId}-${index.toString().padStart(5, '0')}`,
    award: DEFAULT_AWARD,
    amountMinor,
  }));
  return {
    settlementId,
    contestId: settlementId,
    currency: 'usd',
    winners,
    totalMinor: count * amountMinor,
  };
}

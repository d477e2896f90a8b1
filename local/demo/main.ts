/**
 * `npm run demo`: the whole product on real parts, in one command. A real prize table is settled and paid through the
 * local stack, five winners meet trouble on the way, and at the end every state is compared with what it has to be
 * and with the sandbox's own count.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { Command } from 'commander';

import { importAccounts } from '../../src/client/import-accounts';
import { withDatabase, withTemporal } from '../../src/client/connections';
import { readStatus, type JobStatusReport } from '../../src/client/read-status';
import { unpaidTransfersQuery } from '../../src/client/saved-queries';
import { recordSettlement, startRecordedJob } from '../../src/client/settle';
import { setUp } from '../../src/client/setup';
import { statusText } from '../../src/client/show-status';
import { trialBalanceTable } from '../../src/client/show-trial-balance';
import { watchStatus } from '../../src/client/watch-status';
import { payoutTermsOf } from '../../src/config/payout-terms';
import { loadSettings } from '../../src/config/settings';
import { trialBalance } from '../../src/db/ledger';
import { formatAmount } from '../../src/domain/money';
import { createStripeClient } from '../../src/stripe/client';
import { startLocalStack, type LocalStack } from '../stack';
import { findDeviations } from './check';
import { askOracle, controlSandbox } from './sandbox-control';
import {
  accountOf,
  CONTEST_NAME,
  demoAccounts,
  demoSettlement,
  INCIDENTS,
  userOf,
} from './scenario';
import { startWorkerProcess } from './worker-process';

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** The settings of the local stack, as a user would export them. */
function environmentOf(stack: LocalStack): Record<string, string> {
  return {
    DATABASE_URL: stack.databaseUrl,
    TEMPORAL_ADDRESS: stack.temporalAddress,
    STRIPE_API_BASE: stack.stripeApiBase ?? '',
    STRIPE_API_KEY: 'sk_test_local',
    // Faster than the default, which is made for Stripe's own limits; the demo should not be a wait.
    STRIPE_REQUESTS_PER_SECOND: '50',
  };
}

async function prepare(stack: LocalStack): Promise<void> {
  const variables = environmentOf(stack);
  const settings = loadSettings(variables, ['DATABASE_URL', 'TEMPORAL_ADDRESS', 'STRIPE_API_KEY']);
  const stripe = createStripeClient({
    apiKey: settings.stripeApiKey,
    apiBase: settings.stripeApiBase,
  });
  await withTemporal(variables, (temporal) =>
    withDatabase(variables, async (database) => {
      const { databaseUrl, payoutInstallationId: installationId } = settings;
      await setUp({ databaseUrl, database, temporal, stripe, installationId });
      await importAccounts(database, { accepted: demoAccounts(), rejected: [] }, undefined);
    }),
  );
  for (const { account, fault, place } of INCIDENTS) {
    const destination = accountOf(place);
    if (account === 'closed') {
      await controlSandbox(settings.stripeApiBase, 'accounts', { id: destination, state: account });
    }
    if (fault !== undefined) {
      const match = { method: 'POST', path: '/v1/transfers', destination };
      await controlSandbox(settings.stripeApiBase, 'faults', { match, fault });
    }
  }
}

/** Nobody is on the way any more: paid, ended, or waiting for something that the demo does not bring. */
function hasSettled({ counts }: JobStatusReport): boolean {
  return counts.pending + counts.processing + counts.retryable + counts.unknown === 0;
}

async function pay(stack: LocalStack, signal: AbortSignal): Promise<string[]> {
  const variables = environmentOf(stack);
  const settlement = demoSettlement();
  const { settlementId, currency } = settlement;
  return withDatabase(variables, async (database) => {
    const settings = loadSettings(variables);
    const terms = {
      installationId: settings.payoutInstallationId,
      ...payoutTermsOf(settings),
    };
    const recorded = await recordSettlement(database, settlement, terms);
    await withTemporal(variables, ({ client }) =>
      startRecordedJob({ client, database }, settlement, recorded),
    );
    await watchStatus(database, settlementId, { signal, isEnough: hasSettled });
    const status = await readStatus(database, settlementId);
    const balance = await trialBalance(database);
    say(`\n${statusText(status)}\n`);
    say(`Trial balance of the ledger (${currency}):\n${trialBalanceTable(balance)}\n`);
    return signal.aborted ? [] : findDeviations(status, await askOracle(stack.stripeApiBase ?? ''));
  });
}

function introduce(): void {
  const { winners, totalMinor, currency } = demoSettlement();
  say(
    `${CONTEST_NAME}: ${winners.length.toString()} places, ${formatAmount(totalMinor, currency)}`,
  );
  for (const { place, story } of INCIDENTS) {
    say(`  ${userOf(place)}: ${story}`);
  }
}

function conclude(stack: LocalStack, deviations: readonly string[]): void {
  const query = encodeURIComponent(unpaidTransfersQuery(demoSettlement().contestId));
  say(`Temporal Web UI: ${stack.temporalUiUrl}`);
  say(`  the unpaid:   ${stack.temporalUiUrl}/namespaces/default/workflows?query=${query}`);
  if (deviations.length === 0) {
    say('Every winner is in the state expected of it, and the sandbox’s own count agrees.');
  } else {
    say(['NOT as expected:', ...deviations].join('\n  '));
  }
}

async function runDemo(
  options: { readonly exit?: boolean },
  stop: AbortController,
): Promise<number> {
  introduce();
  const logs = mkdtempSync(path.join(tmpdir(), 'payouts-demo-'));
  const stack = await startLocalStack({ stripe: true, onProgress: say, signal: stop.signal });
  try {
    await prepare(stack);
    const worker = startWorkerProcess(environmentOf(stack), path.join(logs, 'worker.log'));
    void worker.died.then((message) => {
      if (!stop.signal.aborted) {
        say(message);
        stop.abort();
      }
    });
    try {
      const deviations = await pay(stack, stop.signal);
      if (stop.signal.aborted) {
        return 1;
      }
      conclude(stack, deviations);
      if (process.stdout.isTTY && options.exit !== true) {
        say('Look around in the Web UI; Ctrl-C ends it all.');
        await new Promise((resolve) => {
          stop.signal.addEventListener('abort', resolve);
        });
      }
      return deviations.length === 0 ? 0 : 1;
    } finally {
      stop.abort();
      await worker.stop();
    }
  } finally {
    await stack.stop();
  }
}

async function main(): Promise<void> {
  const options = new Command('npm run demo --')
    .description('Settles and pays a real prize table on real local parts.')
    .option('--exit', 'end when all is paid, also in a terminal')
    .parse()
    .opts<{ exit?: boolean }>();
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      stop.abort();
    });
  }
  process.exitCode = await runDemo(options, stop).catch((error: unknown) => {
    if (stop.signal.aborted) {
      return 1;
    }
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  });
}

void main();

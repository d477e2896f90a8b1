import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';

import type { EnvironmentVariables } from '../config/settings';
import { loadSettings } from '../config/settings';
import { createLog, type Logger } from '../config/log';
import { payoutTermsOf } from '../config/payout-terms';
import { temporalConnection } from '../config/temporal-connection';
import { openDatabase } from '../db/database';
import { assertInstallation } from '../db/installation';
import { DAY_MS } from '../domain/durations';
import { CONNECT_TIMEOUT_MS, WORKER_DATABASE_CONNECTIONS } from '../domain/limits';
import { identifyStripeAccount } from '../stripe/balance-and-account';
import { createStripeClient } from '../stripe/client';
import { WORKFLOW_BUNDLE_PATH } from './bundle-workflows';
import { createWorkers } from './create-workers';

/** Where a worker takes its tasks from. */
interface RunningWorker {
  readonly address: string;
  readonly namespace: string;
}

interface WorkerProcess {
  readonly variables: EnvironmentVariables;
  readonly log: Logger;
  readonly onRunning: (running: RunningWorker) => void;
}

/**
 * Runs a worker until SIGTERM or SIGINT, then drains: no POST is cut, and pools close after the last activity.
 *
 * Before the first task it compares the settings with the installation in the database and with what Stripe says of
 * the key, and refuses to send where they differ (M3).
 */
export async function runWorker(
  variables: EnvironmentVariables,
  onRunning: (running: RunningWorker) => void,
): Promise<void> {
  const settings = loadSettings(variables, ['DATABASE_URL', 'TEMPORAL_ADDRESS', 'STRIPE_API_KEY']);
  const log = createLog();
  const { stripeApiKey: apiKey, stripeApiBase: apiBase } = settings;
  const stripe = createStripeClient({ apiKey, apiBase });
  const { database, close } = openDatabase(settings.databaseUrl, WORKER_DATABASE_CONNECTIONS);
  try {
    const identity = await identifyStripeAccount(
      createStripeClient({ apiKey, apiBase, callDeadlineMs: CONNECT_TIMEOUT_MS }),
    );
    const platform = await assertInstallation(database, {
      installationId: settings.payoutInstallationId,
      stripeAccountId: identity.accountId,
      livemode: identity.livemode,
    });
    await runWorkers(
      { variables, log, onRunning },
      {
        database,
        stripe,
        platform,
        ...payoutTermsOf(settings),
        payeeWaitMs: settings.payoutPayeeWaitDays * DAY_MS,
        amountMinorMax: settings.payoutMaxAmountMinor,
      },
    );
  } finally {
    await close();
  }
}

async function runWorkers(
  { variables, log, onRunning }: WorkerProcess,
  dependencies: Parameters<typeof createWorkers>[0]['dependencies'],
): Promise<void> {
  const settings = loadSettings(variables, ['TEMPORAL_ADDRESS']);
  Runtime.install({
    logger: new DefaultLogger('INFO', ({ level, message, meta }) => {
      log[LOG_LEVELS[level]]({ ...meta }, message);
    }),
  });
  const { address, namespace, connectionOptions } = temporalConnection(variables, settings);
  const connection = await NativeConnection.connect(connectionOptions);
  try {
    const workers = await createWorkers({
      connection,
      namespace,
      workflowBundle: { codePath: WORKFLOW_BUNDLE_PATH },
      dependencies,
      stripeRequestsPerSecond: settings.stripeRequestsPerSecond,
    });
    log.info({ address, namespace }, 'worker is running; stop it with SIGTERM');
    onRunning({ address, namespace });
    await workers.run();
    log.info('worker has drained');
  } finally {
    await connection.close();
  }
}

const LOG_LEVELS = {
  TRACE: 'trace',
  DEBUG: 'debug',
  INFO: 'info',
  WARN: 'warn',
  ERROR: 'error',
} as const;

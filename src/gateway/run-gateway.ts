import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type Stripe from 'stripe';

import { startJobWorkflow } from '../client/start-workflows';
import { lazyTemporal, type TemporalClient } from '../client/temporal-client';
import { createLog, type Logger } from '../config/log';
import { payoutTermsOf } from '../config/payout-terms';
import {
  InvalidSettingsError,
  loadSettings,
  type EnvironmentVariables,
  type Settings,
} from '../config/settings';
import { namesOfShortTokens, TOKEN_CHARACTERS_MIN } from '../config/short-tokens';
import { openDatabase, type Database } from '../db/database';
import { assertInstallation, type Installation } from '../db/installation';
import { DAY_MS } from '../domain/durations';
import { errorCode } from '../domain/error-code';
import type { JobStart } from '../domain/contracts';
import {
  CONNECT_TIMEOUT_MS,
  GATEWAY_DATABASE_CONNECTIONS,
  GATEWAY_DRAIN_MS,
  READINESS_DEADLINE_MS,
} from '../domain/limits';
import { identifyStripeAccount } from '../stripe/balance-and-account';
import { createStripeClient } from '../stripe/client';
import { acceptAndStart } from './accept-and-start';
import { createServer, type ServerLimits } from './create-server';
import { startEventProcessing } from './event-queue';
import { listenForSettlements } from './settlement-listener';
import { startInTime } from './in-time';
import type { StripeWebhookOptions } from './stripe-webhook-route';
import { WebhookCounts } from './webhook-counts';

const NEEDED = [
  'DATABASE_URL',
  'TEMPORAL_ADDRESS',
  'STRIPE_API_KEY',
  'STRIPE_WEBHOOK_SECRET',
  'GATEWAY_TOKENS',
] as const;

/** What the gateway's routes and its work beside them are made of. */
export interface GatewayParts {
  readonly settings: Settings<(typeof NEEDED)[number]>;
  readonly log: Logger;
  readonly database: Database;
  readonly temporal: TemporalClient;
  readonly stripe: Stripe;
  readonly platform: Installation;
}

export interface RunningGateway {
  readonly url: string;
  /** Stops accepting, lets requests under way finish within GATEWAY_DRAIN_MS, then closes whatever was opened. */
  close(): Promise<void>;
}

/**
 * Serves until SIGTERM or SIGINT, then drains.
 * @throws InvalidSettingsError naming every missing and wrong setting
 * @throws InstallationMismatchError, NotSetUpError before anything is served, as `assertInstallation` does (M3)
 */
export async function runGateway(
  variables: EnvironmentVariables,
  onReady: (ready: { readonly url: string }) => void,
): Promise<void> {
  const log = createLog();
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  // From the start: a signal while the parts are asked must not leave half a gateway behind.
  process.once('SIGTERM', onSignal).once('SIGINT', onSignal);
  const gateway = await startGateway(variables, { log });
  log.info({ url: gateway.url }, 'gateway is listening; stop it with SIGTERM');
  onReady({ url: gateway.url });
  if (!stop.signal.aborted) {
    await once(stop.signal, 'abort');
  }
  await gateway.close();
  log.info('gateway has drained');
}

/** Opens everything and listens. Temporal may be away; Postgres and Stripe are asked first (M3). */
export async function startGateway(
  variables: EnvironmentVariables,
  { log, limits = {} }: { readonly log: Logger; readonly limits?: Partial<ServerLimits> },
): Promise<RunningGateway> {
  const settings = loadSettings(variables, NEEDED);
  warnOfShortTokens(log, settings);
  const closers: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const each of closers.splice(0).reverse()) {
      await each();
    }
  };
  try {
    const { database, close: closeDatabase } = openDatabase(
      settings.databaseUrl,
      GATEWAY_DATABASE_CONNECTIONS,
    );
    closers.push(closeDatabase);
    const platform = await platformOf(settings, database);
    const temporal = lazyTemporal(variables, settings);
    closers.push(temporal.close);
    const stripe = stripeClient(settings);
    const parts = { settings, log, database, temporal, stripe, platform };
    const webhooks = new WebhookCounts();
    const events = startEventProcessing({
      dependencies: { database, platform, stripe, client: temporal.client },
      counts: webhooks,
      log,
    });
    closers.push(() => events.close());
    const listener = listenForSettlements({
      databaseUrl: settings.databaseUrl,
      log,
      accept: () => acceptAndStart(acceptanceOf(parts)),
    });
    closers.push(() => listener.close());
    const app = await serverOf(parts, {
      limits,
      webhooks,
      onStored: (eventId) => events.notice(eventId),
    });
    closers.push(() => drain(app));
    const { gatewayHost: host, gatewayPort: port } = settings;
    await listen(app, host, port);
    return { url: urlOf(app), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The names alone: a token is never logged. */
function warnOfShortTokens(log: Logger, { gatewayTokens }: GatewayParts['settings']): void {
  const names = namesOfShortTokens(gatewayTokens);
  if (names.length > 0) {
    log.warn(
      { names },
      `tokens of fewer than ${TOKEN_CHARACTERS_MIN.toString()} characters can be guessed; a live Stripe key refuses them`,
    );
  }
}

function stripeClient(
  { stripeApiBase: apiBase, stripeApiKey: apiKey }: GatewayParts['settings'],
  callDeadlineMs?: number,
): Stripe {
  return createStripeClient({
    apiKey,
    apiBase,
    ...(callDeadlineMs !== undefined && { callDeadlineMs }),
  });
}

/** Compares the settings with the installation in the database and with what Stripe says of the key (M3). */
async function platformOf(
  settings: GatewayParts['settings'],
  database: Database,
): Promise<Installation> {
  const identity = await identifyStripeAccount(stripeClient(settings, CONNECT_TIMEOUT_MS));
  return assertInstallation(database, {
    installationId: settings.payoutInstallationId,
    stripeAccountId: identity.accountId,
    livemode: identity.livemode,
  });
}

/** What settlements of other systems are accepted and started with. */
function acceptanceOf({ database, log, platform, settings, temporal }: GatewayParts) {
  const { client, connection } = temporal;
  return {
    log,
    dependencies: {
      database,
      platform,
      ...payoutTermsOf(settings),
      amountMinorMax: settings.payoutMaxAmountMinor,
    },
    start: (job: JobStart) =>
      startInTime(connection, { log, settlementId: job.settlementId }, () =>
        startJobWorkflow(client, job),
      ),
  };
}

function serverOf(
  parts: GatewayParts,
  {
    limits,
    onStored,
    webhooks,
  }: Pick<StripeWebhookOptions, 'onStored'> & {
    readonly limits: Partial<ServerLimits>;
    readonly webhooks: WebhookCounts;
  },
): Promise<FastifyInstance> {
  const { database, log, platform, settings, temporal } = parts;
  const { installationId } = platform;
  return createServer({
    database,
    temporal,
    stripe: stripeClient(settings, READINESS_DEADLINE_MS),
    terms: { installationId, ...payoutTermsOf(settings) },
    amountMinorMax: settings.payoutMaxAmountMinor,
    tokens: settings.gatewayTokens,
    log,
    limits,
    webhooks: {
      database,
      secrets: settings.stripeWebhookSecret,
      livemode: platform.livemode,
      counts: webhooks,
      onStored,
    },
    console: {
      platform,
      payeeWaitMs: settings.payoutPayeeWaitDays * DAY_MS,
      stripe: stripeClient(settings, CONNECT_TIMEOUT_MS),
      temporalUiUrl: settings.temporalUiUrl,
    },
  });
}

const LISTEN_PROBLEMS: Readonly<
  Record<string, readonly ['GATEWAY_PORT' | 'GATEWAY_HOST', string]>
> = {
  EADDRINUSE: ['GATEWAY_PORT', 'is taken'],
  EACCES: ['GATEWAY_PORT', 'may not be listened on'],
  EADDRNOTAVAIL: ['GATEWAY_HOST', 'is no address of this machine'],
  ENOTFOUND: ['GATEWAY_HOST', 'is no address of this machine'],
};

/** @throws InvalidSettingsError where it cannot listen there */
async function listen(app: FastifyInstance, host: string, port: number): Promise<void> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    const [name, problem] = LISTEN_PROBLEMS[errorCode(error) ?? ''] ?? [];
    if (name === undefined) {
      throw error;
    }
    throw new InvalidSettingsError([{ name, problem: `${host}:${port} ${problem ?? ''}` }]);
  }
}

function urlOf(app: FastifyInstance): string {
  const { address, family, port } = app.server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

/** Requests that are still not answered after GATEWAY_DRAIN_MS lose their connection; all of them may be sent again. */
async function drain(app: FastifyInstance): Promise<void> {
  const limit = setTimeout(() => app.server.closeAllConnections(), GATEWAY_DRAIN_MS);
  try {
    await app.close();
  } finally {
    clearTimeout(limit);
  }
}

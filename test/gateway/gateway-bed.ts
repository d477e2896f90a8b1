/**
 * Goal: what tests of the gateway start from: a gateway in this process on real sockets, with a real Postgres, the run's
 * Temporal server and a Stripe sandbox, each behind a port that can be cut.
 * Method: `startGateway` as the command calls it; its log is kept, so that tests can look for what must not be in it.
 */
import { randomBytes } from 'node:crypto';
import { Writable } from 'node:stream';
import { Client } from '@temporalio/client';
import { pino } from 'pino';

import type { EnvironmentVariables } from '../../src/config/settings';
import { recordInstallation } from '../../src/db/installation';
import type { ServerLimits } from '../../src/gateway/create-server';
import { startGateway, type RunningGateway } from '../../src/gateway/run-gateway';
import { identifyStripeAccount } from '../../src/stripe/balance-and-account';
import { createStripeClient } from '../../src/stripe/client';
import { start as startSandbox, type TestSandbox } from '../local/stripe-sandbox/support';
import { openDatabaseBed, type DatabaseBed } from '../support/builders';
import { connectToTestTemporal, testTemporalAddress } from '../support/temporal';
import { makeNamespace } from '../workflows/servers';
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy';

export const API_KEY = 'sk_test_gatewaySecretOfThisRun';
export const WEBHOOK_SECRET = 'whsec_gatewaySecretOfThisRun';
export const ALICE = { name: 'alice', token: `t-${randomBytes(12).toString('hex')}` };
export const BOB = { name: 'bob', token: `t-${randomBytes(12).toString('hex')}` };

export interface GatewayBed extends DatabaseBed {
  readonly sandbox: TestSandbox;
  /** Looks at the namespace that the gateway works in. */
  readonly client: Client;
  readonly postgres: TcpProxy;
  readonly temporal: TcpProxy;
  readonly stripe: TcpProxy;
  /** Settings with which a gateway starts on any free port. */
  readonly env: EnvironmentVariables;
  /** Everything that the gateways of this bed have logged. */
  log(): string;
  /** Starts a gateway in this process; the bed closes it at its end. */
  start(settings?: EnvironmentVariables, limits?: Partial<ServerLimits>): Promise<RunningGateway>;
  close(): Promise<void>;
}

function keepLog() {
  let text = '';
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      text += chunk.toString();
      done();
    },
  });
  return { log: pino({ level: 'trace', base: null }, stream), text: () => text };
}

export async function openGatewayBed(): Promise<GatewayBed> {
  const [database, sandbox, connection] = await Promise.all([
    openDatabaseBed(),
    startSandbox(),
    connectToTestTemporal(),
  ]);
  const namespace = await makeNamespace(connection);
  const apiBase = sandbox.baseUrl;
  const identity = await identifyStripeAccount(createStripeClient({ apiKey: API_KEY, apiBase }));
  await recordInstallation(database.database, {
    installationId: 'test',
    stripeAccountId: identity.accountId,
    livemode: identity.livemode,
  });
  const databaseUrl = new URL(database.databaseUrl);
  const [postgres, temporal, stripe] = await Promise.all([
    openTcpProxy(databaseUrl.host),
    openTcpProxy(testTemporalAddress()),
    openTcpProxy(new URL(apiBase).host),
  ]);
  databaseUrl.host = postgres.address;
  const env = {
    DATABASE_URL: databaseUrl.toString(),
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: namespace,
    STRIPE_API_KEY: API_KEY,
    STRIPE_API_BASE: `http://${stripe.address}`,
    STRIPE_WEBHOOK_SECRET: WEBHOOK_SECRET,
    PAYOUT_INSTALLATION_ID: 'test',
    GATEWAY_PORT: '0',
    GATEWAY_TOKENS: [ALICE, BOB].map(({ name, token }) => `${name}=${token}`).join(','),
  };
  const kept = keepLog();
  const gateways: RunningGateway[] = [];
  return {
    ...database,
    sandbox,
    client: new Client({ connection, namespace }),
    postgres,
    temporal,
    stripe,
    env,
    log: kept.text,
    start: async (settings = {}, limits = {}) => {
      const gateway = await startGateway({ ...env, ...settings }, { log: kept.log, limits });
      gateways.push(gateway);
      return gateway;
    },
    close: async () => {
      await Promise.all(gateways.map((gateway) => gateway.close()));
      await Promise.all([postgres, temporal, stripe].map((proxy) => proxy.close()));
      await Promise.all([sandbox.close(), connection.close(), database.close()]);
    },
  };
}

/**
 * Goal: what tests of the console start from: a gateway on real sockets whose database and sandbox can be brought into any state.
 * Method: the bed of activities with a gateway on its database and its sandbox; Temporal is the run's, behind a port that can be cut.
 */
import { pino } from 'pino';

import type { ServerLimits } from '../../../src/gateway/create-server';
import { startGateway, type RunningGateway } from '../../../src/gateway/run-gateway';
import { recordInstallation } from '../../../src/db/installation';
import type { PayoutTransfer } from '../../../src/db/payout-transfers';
import { openActivityBed, type ActivityBed } from '../../activities/activity-bed';
import { openTcpProxy, type TcpProxy } from '../../support/tcp-proxy';
import { connectToTestTemporal, testTemporalAddress } from '../../support/temporal';
import { makeNamespace } from '../../workflows/servers';
import { ALICE, BOB } from '../gateway-bed';
import type { Answer } from '../http-client';
import { Browser } from './browser';

export interface ConsoleBed extends ActivityBed {
  readonly gateway: RunningGateway;
  readonly temporal: TcpProxy;
  readonly namespace: string;
  /** Another gateway, on the same parts. Whoever starts it closes it. */
  another(limits: Partial<ServerLimits>): Promise<RunningGateway>;
  /** Logged in with this token. */
  browser(token?: string): Promise<Browser>;
  /** The path of a winner's page. */
  pathOf(transfer: PayoutTransfer): string;
  /** What was done about a transfer or a settlement: `action by actor: reason`, oldest first. */
  actionsOn(id: string | null): Promise<string[]>;
}

export const UI = 'http://127.0.0.1:8233/ui';

export async function openConsoleBed(): Promise<ConsoleBed> {
  const [bed, connection] = await Promise.all([openActivityBed(), connectToTestTemporal()]);
  await recordInstallation(bed.database, bed.platform);
  const namespace = await makeNamespace(connection);
  const temporal = await openTcpProxy(testTemporalAddress());
  const variables = {
    DATABASE_URL: bed.databaseUrl,
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: namespace,
    TEMPORAL_UI_URL: UI,
    STRIPE_API_KEY: 'sk_test_sandbox',
    STRIPE_API_BASE: bed.sandbox.baseUrl,
    STRIPE_WEBHOOK_SECRET: 'whsec_ofTheConsole',
    PAYOUT_INSTALLATION_ID: 'test',
    GATEWAY_PORT: '0',
    GATEWAY_TOKENS: [ALICE, BOB].map(({ name, token }) => `${name}=${token}`).join(','),
  };
  const another = (limits: Partial<ServerLimits>) =>
    startGateway(variables, { log: pino({ level: 'silent' }), limits });
  const gateway = await another({});
  return {
    ...bed,
    gateway,
    temporal,
    namespace,
    another,
    browser: async (token = ALICE.token) => {
      const browser = new Browser(gateway.url);
      await browser.login(token);
      return browser;
    },
    pathOf: ({ id, settlementId }) => `/console/settlements/${settlementId}/transfers/${id}`,
    actionsOn: async (id) => {
      const rows = await bed.rows<{ text: string }>(
        `select action || ' by ' || actor || ': ' || reason as text from operator_actions
         where coalesce(subject->>'transferId', subject->>'settlementId', '') = $1 order by id`,
        [id ?? ''],
      );
      return rows.map(({ text }) => text);
    },
    close: async () => {
      await gateway.close();
      await Promise.all([temporal.close(), connection.close()]);
      await bed.close();
    },
  };
}

/** The page that asks to confirm an order; its form carries what was seen. */
export async function askedToConfirm(
  browser: Browser,
  path: string,
  filled: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const form = await browser.get(path);
  return browser.submit(form, path, { reason: 'as agreed', ...filled });
}

/** Gives an order in its three steps. */
export async function give(
  browser: Browser,
  path: string,
  filled: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return browser.submit(await askedToConfirm(browser, path, filled), '/confirm');
}

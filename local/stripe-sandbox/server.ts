import type { AddressInfo } from 'node:net';

import fastify, { type FastifyInstance } from 'fastify';

import { answerFailure, answerUnknownUrl, apiRoutes } from './api-routes';
import { Clock } from './clock';
import { controlRoutes } from './control-routes';
import { Deliveries } from './deliveries';
import { prepareState } from './first-start';
import { IdempotencyStore } from './idempotency-store';
import { LateCommits } from './late-commits';
import { Pipeline } from './pipeline';
import { RateLimiter } from './rate-limiter';
import { StateStore } from './state-store';

export interface SandboxOptions {
  readonly host?: string;
  /** 0: a free one. */
  readonly port?: number;
  /** Without it the state ends with the process. */
  readonly dataDir?: string;
  readonly accounts?: 'open' | 'strict';
  /** Available minor units by currency for a new data directory; currencies not named have none. */
  readonly balances?: Readonly<Record<string, number>>;
  readonly verbose?: boolean;
}

export interface StripeSandbox {
  readonly baseUrl: string;
  close(): Promise<void>;
}

export async function startStripeSandbox(options: SandboxOptions = {}): Promise<StripeSandbox> {
  const store = await StateStore.load(options.dataDir ?? null);
  try {
    return await serve(store, options);
  } catch (error) {
    // A port that is taken must not leave the data directory locked.
    await store.close();
    throw error;
  }
}

async function serve(store: StateStore, options: SandboxOptions): Promise<StripeSandbox> {
  const state = {
    store,
    clock: new Clock(store),
    strictAccounts: options.accounts === 'strict',
  };
  prepareState(state, options.balances ?? null);
  await store.flushed();
  const app = createApp(options.verbose ?? false);
  const late = new LateCommits(state);
  const deliveries = new Deliveries(state, (error) => app.log.error(error));
  const pipeline = new Pipeline(state, {
    limiter: new RateLimiter(store),
    idempotency: new IdempotencyStore(state),
    late,
    deliveries,
  });
  await app.register((api, _options, done) => {
    apiRoutes(api, pipeline);
    done();
  });
  controlRoutes(app, { state, late, deliveries });
  const host = options.host ?? '127.0.0.1';
  await app.listen({ host, port: options.port ?? 0 });
  late.runDue();
  deliveries.start();
  const { port } = app.server.address() as AddressInfo;
  return {
    baseUrl: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    close: async () => {
      late.stop();
      pipeline.stop();
      await deliveries.stop();
      await app.close();
      await store.close();
    },
  };
}

function createApp(verbose: boolean): FastifyInstance {
  const app = fastify({
    // Standard output belongs to the line that tells the address.
    logger: { level: verbose ? 'info' : 'error', stream: process.stderr },
    // Hanging requests would keep the server from ever closing.
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    // Account ids alone may be 105 characters; longer ones than the limit would not be found at all.
    routerOptions: { maxParamLength: 300 },
  });
  app.setNotFoundHandler(answerUnknownUrl);
  app.setErrorHandler(answerFailure);
  return app;
}

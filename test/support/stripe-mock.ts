import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { cacheDirectory, platformSuffix } from '../../local/cache-directory';
import { freePort } from '../../local/free-port';
import { buildGoTool } from '../../local/go-tool';

const STRIPE_MOCK_VERSION = 'v0.203.0';
const READY_LIMIT_MS = 90_000;
const READY_POLL_MS = 50;

export interface StripeMock {
  baseUrl: string;
  stop(): Promise<void>;
}

/**
 * Starts Stripe's own mock, built once from source, which checks requests against Stripe's OpenAPI.
 *
 * It keeps no state: good for the shape of requests, meaningless for money.
 */
export async function startStripeMock(): Promise<StripeMock> {
  const program = await buildGoTool({
    moduleDirectory: join(__dirname, 'stripe-mock-tool'),
    packagePath: 'github.com/stripe/stripe-mock',
    target: join(cacheDirectory(), `stripe-mock-${STRIPE_MOCK_VERSION}-${platformSuffix()}`),
  });
  const address = `127.0.0.1:${String(await freePort())}`;
  // Without an address for https too it would open that port on every interface.
  const httpsAddress = `127.0.0.1:${String(await freePort())}`;
  const child = spawn(program, ['-http-addr', address, '-https-addr', httpsAddress], {
    stdio: 'ignore',
  });
  const killAtExit = (): void => {
    child.kill('SIGKILL');
  };
  process.once('exit', killAtExit);
  await once(child, 'spawn');
  const exited = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
    process.removeListener('exit', killAtExit);
  };
  try {
    await Promise.race([
      untilItAnswers(`http://${address}`),
      exited.then(() => Promise.reject(new Error('stripe-mock ended while it started'))),
    ]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { baseUrl: `http://${address}`, stop };
}

async function untilItAnswers(baseUrl: string): Promise<void> {
  const deadline = Date.now() + READY_LIMIT_MS;
  for (;;) {
    try {
      // Any answer will do, and without a key that is a 401.
      await (await fetch(`${baseUrl}/v1/balance`)).arrayBuffer();
      return;
    } catch (error) {
      if (Date.now() >= deadline) {
        throw new Error('stripe-mock does not answer', { cause: error });
      }
    }
    await delay(READY_POLL_MS);
  }
}

import type { LocalPorts } from './parts';
import { startLocalStack, type LocalStack } from './stack';
import type { TemporalKind } from './temporal-data';

export interface LocalUpOptions {
  dir?: string | undefined;
  stripe: boolean;
  temporal?: TemporalKind | undefined;
  ports?: LocalPorts | undefined;
  json: boolean;
}

/** Where the command writes; the process's own streams fit. */
export interface LocalUpIo {
  stdout: { write(text: string): unknown };
  stderr: { write(text: string): unknown };
}

const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
const LOCAL_STRIPE_KEY = 'sk_test_local';

/**
 * `payouts local up`: starts the local stack, says its addresses and runs until it is told to stop.
 *
 * @returns the exit code: 0 after SIGTERM, SIGINT or SIGHUP, at any moment, or when npx is gone; 1 when a part does not
 * come up or ends later, which is said on stderr with the part's name.
 */
export async function localUp(options: LocalUpOptions, io: LocalUpIo): Promise<number> {
  const stopping = new AbortController();
  const stop = (): void => {
    stopping.abort();
  };
  for (const signal of STOP_SIGNALS) {
    process.on(signal, stop);
  }
  try {
    return await runStack(options, io, stopping.signal);
  } finally {
    for (const signal of STOP_SIGNALS) {
      process.removeListener(signal, stop);
    }
  }
}

async function runStack(
  { dir, stripe, temporal, ports, json }: LocalUpOptions,
  io: LocalUpIo,
  signal: AbortSignal,
): Promise<number> {
  const say = (line: string): void => {
    io.stderr.write(`${line}\n`);
  };
  let stack: LocalStack;
  try {
    stack = await startLocalStack({ dir, stripe, temporal, ports, onProgress: say, signal });
  } catch (error) {
    if (signal.aborted) {
      return 0;
    }
    say(`the local stack did not start: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
  io.stdout.write(json ? `${JSON.stringify(addressesOf(stack))}\n` : readable(stack));
  const died = await Promise.race([untilAborted(signal), stack.died]);
  say(died === undefined ? 'stopping…' : `a part of the local stack ended: ${died.message}`);
  await stack.stop();
  return died === undefined ? 0 : 1;
}

function untilAborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    const done = (): void => {
      resolve(undefined);
    };
    if (signal.aborted) {
      done();
    }
    signal.addEventListener('abort', done, { once: true });
  });
}

function addressesOf(stack: LocalStack): Record<string, string | null> {
  const { databaseUrl, temporalAddress, temporalUiUrl, stripeApiBase } = stack;
  return { databaseUrl, temporalAddress, temporalUiUrl, stripeApiBase: stripeApiBase ?? null };
}

function readable(stack: LocalStack): string {
  const exports = [
    `export DATABASE_URL=${stack.databaseUrl}`,
    `export TEMPORAL_ADDRESS=${stack.temporalAddress}`,
    ...(stack.stripeApiBase === undefined
      ? []
      : [
          `export STRIPE_API_BASE=${stack.stripeApiBase}`,
          `export STRIPE_API_KEY=${LOCAL_STRIPE_KEY}`,
        ]),
  ];
  return [
    'The local stack is up. Stop it with Ctrl-C. In another terminal:',
    '',
    ...exports.map((line) => `  ${line}`),
    '',
    `  Temporal Web UI: ${stack.temporalUiUrl}`,
    '',
    '',
  ].join('\n');
}

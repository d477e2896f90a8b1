import { Command, InvalidArgumentError, Option } from 'commander';

import { isSupportedCurrency } from './currencies';
import { startStripeSandbox } from './server';

interface CliOptions {
  port: number;
  host: string;
  dataDir?: string;
  accounts: 'open' | 'strict';
  balance?: Record<string, number>;
  verbose: boolean;
}

async function main(): Promise<void> {
  const options = readOptions();
  const { port, host, accounts, verbose, dataDir, balance } = options;
  const starting = startStripeSandbox({
    port,
    host,
    accounts,
    verbose,
    ...(dataDir === undefined ? {} : { dataDir }),
    ...(balance === undefined ? {} : { balances: balance }),
  });
  const stop = (): void => {
    starting
      .then((sandbox) => sandbox.close())
      .then(
        () => process.exit(0),
        () => process.exit(1),
      );
  };
  // Before the start has finished: a parent may die that early, and nobody would be told later.
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  // A parent that was killed cannot stop its child; the closed channel tells that it is gone.
  process.once('disconnect', stop);
  const sandbox = await starting;
  const ready = { stripeApiBase: sandbox.baseUrl };
  process.stdout.write(`${JSON.stringify(ready)}\n`);
  process.send?.(ready);
}

function readOptions(): CliOptions {
  return new Command('stripe-sandbox')
    .description('A stateful stand-in for the part of Stripe that moves prize money')
    .option('--port <n>', 'port to listen on, 0 for a free one', toPort, 0)
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--data-dir <dir>', 'keeps the state there; without it, it ends with the process')
    .addOption(
      new Option('--accounts <mode>', 'what an account is that nobody configured')
        .choices(['open', 'strict'])
        .default('open'),
    )
    .option(
      '--balance <list>',
      'available balances of a new data directory: usd=123,eur=5',
      toBalances,
    )
    .option('--verbose', 'log every request on standard error', false)
    .parse()
    .opts<CliOptions>();
}

function toPort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65535) {
    throw new InvalidArgumentError('expected a number from 0 to 65535');
  }
  return port;
}

function toBalances(text: string): Record<string, number> {
  const entries = text.split(',').map((part) => {
    const [currency = '', amount = ''] = part.split('=');
    if (!isSupportedCurrency(currency) || !/^\d{1,15}$/.test(amount)) {
      throw new InvalidArgumentError(`expected currency=minorUnits, got "${part}"`);
    }
    return [currency, Number(amount)] as const;
  });
  return Object.fromEntries(entries);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});

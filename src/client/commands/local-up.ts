import type { LocalUpOptions } from '../../../local/local-up';
import { errorCode } from '../../domain/error-code';
import { UsageError } from '../exit-codes';

/** What commander hands over: texts and switches. */
export interface LocalUpFlags {
  readonly dir?: string;
  readonly stripe: boolean;
  readonly temporal: 'dev' | 'server';
  readonly json?: boolean;
  readonly postgresPort?: number;
  readonly temporalPort?: number;
  readonly temporalUiPort?: number;
  readonly stripePort?: number;
}

/** `import()` says the first, what it requires the second. */
const NOT_INSTALLED: ReadonlySet<unknown> = new Set(['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND']);

/** `payouts local up`. The stack is loaded when it is asked for: it needs the development dependencies. */
export async function localUpCommand(flags: LocalUpFlags): Promise<number> {
  const { localUp } = await import('../../../local/local-up.js').catch((error: unknown) => {
    if (!NOT_INSTALLED.has(errorCode(error))) {
      throw error;
    }
    throw new UsageError(
      `the local stack is not installed here; it needs the development dependencies (npm ci): ${String(error)}`,
    );
  });
  const options: LocalUpOptions = {
    dir: flags.dir,
    stripe: flags.stripe,
    temporal: flags.temporal,
    json: flags.json === true,
    ports: {
      postgres: flags.postgresPort,
      temporal: flags.temporalPort,
      temporalUi: flags.temporalUiPort,
      stripe: flags.stripePort,
    },
  };
  return localUp(options, { stdout: process.stdout, stderr: process.stderr });
}

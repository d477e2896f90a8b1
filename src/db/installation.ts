import type { Executor } from './database';
import { postgresErrorOf } from './database-errors';
import { installation } from './schema';

/** Which installation a database belongs to, and which Stripe account pays for it, in which mode (M3). */
export interface Installation {
  readonly installationId: string;
  readonly stripeAccountId: string;
  readonly livemode: boolean;
}

export async function findInstallation(executor: Executor): Promise<Installation | undefined> {
  const [row] = await executor
    .select({
      installationId: installation.installationId,
      stripeAccountId: installation.stripeAccountId,
      livemode: installation.livemode,
    })
    .from(installation);
  return row;
}

/**
 * Records the installation once, and holds whoever comes again to what was recorded first.
 * @throws InstallationMismatchError
 */
export async function recordInstallation(
  executor: Executor,
  wanted: Installation,
): Promise<Installation> {
  await executor.insert(installation).values(wanted).onConflictDoNothing();
  return assertInstallation(executor, wanted);
}

/** The settings or the Stripe key belong to another installation than the database: nothing may be sent (M3). */
export class InstallationMismatchError extends Error {
  override readonly name = 'InstallationMismatchError';
}

/** The database has no installation yet. */
export class NotSetUpError extends Error {
  override readonly name = 'NotSetUpError';
  constructor() {
    super('the database is not set up; run `payouts setup` first');
  }
}

/**
 * Compares what a process works with to what `setup` recorded. Parts that the process does not use are not given.
 * @throws NotSetUpError, InstallationMismatchError naming every difference
 */
export async function assertInstallation(
  executor: Executor,
  actual: Partial<Installation>,
): Promise<Installation> {
  const recorded = await findInstallation(executor).catch((error: unknown) => {
    throw postgresErrorOf(error)?.code === UNDEFINED_TABLE ? new NotSetUpError() : error;
  });
  if (recorded === undefined) {
    throw new NotSetUpError();
  }
  refuseDifferences(recorded, actual);
  return recorded;
}

const UNDEFINED_TABLE = '42P01';

const SETTINGS_OF = {
  installationId: 'PAYOUT_INSTALLATION_ID',
  stripeAccountId: 'the Stripe account of STRIPE_API_KEY',
  livemode: 'the live mode of STRIPE_API_KEY',
} as const satisfies Record<keyof Installation, string>;

function refuseDifferences(recorded: Installation, actual: Partial<Installation>): void {
  const names = Object.keys(SETTINGS_OF) as (keyof Installation)[];
  const differences = names.filter(
    (name) => actual[name] !== undefined && actual[name] !== recorded[name],
  );
  if (differences.length > 0) {
    const lines = differences.map(
      (name) =>
        `  ${SETTINGS_OF[name]}: expected ${String(recorded[name])} as set up, found ${String(actual[name])}`,
    );
    throw new InstallationMismatchError(
      `this database belongs to another installation; nothing is sent:\n${lines.join('\n')}`,
    );
  }
}

/**
 * Addresses of the servers that serve one jest run.
 *
 * Jest gives its workers the environment as globalSetup has left it, and nothing else of it.
 */
export const POSTGRES_ADMIN_URL = 'TEST_POSTGRES_ADMIN_URL';
export const TEMPLATE_DATABASE = 'payouts_test_template';
export const TEMPORAL_ADDRESS = 'TEST_TEMPORAL_ADDRESS';
export const TEMPORAL_UI_URL = 'TEST_TEMPORAL_UI_URL';
/** A folder for what test files make once and share. */
export const FOLDER_OF_RUN = 'TEST_FOLDER_OF_RUN';

/** A value that globalSetup has set; without it the test file runs outside jest's configuration. */
export function valueOfTestRun(name: string): string {
  const value = process.env[name];
  if (value === undefined) {
    throw new Error(
      `${name} is not set: the test needs globalSetup (test/support/global-setup.ts)`,
    );
  }
  return value;
}

/** Where globalTeardown, which jest loads apart from globalSetup, finds what has to be stopped. */
export const SERVERS_OF_RUN = Symbol.for('temporal-stripe-payouts.servers-of-run');

export interface RunGlobals {
  [SERVERS_OF_RUN]?: { stop(): Promise<void> };
}

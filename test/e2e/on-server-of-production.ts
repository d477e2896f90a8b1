/**
 * Goal: a file's tests run a second time, on Temporal's server of production with Postgres.
 * Method: they are registered again in the module registry of the file that asks, with the setting that `bed.ts` reads. Where
 * no server can be had the run says so. Other files do so by hand: `TEST_TEMPORAL=server npx jest test/e2e/payouts`.
 */
import { whyNoProductionServer } from '../support/go-programs';

/** @param file of test/e2e, such as `./faults.test` */
export function onServerOfProduction(what: string, file: string): void {
  const reason = whyNoProductionServer();
  if (reason === undefined) {
    process.env['TEST_TEMPORAL'] = 'server';
    jest.requireActual(file);
  } else {
    process.stderr.write(`skipped: ${what} on the server of production: ${reason}\n`);
    test.skip(`${what} on the server of production: ${reason}`, () => undefined);
  }
}

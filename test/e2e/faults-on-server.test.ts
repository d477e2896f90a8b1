/**
 * Goal: what faults.test.ts promises holds on Temporal's server of production with Postgres too, not only on the dev server.
 * Method: the same tests, on `--temporal server`. Other files do so by hand: `TEST_TEMPORAL=server npx jest test/e2e/payouts`.
 */
import { whyNoProductionServer } from '../support/go-programs';

const reason = whyNoProductionServer();

if (reason === undefined) {
  process.env['TEST_TEMPORAL'] = 'server';
  // Registers its tests here, in this file's own module registry.
  jest.requireActual('./faults.test');
} else {
  process.stderr.write(`skipped: the fault tests on the server of production: ${reason}\n`);
  test.skip(`the fault tests on the server of production: ${reason}`, () => undefined);
}

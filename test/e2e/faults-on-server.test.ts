/**
 * Goal: what faults.test.ts promises holds on Temporal's server of production with Postgres too, not only on the dev server.
 * Method: the same tests, on `--temporal server`.
 */
import { onServerOfProduction } from './on-server-of-production';

onServerOfProduction('the fault tests', './faults.test');

/**
 * Goal: the main path holds on Temporal's server of production with Postgres too, not only on the dev server.
 * Method: the tests of main-path.test.ts, on `--temporal server`.
 */
import { onServerOfProduction } from './on-server-of-production';

onServerOfProduction('the main path', './main-path.test');

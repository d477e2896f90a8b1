import { MINUTE_MS } from '../domain/durations';
import { SWEEP_EVERY_MS } from '../domain/limits';

/** How an order that stands in Postgres takes effect though Temporal was not told of it, whoever gave it and how. */
export const WITHOUT_BEING_TOLD =
  `the sweep starts what has no run within ${(SWEEP_EVERY_MS / MINUTE_MS).toString()} minutes, ` +
  'and a run that is open looks by itself within the hour';

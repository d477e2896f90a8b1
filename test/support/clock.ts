/**
 * Goal: tests move time as far as days and weeks without waiting for it.
 * Method: every time rule of the product reads `payout_now()`; in a test's own database that function is replaced.
 */
import type { DatabaseBed } from './builders';

const HOUR_MS = 60 * 60 * 1_000;

/** From now on this database's time is this much later than the machine's. */
export async function movePayoutClock(
  bed: Pick<DatabaseBed, 'rows'>,
  by: { readonly ms?: number; readonly hours?: number; readonly days?: number },
): Promise<number> {
  const ms = (by.ms ?? 0) + (by.hours ?? 0) * HOUR_MS + (by.days ?? 0) * 24 * HOUR_MS;
  await bed.rows(
    `create or replace function payout_now() returns timestamptz language sql volatile
       return clock_timestamp() + interval '${ms.toString()} milliseconds'`,
  );
  return ms;
}

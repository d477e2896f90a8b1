import { sql } from 'drizzle-orm';

import type { Executor } from './database';

/** The time that every rule about money goes by: Postgres's, whatever a worker's own clock says (M6). */
export async function readPayoutClock(executor: Executor): Promise<Date> {
  const { rows } = await executor.execute<{ now_ms: string }>(
    sql`select floor(extract(epoch from payout_now()) * 1000)::text as now_ms`,
  );
  return new Date(Number(rows[0]?.now_ms));
}

import type { EnvironmentVariables } from '../config/settings';
import type { Database } from '../db/database';
import { countRefusals } from '../db/refusal-counts';
import { REASON_REFUSED } from '../domain/operator-reason';
import { withDatabase } from './connections';

/** Counts orders that were refused, by code. Never throws: the answer to the order stands, counted or not. */
export async function noteRefusals(database: Database, codes: readonly string[]): Promise<void> {
  const counts: Record<string, number> = {};
  for (const code of codes) {
    counts[code] = (counts[code] ?? 0) + 1;
  }
  await countRefusals(database, counts).catch(() => undefined);
}

/** Counts an order without a reason in plain text, which is refused before anything is opened. Never throws. */
export async function noteRefusedReason(variables: EnvironmentVariables): Promise<void> {
  await withDatabase(variables, (database) => noteRefusals(database, [REASON_REFUSED])).catch(
    () => undefined,
  );
}

import { isTemporalFailure, type TemporalClient } from '../client/temporal-client';
import type { Logger } from '../config/log';
import { codeOfFailure } from '../activities/failure-code';
import { GATEWAY_START_DEADLINE_MS } from '../domain/limits';

/**
 * Starts a job that stands in Postgres, within GATEWAY_START_DEADLINE_MS. One that Temporal does not take in this time is
 * not lost: the sweep starts it. Safe to repeat, as `start` is.
 * @returns undefined where Temporal did not take it
 * @throws whatever else `start` throws
 */
export async function startInTime<Started>(
  connection: TemporalClient['connection'],
  { log, settlementId }: { readonly log: Pick<Logger, 'warn'>; readonly settlementId: string },
  start: () => Promise<Started>,
): Promise<Started | undefined> {
  try {
    return await connection.withDeadline(Date.now() + GATEWAY_START_DEADLINE_MS, start);
  } catch (error) {
    if (!isTemporalFailure(error)) {
      throw error;
    }
    const fields = { settlementId, code: codeOfFailure(error) };
    log.warn(fields, 'Temporal did not take the job; it is kept, and the sweep starts it');
    return undefined;
  }
}

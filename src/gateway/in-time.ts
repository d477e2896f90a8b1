import { isTemporalFailure, type TemporalClient } from '../client/temporal-client';
import type { Logger } from '../config/log';
import { codeOfFailure } from '../activities/failure-code';
import { GATEWAY_START_DEADLINE_MS } from '../domain/limits';

type Connection = TemporalClient['connection'];

/**
 * Asks Temporal within a time for what stands in Postgres already. Where it does not take it, nothing is lost: the sweep
 * starts and wakes what should run. Safe to repeat, as `ask` is.
 * @returns undefined where Temporal did not take it, which `onUntaken` hears with the code of the failure
 * @throws whatever else `ask` throws
 */
export async function inTime<Answer>(
  connection: Connection,
  { onUntaken, waitMs }: { readonly waitMs: number; readonly onUntaken: (code: string) => void },
  ask: () => Promise<Answer>,
): Promise<Answer | undefined> {
  try {
    return await connection.withDeadline(Date.now() + waitMs, ask);
  } catch (error) {
    if (!isTemporalFailure(error)) {
      throw error;
    }
    onUntaken(codeOfFailure(error));
    return undefined;
  }
}

/** Starts a job within GATEWAY_START_DEADLINE_MS; as `inTime`. */
export function startInTime<Started>(
  connection: Connection,
  { log, settlementId }: { readonly log: Pick<Logger, 'warn'>; readonly settlementId: string },
  start: () => Promise<Started>,
): Promise<Started | undefined> {
  const onUntaken = (code: string) => {
    const fields = { settlementId, code };
    log.warn(fields, 'Temporal did not take the job; it is kept, and the sweep starts it');
  };
  return inTime(connection, { waitMs: GATEWAY_START_DEADLINE_MS, onUntaken }, start);
}

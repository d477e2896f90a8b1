import {
  acceptCompletedSettlements,
  type AcceptanceDependencies,
} from '../activities/accept-settlements';
import { codeOfFailure } from '../activities/failure-code';
import { inBatches } from '../activities/in-batches';
import type { Logger } from '../config/log';
import type { JobStart } from '../domain/contracts';
import { ACCEPTANCES_PER_LOOK, TEMPORAL_REQUESTS_AT_ONCE } from '../domain/limits';
import { shownText } from '../domain/shown-value';

export interface AcceptAndStartOptions {
  readonly dependencies: AcceptanceDependencies;
  readonly log: Logger;
  /** Starts the job in Temporal, or finds its open run; does not throw where Temporal is away (`startInTime`). */
  readonly start: (job: JobStart) => Promise<unknown>;
}

/**
 * Accepts what is completed and starts the jobs; what is rejected is an alarm in the log. A job that Temporal does not
 * take now is kept: it stands in Postgres, and the sweep starts it. Safe to repeat and to race.
 * @returns whether there may be more
 * @throws Error when settlements are still completed because they could not be taken; the others were
 */
export async function acceptAndStart({
  dependencies,
  log,
  start,
}: AcceptAndStartOptions): Promise<boolean> {
  const { accepted, failed, isMore, rejected } = await acceptCompletedSettlements(dependencies, {
    settlementsMax: ACCEPTANCES_PER_LOOK,
  });
  for (const { reasons, settlementId } of rejected) {
    // The reasons show what stands in foreign columns, which is not for logs (M12); `payouts status` has them.
    const fields = { settlementId: shownText(settlementId), reasonCount: reasons.length };
    log.error(fields, 'a settlement was rejected; nobody of it is paid until it is corrected');
  }
  for (const { settlementId, why } of failed) {
    log.error({ settlementId: shownText(settlementId), why }, 'a settlement could not be taken');
  }
  await inBatches(
    accepted,
    async (job) => {
      const { settlementId, totalMinor, winnerCount } = job;
      log.info({ settlementId, totalMinor, winnerCount }, 'a settlement was accepted');
      try {
        await start(job);
      } catch (error) {
        const fields = { settlementId, code: codeOfFailure(error) };
        log.error(fields, 'its job was not started; it is kept, and the sweep starts it');
      }
    },
    TEMPORAL_REQUESTS_AT_ONCE,
  );
  if (failed.length > 0) {
    throw new Error(`${failed.length.toString()} settlements could not be taken`);
  }
  return isMore;
}

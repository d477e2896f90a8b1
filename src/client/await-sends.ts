import { setTimeout as delay } from 'node:timers/promises';

import type { Database } from '../db/database';
import { findEndedSends, type SendEnd, type SendUnderWay } from '../db/sends-under-way';
import { PAUSE_ANSWER_WAIT_MS } from '../domain/limits';
import type { ReasonCode } from '../domain/reasons';

/** A send that a pause came too late for, and how it ended. */
export interface ReportedSend {
  /** The transfer. */
  readonly id: string;
  readonly attemptNumber: number;
  readonly sentAt: Date;
  readonly end: SendEnd | 'not_answered_yet';
  readonly stripeTransferId: string | null;
  readonly reason: ReasonCode | null;
}

/** Sends as they are reported where nobody waits for their ends. */
export function unanswered(sends: readonly SendUnderWay[]): ReportedSend[] {
  return sends.map(({ attemptNumber, id, sentAt }) => ({
    id,
    attemptNumber,
    sentAt,
    end: 'not_answered_yet',
    stripeTransferId: null,
    reason: null,
  }));
}

const LOOK_AGAIN_MS = 250;

/**
 * Waits until each of these sends has its answer, or has none to come: one that is older than its activity may take
 * died with its process. None begins meanwhile, since they are those behind a pause.
 *
 * @param options.signal ends the wait; what is not answered by then says so
 * @param options.onProgress told how many answers are missing, whenever that changes
 */
export async function awaitSends(
  database: Database,
  sends: readonly SendUnderWay[],
  options: { readonly signal: AbortSignal; readonly onProgress: (missing: number) => void },
): Promise<ReportedSend[]> {
  const began = Date.now();
  let reported = unanswered(sends);
  let missingBefore: number | undefined;
  for (;;) {
    const ended = await findEndedSends(database, sends);
    reported = reported.map((send) => ({
      ...send,
      ...ended.find(
        ({ attemptNumber, id }) => id === send.id && attemptNumber === send.attemptNumber,
      ),
    }));
    const waitedMs = Date.now() - began;
    const missing = sends.filter(
      ({ ageMs }, index) =>
        reported[index]?.end === 'not_answered_yet' && ageMs + waitedMs < PAUSE_ANSWER_WAIT_MS,
    ).length;
    if (missing === 0 || options.signal.aborted) {
      return reported;
    }
    if (missing !== missingBefore) {
      options.onProgress(missing);
      missingBefore = missing;
    }
    await delay(LOOK_AGAIN_MS, undefined, { signal: options.signal }).catch(() => undefined);
  }
}

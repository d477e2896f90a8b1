import type { Database } from '../db/database';
import { findNewestPauses, findPausesTouching } from '../db/operator-pauses';
import type { PayoutControl } from '../db/payout-controls';
import { PAUSES_SHOWN_MAX } from '../domain/limits';
import { shownPause, type ListedPause, type PausesReport } from './show-pauses';

/** Every pause in force, oldest first; with those that were lifted the newest PAUSES_SHOWN_MAX, newest first. Read-only. */
export async function readPauses(
  database: Database,
  { withLifted = false }: { readonly withLifted?: boolean } = {},
): Promise<PausesReport> {
  const pauses = withLifted
    ? await findNewestPauses(database, PAUSES_SHOWN_MAX)
    : await findPausesTouching(database, null);
  return { pauses: pauses.map(listedPause) };
}

function listedPause(pause: PayoutControl): ListedPause {
  const { liftReason, liftedAt, liftedBy, nextLookAt } = pause;
  return {
    ...shownPause(pause),
    endedBy: liftedAt !== null ? null : nextLookAt === null ? 'person' : 'automation',
    nextLookAt: liftedAt === null ? (nextLookAt?.toISOString() ?? null) : null,
    liftedAt: liftedAt?.toISOString() ?? null,
    liftedBy,
    liftReason,
  };
}

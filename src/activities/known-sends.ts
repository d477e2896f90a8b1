import type { KnownSend } from '../domain/next-state';
import type { PayoutAttempt } from '../db/payout-attempts';

/** A send with the attempt row that it was read from. */
export type AttemptedSend = PayoutAttempt & KnownSend;

/** The sends of one generation, oldest first, as the rules want them. */
export function knownSends(
  attempts: readonly PayoutAttempt[],
  generation: number | undefined,
): AttemptedSend[] {
  return allKnownSends(attempts.filter((attempt) => attempt.generation === generation));
}

/** The sends of these attempts, whichever generation each is of. */
export function allKnownSends(attempts: readonly PayoutAttempt[]): AttemptedSend[] {
  return attempts.map((attempt) => ({ ...attempt, replayed: attempt.replayed === true }));
}

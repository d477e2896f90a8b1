import type { ReasonCode } from './reasons';
import type { TransferStatus } from './transfer-state';

/** What tells whether a transfer is still what an operator saw. */
export interface SeenFacts {
  readonly status: TransferStatus;
  readonly attemptCount: number;
  readonly failureReason: ReasonCode | null;
  /** When the row changed last, in milliseconds since 1970 by Postgres's clock. */
  readonly updatedAtMs: number;
}

/** What the operator had before the eyes. */
export interface SeenTransfer {
  readonly seenStatus: TransferStatus;
  readonly seenAttemptCount: number;
  readonly seenReason: ReasonCode | null;
  /**
   * When the row had changed last, where that was seen too: a transfer that is freed and blocks for the same reason
   * again looks the same in everything else.
   */
  readonly seenUpdatedAtMs?: number;
}

/** Whether a transfer is still what the operator saw, so that of two clicks one acts. */
export function isAsSeen(facts: SeenFacts, seen: SeenTransfer): boolean {
  return (
    facts.status === seen.seenStatus &&
    facts.attemptCount === seen.seenAttemptCount &&
    facts.failureReason === seen.seenReason &&
    (seen.seenUpdatedAtMs ?? facts.updatedAtMs) === facts.updatedAtMs
  );
}

import type { MissingFunds } from './contracts';
import type { ReasonCode } from './reasons';
import type { ReversalStatus } from './reversal-state';
import type { TransferStatus } from './transfer-state';

/**
 * One transfer with everything that touches it, as of one moment. Amounts are minor units of its currency; times are
 * ISO 8601 texts in UTC.
 */
export interface TransferFacts {
  readonly id: string;
  readonly settlementId: string;
  readonly userId: string;
  readonly award: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly status: TransferStatus;
  readonly failureReason: ReasonCode | null;
  readonly stripeTransferId: string | null;
  readonly completedAt: string | null;
  readonly changedAt: string;
  readonly attemptCount: number;
  readonly countedAttemptCount: number;
  readonly maxAttempts: number;
  readonly lastAttempt: AttemptFacts | null;
  readonly cancelRequestedAt: string | null;
  /** Where it waits for the payee: since when, and when that ends. */
  readonly payeeWait: { readonly since: string; readonly until: string } | null;
  /** When Stripe is asked next about an account that is not ready. */
  readonly accountAskedAt: string | null;
  readonly lookup: LookupFacts;
  /** Its own part in the settlement's approval is missing. */
  readonly isApprovalMissing: boolean;
  readonly amountReversedMinor: number;
  /** The open order to take it back, else the newest; null where nobody gave one. */
  readonly lastReversal: {
    readonly amountMinor: number;
    readonly requestedBy: string;
    readonly status: ReversalStatus;
    readonly failureReason: ReasonCode | null;
  } | null;
  readonly gates: SettlementGates;
}

/** How the last POST ended. */
export interface AttemptFacts {
  readonly sentAt: string;
  readonly outcome: 'created' | 'not_created' | 'unknown' | null;
  readonly reason: ReasonCode | null;
  readonly httpStatus: number | null;
  readonly requestId: string | null;
}

/** What is known of a payment whose outcome is not. */
export interface LookupFacts {
  readonly lastSentAt: string | null;
  /** When a look at Stripe's list began that found nothing. */
  readonly notSeenSince: string | null;
  /** Until when the key may be sent again; null where it may not. */
  readonly sameKeyUntil: string | null;
  /** When the second look may prove that nothing was paid; null before the first. */
  readonly anotherKeyFrom: string | null;
}

/** What keeps a whole settlement from being sent. */
export interface SettlementGates {
  readonly pauses: readonly PauseFacts[];
  readonly isApprovalMissing: boolean;
  /** Null where nothing is held, or not any more. */
  readonly heldUntil: string | null;
  /** What is missing at Stripe while the job waits for it. */
  readonly funds: MissingFunds | null;
}

export interface PauseFacts {
  readonly scope: 'everything' | 'settlement';
  readonly cause: string;
  readonly owner: 'operator' | 'automation';
  readonly actor: string | null;
  readonly reason: string | null;
  readonly setAt: string;
  readonly nextLookAt: string | null;
}

import type { ReasonCode } from './reasons';

/**
 * What came back for one POST, reduced to facts without free text: an HTTP answer, or the lack of one.
 * It is stored with the attempt and may appear in histories (M12), so Stripe's messages never enter it.
 */
export interface StripeAnswer {
  /** HTTP status; absent when no complete, readable answer arrived. */
  readonly httpStatus?: number;
  /** Stripe's `error.code`. */
  readonly code?: string;
  /** Stripe's `error.type`, such as `idempotency_error`. */
  readonly rawType?: string;
  /** Stripe's `error.param`. */
  readonly param?: string;
  /** Facts read out of a message where Stripe gives no code (stripe-semantics §3 rows 16, 19, 20, 23, 25, 28). */
  readonly messageSays?:
    | 'account_access_revoked'
    | 'capability_missing'
    | 'own_account'
    | 'other_mode'
    | 'destination_named'
    | 'above_unreversed'
    | 'already_reversed';
  readonly requestId?: string;
  /** `Idempotent-Replayed: true`: this is the saved answer of the first execution of the key. */
  readonly replayed: boolean;
  /** `Stripe-Should-Retry`, where sent. */
  readonly shouldRetry?: boolean;
  /** `Stripe-Rate-Limited-Reason`, where sent. */
  readonly rateLimitedReason?: string;
  /** `Retry-After`, where sent, in milliseconds. */
  readonly retryAfterMs?: number;
  /** The transport's error code (ECONNRESET, ECONNREFUSED, …) when there was no readable answer. */
  readonly connectionCode?: string;
  /** Why there was no readable answer. */
  readonly connection?:
    'not_connected' | 'lost' | 'answer_lost' | 'unreadable' | 'not_sendable' | 'deadline';
  /** The transfer of a 2xx answer, as Stripe described it. */
  readonly transfer?: {
    readonly id: string;
    readonly amountMinor: number;
    readonly currency: string;
    readonly destination: string;
    readonly livemode: boolean;
    readonly payoutTransferId?: string;
  };
  /** The reversal of a 2xx answer, as Stripe described it. */
  readonly reversal?: {
    readonly id: string;
    readonly amountMinor: number;
    readonly currency: string;
    readonly stripeTransferId: string;
    readonly payoutReversalId?: string;
  };
}

/** Where a proven refusal leads when nothing else on its key is unresolved. */
export type RefusalState = 'retryable' | 'blocked' | 'failed_terminal';

/**
 * The three things that one send can mean (M4).
 *
 * `created` is money moved. `not_created` is proof that this send moved none. `unknown` is neither, and stays so
 * until a 2xx, a replayed answer or reconciliation says more; unknown is never failed.
 */
export type SendOutcome =
  | { readonly kind: 'created'; readonly stripeTransferId: string }
  | {
      readonly kind: 'not_created';
      readonly reason: ReasonCode;
      /** The state that this refusal leads to when nothing on its key is unresolved. */
      readonly leadsTo: RefusalState;
      /** A refusal that Stripe executed is burnt into its key: the next send needs a new generation. */
      readonly closesGeneration: boolean;
      /** Whether it uses up one of the allowed attempts (M8). */
      readonly counted: boolean;
      readonly retryAfterMs?: number;
    }
  | {
      readonly kind: 'unknown';
      readonly reason: ReasonCode;
      /** A person has to look; sending the same key again cannot help. */
      readonly alarm: boolean;
    };

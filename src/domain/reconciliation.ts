import { EMPTY_LOOK_AFTER_SEND_MS, EMPTY_LOOK_VALID_MS, EMPTY_LOOKS_APART_MS } from './limits';

/** One transfer in Stripe's list that carries our metadata for a debt. */
export interface StripeMatch {
  readonly id: string;
  readonly amountMinor: number;
  readonly amountReversedMinor: number;
  readonly currency: string;
  readonly destination: string | null;
  readonly livemode: boolean;
}

/** Whether a transfer came back whole: nothing of it is left with the payee. */
export function isAllBack(
  match: Pick<StripeMatch, 'amountMinor' | 'amountReversedMinor'>,
): boolean {
  return match.amountReversedMinor >= match.amountMinor;
}

/** What was, or would be, sent for a debt. */
export interface PossibleSend {
  readonly amountMinor: number;
  readonly currency: string;
  readonly destination: string;
  readonly livemode: boolean;
}

export type MatchVerdict<Send> =
  | { readonly is: 'not_seen' }
  /** The payment: one match, equal to what was sent in every point. */
  | { readonly is: 'payment'; readonly stripeTransferId: string; readonly send: Send }
  /** Something that a person has to look at (M11). */
  | {
      readonly is: 'alarm';
      readonly reason:
        'unknown_second_transfer' | 'unknown_reversed_transfer' | 'unknown_other_transfer';
    };

/**
 * What Stripe's list says of a debt: exactly one equal, unreversed match is its payment. Anything else that was found
 * stops for a person; nothing found is only "not seen".
 * @param sends newest first
 */
export function judgeMatches<Send extends PossibleSend>(
  matches: readonly StripeMatch[],
  sends: readonly Send[],
): MatchVerdict<Send> {
  const [match, second] = matches;
  if (match === undefined) {
    return { is: 'not_seen' };
  }
  if (second !== undefined) {
    return { is: 'alarm', reason: 'unknown_second_transfer' };
  }
  if (match.amountReversedMinor > 0) {
    return { is: 'alarm', reason: 'unknown_reversed_transfer' };
  }
  const send = sends.find(
    (candidate) =>
      candidate.destination === match.destination &&
      candidate.amountMinor === match.amountMinor &&
      candidate.currency === match.currency &&
      candidate.livemode === match.livemode,
  );
  return send === undefined
    ? { is: 'alarm', reason: 'unknown_other_transfer' }
    : { is: 'payment', stripeTransferId: match.id, send };
}

/** A look at Stripe's list that found nothing. Times are milliseconds since 1970 by Postgres's clock. */
export interface EmptyLook {
  readonly beganAtMs: number;
  /** When the first look since the last send began that found nothing; null when this is the first. */
  readonly notSeenSinceMs: number | null;
  /** Null when the database does not know: it has no send, or may have lost some. */
  readonly lastSentAtMs: number | null;
  readonly nowMs: number;
}

/**
 * Whether it is the first since the last send. Also where an earlier one seems to come before that send: the clock was
 * set back between the two, and how far apart they are is not known.
 */
export function isFirstEmptyLook({
  lastSentAtMs,
  notSeenSinceMs,
}: Pick<EmptyLook, 'lastSentAtMs' | 'notSeenSinceMs'>): boolean {
  return notSeenSinceMs === null || (lastSentAtMs !== null && notSeenSinceMs < lastSentAtMs);
}

/**
 * Whether a look that found nothing proves, with an earlier one, that nothing was paid: ten minutes apart, this one
 * after the 24th hour since the last send, and only just over. Where the last send is not known, the time counts from
 * the first look, since a lost one may have been sent directly before it.
 *
 * A key is dead by then, and what Stripe completes later it completes within hours (docs.stripe.com/error-low-level).
 */
export function isProvenAbsent(look: EmptyLook): boolean {
  const { beganAtMs, lastSentAtMs, notSeenSinceMs, nowMs } = look;
  if (notSeenSinceMs === null || isFirstEmptyLook(look)) {
    return false;
  }
  const countsFromMs = lastSentAtMs ?? notSeenSinceMs;
  return (
    beganAtMs >= notSeenSinceMs + EMPTY_LOOKS_APART_MS &&
    beganAtMs >= countsFromMs + EMPTY_LOOK_AFTER_SEND_MS &&
    nowMs < beganAtMs + EMPTY_LOOK_VALID_MS
  );
}

import { isAlarm } from './next-state';
import type { ReasonCode } from './reasons';

/** What is known of one POST of a reversal, as its attempt row says. */
export interface KnownReversalSend {
  readonly outcome: 'created' | 'not_created' | 'unknown' | null;
  /** What is certain about it; null while it may have brought money back. */
  readonly resolution: 'created' | 'not_created' | null;
  readonly reason: ReasonCode | null;
  readonly replayed: boolean | null;
  readonly endsReversal: boolean;
}

/** Where the sends of a reversal leave it. */
export type ReversalStep =
  /** Something was sent and nothing certain is known of it (M5). */
  | { readonly is: 'unknown'; readonly reason: ReasonCode; readonly mayResend: boolean }
  /** Every send is proven to have brought nothing back, and the key would only repeat that. */
  | { readonly is: 'refused'; readonly reason: ReasonCode }
  /** Nothing was sent yet, or nothing that was is burnt into the key: the same key again. */
  | { readonly is: 'sendable'; readonly reason: ReasonCode | null };

/**
 * Whether a replayed refusal settles the key: Stripe shows the saved answer of its first execution, so no send under it
 * brought anything back (docs.stripe.com/api/idempotent_requests).
 */
export function isReversalKeySettled(sends: readonly KnownReversalSend[]): boolean {
  return (
    sends.some(({ outcome, replayed }) => outcome === 'not_created' && replayed === true) &&
    !sends.some(({ resolution }) => resolution === 'created')
  );
}

/**
 * What the sends of an open reversal say, oldest first, after a replayed refusal has settled what it can. While one is
 * unresolved a fresh refusal proves nothing about it.
 */
export function reversalStep(sends: readonly KnownReversalSend[]): ReversalStep {
  if (sends.some(({ resolution }) => resolution === 'created')) {
    // Stripe made it and it could not be booked: only a look, or a person, ends that.
    return { is: 'unknown', reason: 'unknown_other_reversal', mayResend: false };
  }
  const unresolved = sends.filter(({ resolution }) => resolution === null).at(-1);
  const last = sends.at(-1);
  if (unresolved !== undefined) {
    const reason = unresolved.reason ?? 'unknown_no_answer';
    return { is: 'unknown', reason, mayResend: canAnswerDiffer(last) };
  }
  if (last?.endsReversal === true && last.reason !== null) {
    return { is: 'refused', reason: last.reason };
  }
  return { is: 'sendable', reason: last?.reason ?? null };
}

/** A replayed unknown, and one that a person has to look at, come back the same however often they are asked for. */
function canAnswerDiffer(last: KnownReversalSend | undefined): boolean {
  return last?.outcome !== 'unknown' || (last.replayed !== true && !isAlarm(last.reason));
}

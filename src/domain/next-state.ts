import type { RefusalState, SendOutcome } from './outcome';
import type { ReasonCode } from './reasons';

/** What is known of one send, as its attempt row says. */
export interface KnownSend {
  readonly outcome: SendOutcome['kind'] | null;
  /** What is certain about it; null while it may have paid. */
  readonly resolution: 'created' | 'not_created' | null;
  readonly reason: ReasonCode | null;
  readonly replayed: boolean;
  readonly leadsTo: RefusalState | null;
  readonly closesGeneration: boolean;
}

/** Where a transfer goes from `processing`, and whether its key ends with it. */
export interface NextState {
  readonly to: RefusalState | 'unknown';
  readonly reason: ReasonCode;
  readonly closeGeneration: boolean;
}

/** Why the gate before a POST let nothing through (M6). */
export type SendRefusal =
  | 'platform_cancel_requested'
  | 'platform_paused'
  | 'platform_approval_missing'
  | 'platform_on_hold'
  | 'platform_account_unconfirmed'
  | 'platform_mode_mismatch'
  | 'attempts_used_up'
  | 'unknown_key_too_old'
  | 'transient_list_not_read'
  | 'transient_not_sent';

/**
 * The sends of a key that a replayed refusal settles: Stripe shows the saved answer of the first execution, so none of
 * the sends up to it made a transfer (M5; docs.stripe.com/api/idempotent_requests).
 *
 * Not those after it: where a restored database has lost the send that was executed, Stripe may forget the key while it
 * is young here, and the next send under it is executed anew.
 */
export function sendsProvenUnpaid<Send extends KnownSend>(sends: readonly Send[]): readonly Send[] {
  if (sends.some(({ resolution }) => resolution === 'created')) {
    return [];
  }
  const lastReplay = sends.findLastIndex(
    ({ outcome, replayed }) => outcome === 'not_created' && replayed,
  );
  return sends.slice(0, lastReplay + 1);
}

/** Unknown outcomes that the same key cannot clear up: a person, or a look at Stripe's list, has to. */
const ALARM_REASONS: ReadonlySet<ReasonCode> = new Set<ReasonCode>([
  'unknown_key_mismatch',
  'unknown_unlisted_answer',
  'unknown_other_transfer',
  'unknown_other_reversal',
  'unknown_second_transfer',
  'unknown_reversed_transfer',
]);

/** Whether a person has to look before anything else happens to this outcome. */
export function isAlarm(reason: ReasonCode | null): boolean {
  return reason !== null && ALARM_REASONS.has(reason);
}

/** Whether sending the same key once more can bring another answer than the last one did. */
export function answerCanDiffer(sends: readonly KnownSend[]): boolean {
  const last = sends.at(-1);
  if (last?.outcome !== 'unknown') {
    return true;
  }
  return !last.replayed && !isAlarm(last.reason);
}

/**
 * Decides where a claimed transfer goes once its sends are over.
 *
 * @param sends of the claimed generation, oldest first, after replayed refusals have settled what they can
 * @param claimed those of them that this claim made
 * @param refusal why nothing was sent, when this claim made none
 */
export function nextState(
  sends: readonly KnownSend[],
  claimed: readonly KnownSend[],
  allowance: { readonly countedAttempts: number; readonly maxAttempts: number },
  refusal: SendRefusal,
): NextState {
  const unresolved = sends.filter((send) => send.resolution === null).at(-1);
  if (unresolved !== undefined) {
    // The sticky rule: a later answer that did not look at the earlier send proves nothing about it (M5).
    return {
      to: 'unknown',
      reason: unresolved.reason ?? 'unknown_no_answer',
      closeGeneration: false,
    };
  }
  const last = claimed.at(-1);
  if (last === undefined || last.leadsTo === null || last.reason === null) {
    return nothingSent(refusal);
  }
  const { closesGeneration: closeGeneration, leadsTo, reason } = last;
  if (leadsTo === 'retryable' && allowance.countedAttempts >= allowance.maxAttempts) {
    return { to: 'failed_terminal', reason: 'attempts_used_up', closeGeneration };
  }
  return { to: leadsTo, reason, closeGeneration };
}

function nothingSent(refusal: SendRefusal): NextState {
  switch (refusal) {
    case 'platform_paused':
    case 'platform_approval_missing':
    case 'platform_on_hold':
    case 'platform_account_unconfirmed':
    case 'platform_mode_mismatch':
      return { to: 'blocked', reason: refusal, closeGeneration: false };
    case 'attempts_used_up':
      return { to: 'failed_terminal', reason: refusal, closeGeneration: false };
    case 'unknown_key_too_old':
      // Everything under the old key is resolved, so the next claim may open a new one.
      return { to: 'retryable', reason: 'transient_not_sent', closeGeneration: true };
    case 'platform_cancel_requested':
    case 'transient_list_not_read':
    case 'transient_not_sent':
      return { to: 'retryable', reason: refusal, closeGeneration: false };
  }
}

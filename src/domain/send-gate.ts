import { KEY_SENDABLE_MS, STRIPE_LIST_VALID_MS } from './limits';
import type { SendRefusal } from './next-state';

/** When a key's sends began. Times are milliseconds since 1970 by Postgres's clock. */
export interface KeyAge {
  readonly firstSentAtMs: number | null;
  /** When the reading of Stripe's list began that the first send relies on. */
  readonly listReadAtMs: number | null;
}

/**
 * Whether a key may still be sent (M6): less than 23 hours after its first send. A send that a restored database has
 * lost may be as old as the reading of Stripe's list before it, so the age counts from there (M11). Not where the clock
 * was set back between the two: Stripe counts from the send.
 */
export function isKeySendable(key: KeyAge, nowMs: number): boolean {
  const { firstSentAtMs, listReadAtMs } = key;
  return (
    firstSentAtMs === null ||
    nowMs < Math.min(listReadAtMs ?? firstSentAtMs, firstSentAtMs) + KEY_SENDABLE_MS
  );
}

/** What is known of Stripe's list of a settlement. */
export interface ListAge {
  /** When its newest reading began, by Postgres's clock. */
  readonly readAtMs: number | null;
  /** Somebody needs it read again: a job that starts, an operator who retries. */
  readonly isWanted: boolean;
}

/**
 * Whether Stripe's list was read recently enough for the first send of a key (M11). Not where the clock was set back
 * since: nobody knows how long ago a time is that has not come.
 */
export function isListFresh({ isWanted, readAtMs }: ListAge, nowMs: number): boolean {
  return (
    !isWanted && readAtMs !== null && readAtMs <= nowMs && nowMs < readAtMs + STRIPE_LIST_VALID_MS
  );
}

/** Whether a settlement is still held: nothing of it is sent before this time (M13). */
export function isHeld(heldUntilMs: number | null, nowMs: number): boolean {
  return heldUntilMs !== null && nowMs < heldUntilMs;
}

/** What stands behind the gate before a POST; `beginSend` asks the same in SQL, and a test compares the two. */
export interface SendGateFacts {
  /** The claim is the row's own: its number, run and generation, status processing, nothing paid, generation open. */
  readonly isClaimValid: boolean;
  /** An operator wants it cancelled: nothing more is sent, not even to ask about an earlier send (M13). */
  readonly isCancelRequested: boolean;
  readonly isPaused: boolean;
  /** Of the settlement, or of this transfer alone: it was given up when the others were approved. */
  readonly isApprovalMissing: boolean;
  /** The settlement is held for disputes; null where it is not. */
  readonly heldUntilMs: number | null;
  /** The generation was frozen for the Stripe account and mode that this process works with (M3). */
  readonly isOfThisPlatform: boolean;
  /** A send under this key may have paid: it is asked about again, whatever came since (M5). */
  readonly hasUnresolvedSend: boolean;
  readonly attemptsAreUsedUp: boolean;
  readonly destinationIsPayee: boolean;
  /** No account was put in place of the approved one, or somebody has confirmed it. */
  readonly accountIsConfirmed: boolean;
  readonly key: KeyAge;
  readonly list: ListAge;
  readonly nowMs: number;
}

/** Which gate keeps a POST from being made; undefined when it may be made (M6). */
export function sendRefusal(facts: SendGateFacts): SendRefusal | undefined {
  const { hasUnresolvedSend, key, nowMs } = facts;
  if (facts.isCancelRequested) {
    return 'platform_cancel_requested';
  }
  if (facts.isPaused) {
    return 'platform_paused';
  }
  if (facts.isApprovalMissing) {
    return 'platform_approval_missing';
  }
  if (isHeld(facts.heldUntilMs, nowMs)) {
    return 'platform_on_hold';
  }
  if (!hasUnresolvedSend && facts.attemptsAreUsedUp) {
    return 'attempts_used_up';
  }
  if (!facts.isClaimValid) {
    return 'transient_not_sent';
  }
  if (!facts.isOfThisPlatform) {
    return 'platform_mode_mismatch';
  }
  if (!isKeySendable(key, nowMs)) {
    return 'unknown_key_too_old';
  }
  if (key.firstSentAtMs === null && !isListFresh(facts.list, nowMs)) {
    return 'transient_list_not_read';
  }
  return hasUnresolvedSend ? undefined : accountRefusal(facts);
}

/** Where a payment may have been made already, it is asked about whatever the account has become (M5). */
function accountRefusal(facts: SendGateFacts): SendRefusal | undefined {
  if (!facts.destinationIsPayee) {
    return 'transient_not_sent';
  }
  return facts.accountIsConfirmed ? undefined : 'platform_account_unconfirmed';
}

import { SENDS_BEFORE_LOOK } from './limits';
import { answerCanDiffer, isAlarm, type KnownSend } from './next-state';
import type { ReasonCode } from './reasons';
import { isTerminal, type TransferStatus } from './transfer-state';

/** What a claim finds, read under the row's lock; every time in it was judged by Postgres's clock. */
export interface ClaimFacts {
  readonly status: TransferStatus;
  readonly failureReason: ReasonCode | null;
  /** The row is under a claim, and it is this run's. */
  readonly isClaimOfThisRun: boolean;
  /** The run has seen more sends than the row tells: Postgres came back older (M11). */
  readonly runHasSeenMore: boolean;
  /** An operator wants it cancelled: nothing is sent for it any more. */
  readonly isCancelRequested: boolean;
  readonly closedGate: ClosedGate | undefined;
  readonly payee: PayeeFacts | undefined;
  readonly openGeneration: OpenGenerationFacts | undefined;
  /** The sends of the open generation, oldest first. */
  readonly sends: readonly KnownSend[];
  /**
   * Stripe was looked at for this debt since its newest generation ended, and showed no payment. True where none has
   * ended yet.
   */
  readonly lookedSinceClosing: boolean;
  /** Stripe was looked at for this debt since its last send, and showed no payment. */
  readonly lookedSinceSend: boolean;
  /** Stripe's list of the settlement was read recently enough for a first send. */
  readonly listIsFresh: boolean;
  readonly payeeWaitIsOver: boolean;
}

/** Why nobody of a settlement, or nobody who was not approved, is sent anything. */
export type ClosedGate = 'platform_paused' | 'platform_approval_missing' | 'platform_on_hold';

/** The winner's connected account. */
export interface PayeeFacts {
  /** Stripe was asked, or has refused, and the account could not receive. */
  readonly isNotReady: boolean;
  readonly askIsDue: boolean;
  /** It is the one that was approved, or was confirmed since, or needs neither. */
  readonly isConfirmed: boolean;
}

export interface OpenGenerationFacts {
  readonly isKeySendable: boolean;
  readonly wasSent: boolean;
  /** Its frozen destination is the account that the winner has now. */
  readonly destinationIsPayee: boolean;
}

/** What a claim does. */
export type ClaimDecision =
  /** Nothing to do now. */
  | { readonly do: 'rest' }
  /** The claim that this run holds already. */
  | { readonly do: 'hold' }
  | { readonly do: 'reconcile' }
  /** The row tells less than the run has seen: nothing is believed before Stripe was asked. */
  | { readonly do: 'distrust' }
  | { readonly do: 'ask' }
  | { readonly do: 'wait_for_list' }
  | { readonly do: 'block'; readonly reason: ReasonCode }
  | { readonly do: 'end_payee_wait' }
  | { readonly do: 'send_open' }
  /** The open generation is given up, nothing under it being unresolved; then Stripe is looked at. */
  | { readonly do: 'give_up_key'; readonly reason: 'payee_account_replaced' | 'key_too_old' }
  | { readonly do: 'send_next' };

/** Reasons after which Stripe is asked whether the account can receive by now, instead of trying with money. */
const WAITS_FOR_READINESS: ReadonlySet<ReasonCode> = new Set<ReasonCode>([
  'payee_capability_inactive',
  'payee_account_disconnected',
]);

/**
 * Stripe has refused it and may still let it through, so it counts as unpaid for nobody but the person who has looked
 * (`payouts retry`): a cancel would forget that, and a restore would send it under another key.
 */
export function isHeldByRiskControl({
  failureReason,
}: {
  readonly failureReason: ReasonCode | null;
}): boolean {
  return failureReason === 'platform_risk_control';
}

/** Whether a refusal only says that the payee is not ready yet: nobody's mistake, and no sign of a wider trouble. */
export function isPayeeNotReady(reason: ReasonCode | null): boolean {
  return reason === 'payee_account_missing' || (reason !== null && WAITS_FOR_READINESS.has(reason));
}

/** Decides what one look at a transfer leads to. Pure; the claim carries it out in the transaction that read the facts. */
export function decideClaim(facts: ClaimFacts): ClaimDecision {
  const { status } = facts;
  if (isTerminal(status)) {
    return { do: 'rest' };
  }
  const isStoppedForPerson = status === 'unknown' && isAlarm(facts.failureReason);
  if (facts.runHasSeenMore && !isStoppedForPerson) {
    // Also where the row says that this run may send: it says so of a claim that is over.
    return { do: 'distrust' };
  }
  if (status === 'processing') {
    return { do: facts.isClaimOfThisRun ? 'hold' : 'reconcile' };
  }
  return status === 'unknown' ? decideUnknown(facts) : decideUnsent(facts);
}

/**
 * The same key again, while it is young and Stripe's answer can still differ; otherwise the list has to tell. It is also
 * asked between sends whose answers never come: the payment may stand in it. What reconciliation has stopped for a person
 * stays stopped: another send would hide what it found, or pay again.
 */
function decideUnknown(facts: ClaimFacts): ClaimDecision {
  const { failureReason, openGeneration, sends } = facts;
  const sameKeyCanTell =
    openGeneration?.isKeySendable === true &&
    sends.some(({ resolution }) => resolution === null) &&
    !isAlarm(failureReason) &&
    !isDistrusted(failureReason) &&
    answerCanDiffer(sends) &&
    (facts.lookedSinceSend || sends.length < SENDS_BEFORE_LOOK) &&
    !facts.isCancelRequested &&
    facts.closedGate === undefined;
  return { do: sameKeyCanTell ? 'send_open' : 'reconcile' };
}

/** The row comes from an older database: a send that it has lost, of another key, may have paid (M11). */
export function isDistrusted(reason: ReasonCode | null): boolean {
  return reason === 'unknown_records_older' || reason === 'unknown_paid_run';
}

function decideUnsent(facts: ClaimFacts): ClaimDecision {
  const { failureReason, payee } = facts;
  const isBlocked = facts.status === 'blocked';
  if (facts.isCancelRequested) {
    // Proven unpaid and wanted cancelled is cancelled in the transaction that proves it, so nobody rests here.
    return { do: 'rest' };
  }
  if (isBlocked && isHeldByRiskControl(facts)) {
    // Stripe may be holding the payment for its own decision; another key could become another payment.
    return { do: 'rest' };
  }
  if (facts.closedGate !== undefined) {
    // Under a pause nobody looks at accounts, so nobody's wait for one ends.
    return { do: 'block', reason: facts.closedGate };
  }
  if (payee === undefined) {
    return facts.payeeWaitIsOver
      ? { do: 'end_payee_wait' }
      : { do: 'block', reason: 'payee_account_missing' };
  }
  if (!payee.isConfirmed) {
    // Before it is asked about: a person decides first whether it is the winner's at all.
    return { do: 'block', reason: 'platform_account_unconfirmed' };
  }
  // A missing account that has come meanwhile is worth a send, however late it is.
  if (facts.payeeWaitIsOver && failureReason !== 'payee_account_missing') {
    return { do: 'end_payee_wait' };
  }
  if (isBlocked && payee.isNotReady && isPayeeNotReady(failureReason)) {
    return { do: payee.askIsDue ? 'ask' : 'rest' };
  }
  return decideSend(facts);
}

/**
 * The open generation, or the next one. Between two keys stands a look at Stripe that begins after the old one has
 * ended: a database that came back older may have lost a send of it, and another key would pay that debt again (M11).
 */
function decideSend(facts: ClaimFacts): ClaimDecision {
  const { listIsFresh, openGeneration: open } = facts;
  if (open === undefined && !facts.lookedSinceClosing) {
    return { do: 'reconcile' };
  }
  if (open !== undefined && !(open.isKeySendable && open.destinationIsPayee)) {
    return {
      do: 'give_up_key',
      reason: open.isKeySendable ? 'payee_account_replaced' : 'key_too_old',
    };
  }
  if (open?.wasSent !== true && !listIsFresh) {
    return { do: 'wait_for_list' };
  }
  return { do: open === undefined ? 'send_next' : 'send_open' };
}

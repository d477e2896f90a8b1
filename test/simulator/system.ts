/** What the activities work with: the rows, Stripe, the clock, and the rules themselves, each of which can be replaced. */
import { breakerCause } from '../../src/domain/breaker';
import { decideClaim } from '../../src/domain/claim-rules';
import { classifyAnswer } from '../../src/domain/classify-answer';
import { stripeIdempotencyKey } from '../../src/domain/generation';
import { nextState, sendsProvenUnpaid } from '../../src/domain/next-state';
import { isFirstEmptyLook, isProvenAbsent, judgeMatches } from '../../src/domain/reconciliation';
import { decideCancel, decideRestore, decideVoid } from '../../src/domain/manual-cancellation';
import { retryRefusal } from '../../src/domain/manual-retry';
import { isKeySendable, isListFresh, sendRefusal } from '../../src/domain/send-gate';
import type { Records } from './records';
import type { StripeModel } from './stripe-model';

export const RULES = {
  classifyAnswer,
  nextState,
  sendsProvenUnpaid,
  decideClaim,
  sendRefusal,
  isKeySendable,
  isListFresh,
  judgeMatches,
  isFirstEmptyLook,
  isProvenAbsent,
  breakerCause,
  retryRefusal,
  decideCancel,
  decideRestore,
  decideVoid,
  stripeIdempotencyKey,
  /** Not a function of the domain but a line of an activity: a completed transfer is not settled again. */
  isSettled: (status: string): boolean => status === 'completed',
  /** Likewise: what a reading of the list shows is compared with every row. */
  isListCompared: (): boolean => true,
  /** Likewise: between two keys of one debt stands a look at Stripe. */
  isLookedAtBetweenKeys: (): boolean => true,
  /** Likewise: a request to cancel takes effect with the proof that nothing was paid. */
  isCancelHonoured: (): boolean => true,
};

export type Rules = typeof RULES;

export interface System {
  readonly records: Records;
  readonly stripe: StripeModel;
  readonly rules: Rules;
  /** Postgres's clock. */
  nowMs: number;
  /** Stripe's clock, which is never set back. */
  stripeNowMs: number;
}

export const SETTLEMENT_ID = 'settlement-1';
export const INSTALLATION_ID = 'simulated';
export const CURRENCY = 'usd';

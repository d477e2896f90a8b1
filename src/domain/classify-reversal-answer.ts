import { ANSWER_TABLE } from './classify-answer';
import type { SendOutcome, StripeAnswer } from './outcome';
import { failureClassOf, type ReasonCode } from './reasons';
import { REVERSAL_ID_IN_METADATA, type FrozenReversal } from './reversal-request';

/** The three things that one POST of a reversal can mean (M4). */
export type ReversalOutcome =
  | { readonly kind: 'created'; readonly stripeReversalId: string }
  | {
      readonly kind: 'not_created';
      readonly reason: ReasonCode;
      /** Stripe executed the refusal, so it is burnt into the key: the order ends, and another try is another order. */
      readonly endsReversal: boolean;
      readonly retryAfterMs?: number;
    }
  | { readonly kind: 'unknown'; readonly reason: ReasonCode; readonly alarm: boolean };

interface ReversalRow {
  readonly matches: (answer: StripeAnswer) => boolean;
  readonly reason: ReasonCode;
}

function isRefusal({ httpStatus = 0 }: StripeAnswer): boolean {
  return httpStatus >= 400 && httpStatus <= 499;
}

function hasCode(answer: StripeAnswer, ...codes: readonly string[]): boolean {
  return isRefusal(answer) && answer.code !== undefined && codes.includes(answer.code);
}

/**
 * Refusals that mean something else of a reversal than of a transfer. Stripe documents that the connected account's
 * available balance has to cover a reversal (connect/separate-charges-and-transfers) and that no more than what is left
 * of the transfer comes back (api/transfer_reversals/create); it documents no codes for them, so the known wordings
 * count too. All are executed, and therefore final.
 */
const REVERSAL_REFUSALS: readonly ReversalRow[] = [
  {
    // 402 and 409 with this code too: whose balance it is, is plain from the call.
    matches: (answer) => hasCode(answer, 'balance_insufficient', 'insufficient_funds'),
    reason: 'reversal_balance_insufficient',
  },
  {
    matches: (answer) =>
      isRefusal(answer) &&
      (answer.messageSays === 'above_unreversed' || answer.messageSays === 'already_reversed'),
    reason: 'reversal_amount_refused',
  },
  {
    matches: (answer) =>
      hasCode(answer, 'amount_too_large', 'charge_already_refunded', 'transfer_already_reversed') ||
      (answer.httpStatus === 400 && answer.code === undefined && answer.param === 'amount'),
    reason: 'reversal_amount_refused',
  },
  {
    matches: (answer) => hasCode(answer, 'resource_missing') && answer.messageSays !== 'other_mode',
    reason: 'reversal_transfer_not_found',
  },
];

/** The lines of the transfers' table that hold for every POST; its first row compares a transfer. */
const SHARED_TABLE = ANSWER_TABLE.filter(({ row }) => row !== 1);

/** What SHARED_TABLE is asked with: none of its lines looks at what was sent. */
const NO_TRANSFER = {
  frozen: { amountMinor: 0, currency: '', destination: '', transferGroup: '', metadata: {} },
  livemode: false,
};

/**
 * What one POST of a reversal means. Pure and total; an answer that no table lists is unknown.
 *
 * It judges this one answer. Whether an earlier send of the same key is still unresolved, and the outcome therefore too,
 * is for the caller to say (M5).
 * @param answer as the adapter reduced it; `{ replayed: false }` alone is a send of which nothing was heard
 * @param frozen what was sent
 */
export function classifyReversalAnswer(
  answer: StripeAnswer,
  frozen: FrozenReversal,
): ReversalOutcome {
  const { httpStatus = 0, reversal } = answer;
  if (httpStatus >= 200 && httpStatus <= 299) {
    return isAsFrozen(reversal, frozen)
      ? { kind: 'created', stripeReversalId: reversal.id }
      : { kind: 'unknown', reason: 'unknown_other_reversal', alarm: true };
  }
  const shared = SHARED_TABLE.find(({ matches }) => matches(answer, NO_TRANSFER));
  // A rate limit, a conflict or a rejected key comes before Stripe has looked at the reversal, whatever else it says.
  const own = isBeforeExecution(shared?.row)
    ? undefined
    : REVERSAL_REFUSALS.find(({ matches }) => matches(answer));
  return own === undefined
    ? asReversalOutcome(shared?.outcome, answer)
    : { kind: 'not_created', reason: own.reason, endsReversal: true };
}

/** Rows 2 to 14 of stripe-semantics §3, except that a conflict (11) may carry a code that says more. */
function isBeforeExecution(row = 40): boolean {
  return row <= 14 && row !== 11;
}

function isAsFrozen(
  reversal: StripeAnswer['reversal'],
  frozen: FrozenReversal,
): reversal is NonNullable<StripeAnswer['reversal']> {
  return (
    reversal !== undefined &&
    /^trr_[A-Za-z0-9_]+$/.test(reversal.id) &&
    reversal.amountMinor === frozen.amountMinor &&
    reversal.currency === frozen.currency &&
    reversal.stripeTransferId === frozen.stripeTransferId &&
    reversal.payoutReversalId === frozen.metadata[REVERSAL_ID_IN_METADATA]
  );
}

function asReversalOutcome(
  outcome: SendOutcome | 'created' | undefined,
  { replayed, retryAfterMs }: StripeAnswer,
): ReversalOutcome {
  if (outcome === undefined || outcome === 'created' || outcome.kind === 'created') {
    return { kind: 'unknown', reason: 'unknown_no_answer', alarm: false };
  }
  if (outcome.kind === 'unknown') {
    return outcome;
  }
  const { closesGeneration, reason } = outcome;
  const endsReversal = closesGeneration || replayed;
  // The texts of payees and requests are about being paid; the attempt keeps Stripe's own code.
  const isAboutPaying = ['payee', 'request'].includes(failureClassOf(reason));
  return {
    kind: 'not_created',
    reason: isAboutPaying ? 'reversal_refused' : reason,
    endsReversal,
    ...(retryAfterMs !== undefined && !endsReversal && { retryAfterMs }),
  };
}

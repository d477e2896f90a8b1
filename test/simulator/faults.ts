/** What can go wrong with one POST to Stripe, drawn at random; the answers are those of stripe-semantics §3. */
import type { StripeAnswer } from '../../src/domain/outcome';
import type { Draws } from './draws';
import { HOUR_MS, MINUTE_MS, type Fault } from './stripe-model';

const INVALID_REQUEST = 'invalid_request_error';

/** Answered by something before the idempotency layer; nothing is saved. */
const UNEXECUTED: readonly StripeAnswer[] = [
  { httpStatus: 429, code: 'rate_limit', rawType: INVALID_REQUEST, replayed: false },
  { httpStatus: 429, code: 'lock_timeout', rawType: INVALID_REQUEST, replayed: false },
  { httpStatus: 401, rawType: INVALID_REQUEST, replayed: false },
  { httpStatus: 403, rawType: INVALID_REQUEST, replayed: false },
  {
    httpStatus: 403,
    code: 'account_invalid',
    messageSays: 'account_access_revoked',
    replayed: false,
  },
  { httpStatus: 400, code: 'parameter_invalid_integer', rawType: INVALID_REQUEST, replayed: false },
  { httpStatus: 400, code: 'livemode_mismatch', rawType: INVALID_REQUEST, replayed: false },
  { httpStatus: 404, rawType: INVALID_REQUEST, replayed: false },
  { httpStatus: 409, rawType: INVALID_REQUEST, replayed: false },
];

/** Nothing of Stripe's that says whether the call was executed. */
const SILENCES: readonly StripeAnswer[] = [
  { connection: 'lost', replayed: false },
  { connection: 'deadline', replayed: false },
  { connection: 'unreadable', replayed: false },
  { httpStatus: 502, rawType: 'api_error', replayed: false },
  { httpStatus: 503, rawType: 'api_error', replayed: false },
  { httpStatus: 424, rawType: 'api_error', replayed: false },
];

const NOT_CONNECTED: StripeAnswer = { connection: 'not_connected', replayed: false };
const ANSWER_LOST: StripeAnswer = { connection: 'answer_lost', replayed: false };

/** Executed, refused and saved, for reasons that have nothing to do with account and balance. */
const REFUSED: readonly StripeAnswer[] = [
  { httpStatus: 400, code: 'action_blocked', rawType: INVALID_REQUEST, replayed: false },
  { httpStatus: 400, code: 'amount_too_small', rawType: INVALID_REQUEST, replayed: false },
  { httpStatus: 402, code: 'card_declined', rawType: 'card_error', replayed: false },
  { httpStatus: 403, rawType: INVALID_REQUEST, replayed: false },
];

const UNLISTED: StripeAnswer = {
  httpStatus: 400,
  code: 'never_heard_of',
  rawType: INVALID_REQUEST,
  replayed: false,
};

/** A call that Stripe answered with 500 is completed after all within this time; the documentation gives no bound. */
const LATE_COMMIT_HOURS = 20;

export function drawFault(draws: Draws): Fault {
  const which = draws.below(100);
  if (which < 25) {
    const answer = draws.chance(70) ? draws.pick(SILENCES) : NOT_CONNECTED;
    return { kind: 'lost_before', answer };
  }
  if (which < 50) {
    const answer = draws.chance(70) ? draws.pick(SILENCES) : ANSWER_LOST;
    return { kind: 'lost_after', answer };
  }
  if (which < 75) {
    const answer = draws.chance(95) ? draws.pick(UNEXECUTED) : UNLISTED;
    return { kind: 'unexecuted', answer };
  }
  if (which < 82) {
    return { kind: 'slow', ms: (1 + draws.below(45)) * MINUTE_MS };
  }
  if (which < 92) {
    return { kind: 'server_error', movesAfterMs: drawLateCommit(draws) };
  }
  return { kind: 'refused', answer: draws.chance(90) ? draws.pick(REFUSED) : UNLISTED };
}

function drawLateCommit(draws: Draws): number | undefined {
  switch (draws.below(4)) {
    case 0:
      return undefined;
    case 1:
      return 0;
    case 2:
      return draws.below(60) * MINUTE_MS;
    default:
      return draws.below(LATE_COMMIT_HOURS) * HOUR_MS;
  }
}

export function tellFault(fault: Fault | undefined): string {
  return fault === undefined ? 'as it should' : JSON.stringify(fault);
}

import type { FrozenRequest } from './generation';
import type { SendOutcome, StripeAnswer } from './outcome';
import type { ReasonCode } from './reasons';

type NotCreated = Extract<SendOutcome, { kind: 'not_created' }>;

/** What an answer is compared with: the request as it was frozen, and the mode of the installation. */
interface Expected {
  readonly frozen: FrozenRequest;
  readonly livemode: boolean;
}

type Test = (answer: StripeAnswer) => boolean;

/** One line of the table in stripe-semantics §3. */
interface AnswerRow {
  /** The number of the row there; a row with several reasons is several lines here. */
  readonly row: number;
  readonly matches: (answer: StripeAnswer, expected: Expected) => boolean;
  readonly outcome: SendOutcome | 'created';
}

/**
 * Time mends it, and nothing is burnt: the same key again. The generation stays, because the answer was given before
 * Stripe looked the key up.
 */
function transient(reason: ReasonCode, uses: { readonly counted: boolean }): NotCreated {
  return {
    kind: 'not_created',
    reason,
    leadsTo: 'retryable',
    closesGeneration: false,
    counted: uses.counted,
  };
}

/** The winner has to mend it. Stripe executed the refusal, so its key would only repeat it. */
function payee(reason: ReasonCode, leadsTo: 'blocked' | 'failed_terminal'): NotCreated {
  return { kind: 'not_created', reason, leadsTo, closesGeneration: true, counted: false };
}

/** The platform's owner has to mend it; no winner loses an attempt over it (M7). */
function platform(reason: ReasonCode, key: 'burnt' | 'kept'): NotCreated {
  const closesGeneration = key === 'burnt';
  return { kind: 'not_created', reason, leadsTo: 'blocked', closesGeneration, counted: false };
}

/** The request itself is wrong; another send of it would be refused again. */
function request(reason: ReasonCode): NotCreated {
  return {
    kind: 'not_created',
    reason,
    leadsTo: 'failed_terminal',
    closesGeneration: true,
    counted: true,
  };
}

function unknown(reason: ReasonCode): SendOutcome {
  return { kind: 'unknown', reason, alarm: false };
}

function unknownWithAlarm(reason: ReasonCode): SendOutcome {
  return { kind: 'unknown', reason, alarm: true };
}

function noAnswer(...connections: readonly StripeAnswer['connection'][]): Test {
  return (answer) => answer.connection !== undefined && connections.includes(answer.connection);
}

function status(...statuses: readonly number[]): Test {
  return ({ httpStatus }) => httpStatus !== undefined && statuses.includes(httpStatus);
}

function isClientError({ httpStatus = 0 }: StripeAnswer): boolean {
  return httpStatus >= 400 && httpStatus <= 499;
}

/** A refusal (4xx) with one of these codes; the statuses that Stripe uses for a code are not documented. */
function refusal(...codes: readonly string[]): Test {
  return (answer) =>
    isClientError(answer) && answer.code !== undefined && codes.includes(answer.code);
}

function refusalStarting(...prefixes: readonly string[]): Test {
  return (answer) =>
    isClientError(answer) && prefixes.some((prefix) => answer.code?.startsWith(prefix));
}

function refusalSaying(...facts: readonly StripeAnswer['messageSays'][]): Test {
  return (answer) =>
    isClientError(answer) && answer.messageSays !== undefined && facts.includes(answer.messageSays);
}

function missing(param: string): Test {
  const isMissing = refusal('resource_missing');
  return (answer) => isMissing(answer) && answer.param === param;
}

function either(...tests: readonly Test[]): Test {
  return (answer) => tests.some((test) => test(answer));
}

function isSuccess({ httpStatus = 0 }: StripeAnswer): boolean {
  return httpStatus >= 200 && httpStatus <= 299;
}

/** The money went where it was to go: nothing less is called created (M4). */
function isTransferAsFrozen(answer: StripeAnswer, expected: Expected): boolean {
  const { transfer } = answer;
  const { frozen, livemode } = expected;
  return (
    isSuccess(answer) &&
    transfer !== undefined &&
    /^tr_[A-Za-z0-9_]+$/.test(transfer.id) &&
    transfer.amountMinor === frozen.amountMinor &&
    transfer.currency === frozen.currency &&
    transfer.destination === frozen.destination &&
    transfer.livemode === livemode &&
    transfer.payoutTransferId === frozen.metadata['payout_transfer_id']
  );
}

function hasNoCode(answer: StripeAnswer): boolean {
  return answer.code === undefined;
}

function both(...tests: readonly Test[]): Test {
  return (answer) => tests.every((test) => test(answer));
}

function not(test: Test): Test {
  return (answer) => !test(answer);
}

const saysAccessRefused = refusalSaying('account_access_revoked', 'destination_named');

/** Rows 1 to 14: what came before, or instead of, an executed refusal. */
const UNEXECUTED: readonly AnswerRow[] = [
  { row: 1, matches: isTransferAsFrozen, outcome: 'created' },
  { row: 1, matches: isSuccess, outcome: unknownWithAlarm('unknown_other_transfer') },
  { row: 2, matches: noAnswer('lost'), outcome: unknown('unknown_connection_lost') },
  { row: 2, matches: noAnswer('deadline'), outcome: unknown('unknown_deadline') },
  { row: 3, matches: noAnswer('answer_lost'), outcome: unknown('unknown_answer_lost') },
  {
    row: 4,
    matches: noAnswer('not_connected'),
    outcome: transient('transient_not_connected', { counted: false }),
  },
  { row: 5, matches: noAnswer('unreadable'), outcome: unknown('unknown_unreadable_answer') },
  { row: 6, matches: noAnswer('not_sendable'), outcome: request('request_not_sendable') },
  { row: 7, matches: status(500), outcome: unknown('unknown_server_error') },
  { row: 8, matches: status(502, 503, 504), outcome: unknown('unknown_server_unavailable') },
  { row: 9, matches: status(424), outcome: unknown('unknown_dependency_failed') },
  {
    row: 10,
    matches: both(status(409), refusal('idempotency_key_in_use')),
    outcome: transient('transient_key_in_use', { counted: false }),
  },
  { row: 11, matches: status(409), outcome: transient('transient_conflict', { counted: true }) },
  {
    row: 12,
    matches: either(refusal('rate_limit'), both(status(429), not(refusal('lock_timeout')))),
    outcome: transient('transient_rate_limited', { counted: false }),
  },
  {
    row: 13,
    matches: refusal('lock_timeout'),
    outcome: transient('transient_lock_timeout', { counted: false }),
  },
  {
    row: 14,
    matches: (answer) => isClientError(answer) && answer.rawType === 'idempotency_error',
    outcome: unknownWithAlarm('unknown_key_mismatch'),
  },
];

/** Rows 15 to 23: the platform has to act, except where our payee is named. */
const PLATFORM_REFUSALS: readonly AnswerRow[] = [
  {
    row: 15,
    matches: refusal('balance_insufficient', 'insufficient_funds'),
    outcome: platform('platform_balance_insufficient', 'burnt'),
  },
  {
    row: 16,
    matches: either(refusal('api_key_expired'), both(status(401), hasNoCode)),
    outcome: platform('platform_key_rejected', 'kept'),
  },
  {
    row: 17,
    matches: refusal('platform_api_key_expired'),
    outcome: platform('platform_key_rejected', 'kept'),
  },
  {
    row: 18,
    matches: refusal('secret_key_required'),
    outcome: platform('platform_key_rejected', 'kept'),
  },
  {
    row: 19,
    matches: both(status(403), hasNoCode, not(saysAccessRefused)),
    outcome: platform('platform_permission_missing', 'burnt'),
  },
  {
    row: 20,
    matches: refusalSaying('destination_named'),
    outcome: payee('payee_account_disconnected', 'blocked'),
  },
  {
    row: 20,
    matches: either(refusal('account_invalid'), saysAccessRefused),
    outcome: platform('platform_key_rejected', 'burnt'),
  },
  {
    row: 21,
    matches: refusal('platform_account_required'),
    outcome: platform('platform_not_enabled', 'burnt'),
  },
  {
    row: 22,
    matches: refusal('testmode_charges_only', 'tls_version_unsupported'),
    outcome: platform('platform_not_enabled', 'burnt'),
  },
  {
    row: 23,
    matches: either(refusal('livemode_mismatch'), refusalSaying('other_mode')),
    outcome: platform('platform_mode_mismatch', 'burnt'),
  },
];

/** Rows 24 to 32: this winner's account, except row 31, where Stripe's risk controls stopped it. */
const PAYEE_REFUSALS: readonly AnswerRow[] = [
  {
    row: 24,
    matches: missing('destination'),
    outcome: payee('payee_account_not_found', 'failed_terminal'),
  },
  {
    row: 25,
    matches: either(
      refusal('insufficient_capabilities_for_transfer'),
      refusalSaying('capability_missing'),
    ),
    outcome: payee('payee_capability_inactive', 'blocked'),
  },
  {
    row: 26,
    matches: refusal(
      'capability_not_active',
      'storer_capability_missing',
      'storer_capability_not_active',
    ),
    outcome: payee('payee_capability_inactive', 'blocked'),
  },
  {
    row: 27,
    matches: refusal('transfers_not_allowed'),
    outcome: payee('payee_region_not_allowed', 'failed_terminal'),
  },
  {
    row: 28,
    matches: refusalSaying('own_account'),
    outcome: payee('payee_account_is_platform', 'failed_terminal'),
  },
  {
    row: 29,
    matches: refusal('not_allowed_on_standard_account'),
    outcome: payee('payee_account_not_supported', 'failed_terminal'),
  },
  {
    row: 30,
    matches: refusal('country_unsupported', 'account_country_invalid_address'),
    outcome: payee('payee_region_not_allowed', 'failed_terminal'),
  },
  {
    row: 30,
    matches: refusal('application_fees_not_allowed'),
    outcome: payee('payee_account_not_supported', 'failed_terminal'),
  },
  {
    row: 31,
    matches: refusal(
      'action_blocked',
      'request_blocked',
      'anomalous_money_movement_request',
      'approval_required',
    ),
    outcome: platform('platform_risk_control', 'burnt'),
  },
  {
    row: 32,
    matches: refusal('account_closed'),
    outcome: payee('payee_account_closed', 'failed_terminal'),
  },
  {
    row: 32,
    matches: either(
      refusal('no_account', 'payouts_not_allowed', 'payouts_limit_exceeded'),
      refusalStarting('bank_account_'),
    ),
    outcome: payee('payee_bank_refused', 'failed_terminal'),
  },
];

/** Rows 33 to 40: the request itself, and whatever is not listed. The last line matches everything. */
const REQUEST_REFUSALS_AND_REST: readonly AnswerRow[] = [
  {
    row: 33,
    matches: refusal('amount_too_small', 'amount_too_large', 'invalid_charge_amount'),
    outcome: request('request_amount_refused'),
  },
  {
    row: 34,
    matches: either(
      refusalStarting('parameter_missing', 'parameter_unknown', 'parameter_invalid_'),
      refusal('parameters_exclusive', 'invalid_characters', 'balance_invalid_parameter'),
      refusal('transfer_source_balance_parameters_mismatch'),
      refusal('financial_account_balance_does_not_support_currency'),
      // Stripe refuses a currency without a code and names only the parameter.
      both(status(400), hasNoCode, ({ param }) => param === 'currency'),
    ),
    outcome: request('request_refused'),
  },
  { row: 35, matches: missing('source_transaction'), outcome: request('request_refused') },
  { row: 36, matches: status(402), outcome: request('request_refused') },
  {
    row: 37,
    matches: both(status(404), hasNoCode),
    outcome: platform('platform_wrong_url', 'kept'),
  },
  { row: 38, matches: isClientError, outcome: unknownWithAlarm('unknown_unlisted_answer') },
  {
    row: 39,
    matches: ({ httpStatus }) => httpStatus !== undefined,
    outcome: unknownWithAlarm('unknown_unlisted_answer'),
  },
  { row: 40, matches: () => true, outcome: unknown('unknown_no_answer') },
];

/** The whole table in the order of its rows; the first line that matches counts. */
export const ANSWER_TABLE: readonly AnswerRow[] = [
  ...UNEXECUTED,
  ...PLATFORM_REFUSALS,
  ...PAYEE_REFUSALS,
  ...REQUEST_REFUSALS_AND_REST,
];

/**
 * A saved refusal is burnt into its key whatever row it is in: the key would repeat it for a day. Stripe's own delay goes
 * with every answer that is tried again.
 */
function withAnswerFacts(outcome: SendOutcome, answer: StripeAnswer): SendOutcome {
  if (outcome.kind !== 'not_created') {
    return outcome;
  }
  const { retryAfterMs } = answer;
  const isDelayed = retryAfterMs !== undefined && outcome.leadsTo === 'retryable';
  return {
    ...outcome,
    closesGeneration: outcome.closesGeneration || answer.replayed,
    ...(isDelayed ? { retryAfterMs } : {}),
  };
}

/**
 * What one send means (M4), by the table of stripe-semantics §3. Pure and total: an answer that the table does not list is
 * unknown.
 *
 * It judges this one answer. Whether an earlier send of the same key is still unresolved, and the outcome therefore too,
 * is for the caller to say (M5). The outcome is also the result of a payment, in the words of the seed: `created` is its
 * success with Stripe's id, the other two carry the reason and, by `failureClassOf`, its classification.
 * @param answer as the adapter reduced it; `{ replayed: false }` alone is a send of which nothing was heard
 * @param frozen what was sent
 * @param mode.livemode the mode of the installation's Stripe account
 */
export function classifyAnswer(
  answer: StripeAnswer,
  frozen: FrozenRequest,
  mode: { readonly livemode: boolean },
): SendOutcome {
  const expected = { frozen, livemode: mode.livemode };
  const line = ANSWER_TABLE.find(({ matches }) => matches(answer, expected));
  if (line?.outcome === 'created' && answer.transfer !== undefined) {
    return { kind: 'created', stripeTransferId: answer.transfer.id };
  }
  return line === undefined || line.outcome === 'created'
    ? unknown('unknown_no_answer')
    : withAnswerFacts(line.outcome, answer);
}

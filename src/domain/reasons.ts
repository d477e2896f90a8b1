/**
 * Why a transfer is not paid: one table of codes, who can mend each, what an operator should know, and what
 * the winner may be told.
 *
 * `failureClass` says who can change the outcome: time (try again), the payee, the platform's owner, or whoever made
 * the request; `unknown` means that nobody knows yet whether money moved.
 */
export type FailureClass = 'transient' | 'payee' | 'platform' | 'request' | 'unknown';

interface Reason {
  readonly failureClass: FailureClass;
  readonly operatorText: string;
  /**
   * What may be shown to the winner: kind, without blame and without anything of the inside. It says whether the winner
   * has to do something and what happens next, and it is true in every state that the code may stand in.
   */
  readonly winnerText: string;
}

/** Nothing of these is the winner's to know or to mend, so many codes share a text. */
const WAITS_FOR_US =
  'Your prize is recorded and waits for a step on our side. You do not have to do anything. It is paid once that is done.';
const TAKES_LONGER =
  'The payment of your prize takes a little longer than usual. You do not have to do anything. It goes on by itself.';
const WE_LOOK_AT_IT =
  'Your payment is not made yet, and our team is looking at it. You do not have to do anything. We pay your prize once we are done.';
const BEING_CONFIRMED =
  'We are making sure whether your payment has already been made. You do not have to do anything. If it has not, we pay your prize after that.';
/** Of a payment that was made and is to come back, in full or in part. */
const TAKEN_BACK =
  'Your payment was made. If any of it has to come back, we get in touch with you. You do not have to do anything.';

export const REASONS = {
  payee_account_missing: {
    failureClass: 'payee',
    operatorText:
      'The winner has no connected Stripe account yet; import it and the payment goes on.',
    winnerText:
      'To receive your prize you need a payout account at Stripe that is connected to us. Please finish the sign-up that you were invited to, or ask us for a new invitation. Your prize is paid once the account is connected and ready.',
  },
  payee_capability_inactive: {
    failureClass: 'payee',
    operatorText:
      'The winner’s Stripe account may not receive transfers yet; onboarding is unfinished.',
    winnerText:
      'Your payout account at Stripe is not quite ready to receive money. Please sign in to Stripe and finish the steps that are still open there. Your prize is paid once the account is ready.',
  },
  payee_account_closed: {
    failureClass: 'payee',
    operatorText: 'The winner’s Stripe account is closed; the winner needs another account.',
    winnerText:
      'The payout account that we have for you is closed. Please connect another one and let us know. We then pay your prize to it.',
  },
  payee_account_not_found: {
    failureClass: 'payee',
    operatorText: 'Stripe does not know the winner’s account; check the imported account id.',
    winnerText:
      'We cannot find the payout account that we have for you. Please connect your account again, or let us know which one is yours. We then pay your prize to it.',
  },
  payee_account_disconnected: {
    failureClass: 'payee',
    operatorText: 'The winner’s Stripe account is no longer connected to this platform.',
    winnerText:
      'Your payout account is no longer connected to us. Please connect it again, or connect another one. Your prize is paid once an account is connected and ready.',
  },
  payee_region_not_allowed: {
    failureClass: 'payee',
    operatorText: 'Stripe does not allow transfers to the winner’s country from this platform.',
    winnerText:
      'At the moment we cannot pay prizes to the country of your payout account. Please contact us. Together we look for another way to pay your prize.',
  },
  payee_account_is_platform: {
    failureClass: 'payee',
    operatorText: 'The imported account is the platform’s own; import the winner’s.',
    winnerText:
      'We do not have the right payout account for you yet. Please let us know which one is yours. We then pay your prize to it.',
  },
  payee_account_not_supported: {
    failureClass: 'payee',
    operatorText: 'Stripe does not allow transfers to this kind of account.',
    winnerText:
      'We cannot pay prizes to the kind of payout account that you have connected. Please connect another one and let us know. We then pay your prize to it.',
  },
  payee_bank_refused: {
    failureClass: 'payee',
    operatorText:
      'Stripe refused the winner’s bank details or payouts; the winner has to mend the account.',
    winnerText:
      'Your payout account cannot receive money at the moment. Please sign in to Stripe, check your bank details there and let us know. We then pay your prize.',
  },
  payee_wait_over: {
    failureClass: 'payee',
    operatorText: 'The wait for the winner’s account is over; retry once the account is ready.',
    winnerText:
      'Your payment is on hold, because your payout account has not become ready yet. Please finish the steps that are still open at Stripe and let us know. We then pay your prize.',
  },
  reversal_balance_insufficient: {
    failureClass: 'payee',
    operatorText:
      'The winner’s Stripe balance does not cover the reversal, so nothing came back; reverse again once it does.',
    winnerText: TAKEN_BACK,
  },
  platform_balance_insufficient: {
    failureClass: 'platform',
    operatorText: 'The platform’s Stripe balance is too low; top it up and the payment goes on.',
    winnerText: WAITS_FOR_US,
  },
  platform_key_rejected: {
    failureClass: 'platform',
    operatorText: 'Stripe rejected the API key; replace STRIPE_API_KEY and restart the workers.',
    winnerText: WAITS_FOR_US,
  },
  platform_permission_missing: {
    failureClass: 'platform',
    operatorText: 'The API key may not create transfers; extend its permissions.',
    winnerText: WAITS_FOR_US,
  },
  platform_not_enabled: {
    failureClass: 'platform',
    operatorText:
      'The platform’s Stripe account is not enabled for this; look at the Stripe Dashboard.',
    winnerText: WAITS_FOR_US,
  },
  platform_mode_mismatch: {
    failureClass: 'platform',
    operatorText: 'Test and live mode are mixed up between the key and the winner’s account.',
    winnerText: WAITS_FOR_US,
  },
  platform_risk_control: {
    failureClass: 'platform',
    operatorText: 'Stripe’s risk controls stopped the transfer; a person has to contact Stripe.',
    winnerText: WAITS_FOR_US,
  },
  platform_wrong_url: {
    failureClass: 'platform',
    operatorText: 'The address in STRIPE_API_BASE does not answer like Stripe’s API.',
    winnerText: WAITS_FOR_US,
  },
  platform_paused: {
    failureClass: 'platform',
    operatorText: 'Sending is paused by an operator or by an alarm; resume it to go on.',
    winnerText: WAITS_FOR_US,
  },
  platform_cancel_requested: {
    failureClass: 'platform',
    operatorText:
      'An operator wants this payment cancelled: nothing is sent, and it is cancelled once it is proven unpaid.',
    winnerText:
      'Your payment is on hold while we look at it once more. You do not have to do anything. We let you know how it goes on.',
  },
  platform_approval_missing: {
    failureClass: 'platform',
    operatorText:
      'It waits for the approval of a second person (payouts preview, payouts approve); then it goes on by itself.',
    winnerText:
      'Your prize is recorded and waits for its release. You do not have to do anything. It is paid after the release.',
  },
  platform_on_hold: {
    failureClass: 'platform',
    operatorText:
      'The settlement is held for a time after it was recorded, for disputes; then it goes on by itself.',
    winnerText:
      'Your prize is recorded, and payments begin some time after a contest has ended. You do not have to do anything. It is paid after that time.',
  },
  platform_account_unconfirmed: {
    failureClass: 'platform',
    operatorText:
      'The winner’s account was replaced after the approval; a second person has to confirm it (payouts confirm-account).',
    winnerText:
      'Your account was changed, and we check the change before we pay. You do not have to do anything. Your prize is paid after that.',
  },
  transient_rate_limited: {
    failureClass: 'transient',
    operatorText: 'Stripe asked to slow down (429); the payment is tried again by itself.',
    winnerText: TAKES_LONGER,
  },
  transient_lock_timeout: {
    failureClass: 'transient',
    operatorText: 'Stripe was busy with the same object; the payment is tried again by itself.',
    winnerText: TAKES_LONGER,
  },
  transient_key_in_use: {
    failureClass: 'transient',
    operatorText: 'An earlier send of this payment is still under way at Stripe.',
    winnerText: TAKES_LONGER,
  },
  transient_conflict: {
    failureClass: 'transient',
    operatorText: 'Stripe reported a conflict (409); the payment is tried again by itself.',
    winnerText: TAKES_LONGER,
  },
  transient_not_connected: {
    failureClass: 'transient',
    operatorText: 'The connection to Stripe was refused; the payment is tried again by itself.',
    winnerText: TAKES_LONGER,
  },
  transient_list_not_read: {
    failureClass: 'transient',
    operatorText:
      'Stripe’s list of the settlement is read before the first send; then the payment goes on by itself.',
    winnerText: TAKES_LONGER,
  },
  transient_not_found_at_stripe: {
    failureClass: 'transient',
    operatorText:
      'Stripe’s list showed no payment, twice and long after the last send; the payment is tried again by itself.',
    winnerText: TAKES_LONGER,
  },
  transient_retried_by_operator: {
    failureClass: 'transient',
    operatorText: 'An operator asked for another try; it goes on by itself.',
    winnerText: TAKES_LONGER,
  },
  transient_resolved_unpaid: {
    failureClass: 'transient',
    operatorText: 'An operator stated that nothing was paid; the payment is tried again by itself.',
    winnerText: TAKES_LONGER,
  },
  transient_not_sent: {
    failureClass: 'transient',
    operatorText: 'Nothing was sent; the payment is tried again by itself.',
    winnerText: TAKES_LONGER,
  },
  reversal_not_found_at_stripe: {
    failureClass: 'transient',
    operatorText:
      'Stripe’s list showed no such reversal, twice and long after the last send: nothing came back; reverse again if it is still wanted.',
    winnerText: TAKEN_BACK,
  },
  reversal_key_too_old: {
    failureClass: 'transient',
    operatorText:
      'The reversal was not taken by Stripe for a day, and nothing came back; reverse again if it is still wanted.',
    winnerText: TAKEN_BACK,
  },
  request_amount_refused: {
    failureClass: 'request',
    operatorText: 'Stripe refused the amount.',
    winnerText: WE_LOOK_AT_IT,
  },
  request_refused: {
    failureClass: 'request',
    operatorText: 'Stripe refused the request as wrong; a person has to look at the attempt.',
    winnerText: WE_LOOK_AT_IT,
  },
  request_not_sendable: {
    failureClass: 'request',
    operatorText: 'The request could not be written to the connection; nothing was sent.',
    winnerText: WE_LOOK_AT_IT,
  },
  reversal_refused: {
    failureClass: 'request',
    operatorText:
      'Stripe refused the reversal, and nothing came back; its own code stands at the attempt.',
    winnerText: TAKEN_BACK,
  },
  reversal_amount_refused: {
    failureClass: 'request',
    operatorText:
      'Less was left of the payment at Stripe than was to come back; what came back there is booked.',
    winnerText: TAKEN_BACK,
  },
  reversal_changed_at_stripe: {
    failureClass: 'request',
    operatorText:
      'Another amount had come back at Stripe than when the reversal was ordered; nothing was sent, what came back is booked.',
    winnerText: TAKEN_BACK,
  },
  reversal_transfer_not_found: {
    failureClass: 'request',
    operatorText: 'Stripe does not find the transfer that was to be reversed; nothing came back.',
    winnerText: TAKEN_BACK,
  },
  attempts_used_up: {
    failureClass: 'transient',
    operatorText: 'Every allowed attempt was refused; retry when the cause is gone.',
    winnerText: WE_LOOK_AT_IT,
  },
  unknown_connection_lost: {
    failureClass: 'unknown',
    operatorText:
      'The connection broke before Stripe’s answer came; the payment may have been made.',
    winnerText: BEING_CONFIRMED,
  },
  unknown_deadline: {
    failureClass: 'unknown',
    operatorText: 'Stripe did not answer in time; the payment may have been made.',
    winnerText: BEING_CONFIRMED,
  },
  unknown_answer_lost: {
    failureClass: 'unknown',
    operatorText: 'Stripe’s answer broke off; the payment may have been made.',
    winnerText: BEING_CONFIRMED,
  },
  unknown_no_answer: {
    failureClass: 'unknown',
    operatorText: 'The worker stopped during the call; the payment may have been made.',
    winnerText: BEING_CONFIRMED,
  },
  unknown_unreadable_answer: {
    failureClass: 'unknown',
    operatorText: 'Something that is not Stripe’s API answered; the payment may have been made.',
    winnerText: BEING_CONFIRMED,
  },
  unknown_server_error: {
    failureClass: 'unknown',
    operatorText: 'Stripe answered 500; whether the payment was made has to be looked up.',
    winnerText: BEING_CONFIRMED,
  },
  unknown_server_unavailable: {
    failureClass: 'unknown',
    operatorText: 'Stripe was unavailable (5xx); the same payment request is sent again.',
    winnerText: BEING_CONFIRMED,
  },
  unknown_dependency_failed: {
    failureClass: 'unknown',
    operatorText: 'A system behind Stripe failed (424); the same payment request is sent again.',
    winnerText: BEING_CONFIRMED,
  },
  unknown_key_mismatch: {
    failureClass: 'unknown',
    operatorText:
      'Stripe knows this key with other content; a person has to look before anything is sent.',
    winnerText: BEING_CONFIRMED,
  },
  unknown_unlisted_answer: {
    failureClass: 'unknown',
    operatorText: 'Stripe gave an answer that is not in our table; a person has to look.',
    winnerText: BEING_CONFIRMED,
  },
  unknown_other_transfer: {
    failureClass: 'unknown',
    operatorText:
      'Stripe answered with a transfer that differs from what was sent; a person has to look.',
    winnerText: BEING_CONFIRMED,
  },
  unknown_records_older: {
    failureClass: 'unknown',
    operatorText:
      'The workflow knows more sends than the database does (restored from a backup?); Stripe’s list has to tell.',
    winnerText: BEING_CONFIRMED,
  },
  unknown_paid_run: {
    failureClass: 'unknown',
    operatorText:
      'A closed workflow says that this was paid and the database does not; Stripe’s list has to tell.',
    winnerText: BEING_CONFIRMED,
  },
  unknown_second_transfer: {
    failureClass: 'unknown',
    operatorText: 'Stripe lists more than one transfer for this payment; a person has to look.',
    winnerText: BEING_CONFIRMED,
  },
  unknown_reversed_transfer: {
    failureClass: 'unknown',
    operatorText:
      'Stripe lists a transfer for this payment that was reversed; a person has to decide.',
    winnerText: BEING_CONFIRMED,
  },
  unknown_key_too_old: {
    failureClass: 'unknown',
    operatorText: 'The key is too old to be sent again; the outcome has to be looked up at Stripe.',
    winnerText: BEING_CONFIRMED,
  },
  unknown_other_reversal: {
    failureClass: 'unknown',
    operatorText:
      'Stripe answered with a reversal that differs from what was sent; a person has to look.',
    winnerText: TAKEN_BACK,
  },
} as const satisfies Readonly<Record<string, Reason>>;

export type ReasonCode = keyof typeof REASONS;

export function failureClassOf(reason: ReasonCode): FailureClass {
  return REASONS[reason].failureClass;
}

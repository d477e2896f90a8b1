/**
 * Why a transfer is not paid: one table of codes, who can mend each, and what an operator should know.
 *
 * `failureClass` says who can change the outcome: time (try again), the payee, the platform's owner, or whoever made
 * the request; `unknown` means that nobody knows yet whether money moved.
 */
export type FailureClass = 'transient' | 'payee' | 'platform' | 'request' | 'unknown';

interface Reason {
  readonly failureClass: FailureClass;
  readonly operatorText: string;
}

export const REASONS = {
  payee_account_missing: {
    failureClass: 'payee',
    operatorText:
      'The winner has no connected Stripe account yet; import it and the payment goes on.',
  },
  payee_capability_inactive: {
    failureClass: 'payee',
    operatorText:
      'The winner’s Stripe account may not receive transfers yet; onboarding is unfinished.',
  },
  payee_account_closed: {
    failureClass: 'payee',
    operatorText: 'The winner’s Stripe account is closed; the winner needs another account.',
  },
  payee_account_not_found: {
    failureClass: 'payee',
    operatorText: 'Stripe does not know the winner’s account; check the imported account id.',
  },
  payee_account_disconnected: {
    failureClass: 'payee',
    operatorText: 'The winner’s Stripe account is no longer connected to this platform.',
  },
  payee_region_not_allowed: {
    failureClass: 'payee',
    operatorText: 'Stripe does not allow transfers to the winner’s country from this platform.',
  },
  payee_account_is_platform: {
    failureClass: 'payee',
    operatorText: 'The imported account is the platform’s own; import the winner’s.',
  },
  payee_account_not_supported: {
    failureClass: 'payee',
    operatorText: 'Stripe does not allow transfers to this kind of account.',
  },
  payee_bank_refused: {
    failureClass: 'payee',
    operatorText:
      'Stripe refused the winner’s bank details or payouts; the winner has to mend the account.',
  },
  payee_wait_over: {
    failureClass: 'payee',
    operatorText: 'The wait for the winner’s account is over; retry once the account is ready.',
  },
  platform_balance_insufficient: {
    failureClass: 'platform',
    operatorText: 'The platform’s Stripe balance is too low; top it up and the payment goes on.',
  },
  platform_key_rejected: {
    failureClass: 'platform',
    operatorText: 'Stripe rejected the API key; replace STRIPE_API_KEY and restart the workers.',
  },
  platform_permission_missing: {
    failureClass: 'platform',
    operatorText: 'The API key may not create transfers; extend its permissions.',
  },
  platform_not_enabled: {
    failureClass: 'platform',
    operatorText:
      'The platform’s Stripe account is not enabled for this; look at the Stripe Dashboard.',
  },
  platform_mode_mismatch: {
    failureClass: 'platform',
    operatorText: 'Test and live mode are mixed up between the key and the winner’s account.',
  },
  platform_risk_control: {
    failureClass: 'platform',
    operatorText: 'Stripe’s risk controls stopped the transfer; a person has to contact Stripe.',
  },
  platform_wrong_url: {
    failureClass: 'platform',
    operatorText: 'The address in STRIPE_API_BASE does not answer like Stripe’s API.',
  },
  platform_paused: {
    failureClass: 'platform',
    operatorText: 'Sending is paused by an operator or by an alarm; resume it to go on.',
  },
  platform_cancel_requested: {
    failureClass: 'platform',
    operatorText:
      'An operator wants this payment cancelled: nothing is sent, and it is cancelled once it is proven unpaid.',
  },
  platform_approval_missing: {
    failureClass: 'platform',
    operatorText: 'The settlement waits for an approval.',
  },
  transient_rate_limited: {
    failureClass: 'transient',
    operatorText: 'Stripe asked to slow down (429); the payment is tried again by itself.',
  },
  transient_lock_timeout: {
    failureClass: 'transient',
    operatorText: 'Stripe was busy with the same object; the payment is tried again by itself.',
  },
  transient_key_in_use: {
    failureClass: 'transient',
    operatorText: 'An earlier send of this payment is still under way at Stripe.',
  },
  transient_conflict: {
    failureClass: 'transient',
    operatorText: 'Stripe reported a conflict (409); the payment is tried again by itself.',
  },
  transient_not_connected: {
    failureClass: 'transient',
    operatorText: 'The connection to Stripe was refused; the payment is tried again by itself.',
  },
  transient_list_not_read: {
    failureClass: 'transient',
    operatorText:
      'Stripe’s list of the settlement is read before the first send; then the payment goes on by itself.',
  },
  transient_not_found_at_stripe: {
    failureClass: 'transient',
    operatorText:
      'Stripe’s list showed no payment, twice and long after the last send; the payment is tried again by itself.',
  },
  transient_retried_by_operator: {
    failureClass: 'transient',
    operatorText: 'An operator asked for another try; it goes on by itself.',
  },
  transient_resolved_unpaid: {
    failureClass: 'transient',
    operatorText: 'An operator stated that nothing was paid; the payment is tried again by itself.',
  },
  transient_not_sent: {
    failureClass: 'transient',
    operatorText: 'Nothing was sent; the payment is tried again by itself.',
  },
  request_amount_refused: {
    failureClass: 'request',
    operatorText: 'Stripe refused the amount.',
  },
  request_refused: {
    failureClass: 'request',
    operatorText: 'Stripe refused the request as wrong; a person has to look at the attempt.',
  },
  request_not_sendable: {
    failureClass: 'request',
    operatorText: 'The request could not be written to the connection; nothing was sent.',
  },
  attempts_used_up: {
    failureClass: 'transient',
    operatorText: 'Every allowed attempt was refused; retry when the cause is gone.',
  },
  unknown_connection_lost: {
    failureClass: 'unknown',
    operatorText:
      'The connection broke before Stripe’s answer came; the payment may have been made.',
  },
  unknown_deadline: {
    failureClass: 'unknown',
    operatorText: 'Stripe did not answer in time; the payment may have been made.',
  },
  unknown_answer_lost: {
    failureClass: 'unknown',
    operatorText: 'Stripe’s answer broke off; the payment may have been made.',
  },
  unknown_no_answer: {
    failureClass: 'unknown',
    operatorText: 'The worker stopped during the call; the payment may have been made.',
  },
  unknown_unreadable_answer: {
    failureClass: 'unknown',
    operatorText: 'Something that is not Stripe’s API answered; the payment may have been made.',
  },
  unknown_server_error: {
    failureClass: 'unknown',
    operatorText: 'Stripe answered 500; whether the payment was made has to be looked up.',
  },
  unknown_server_unavailable: {
    failureClass: 'unknown',
    operatorText: 'Stripe was unavailable (5xx); the same payment request is sent again.',
  },
  unknown_dependency_failed: {
    failureClass: 'unknown',
    operatorText: 'A system behind Stripe failed (424); the same payment request is sent again.',
  },
  unknown_key_mismatch: {
    failureClass: 'unknown',
    operatorText:
      'Stripe knows this key with other content; a person has to look before anything is sent.',
  },
  unknown_unlisted_answer: {
    failureClass: 'unknown',
    operatorText: 'Stripe gave an answer that is not in our table; a person has to look.',
  },
  unknown_other_transfer: {
    failureClass: 'unknown',
    operatorText:
      'Stripe answered with a transfer that differs from what was sent; a person has to look.',
  },
  unknown_records_older: {
    failureClass: 'unknown',
    operatorText:
      'The workflow knows more sends than the database does (restored from a backup?); Stripe’s list has to tell.',
  },
  unknown_paid_run: {
    failureClass: 'unknown',
    operatorText:
      'A closed workflow says that this was paid and the database does not; Stripe’s list has to tell.',
  },
  unknown_second_transfer: {
    failureClass: 'unknown',
    operatorText: 'Stripe lists more than one transfer for this payment; a person has to look.',
  },
  unknown_reversed_transfer: {
    failureClass: 'unknown',
    operatorText:
      'Stripe lists a transfer for this payment that was reversed; a person has to decide.',
  },
  unknown_key_too_old: {
    failureClass: 'unknown',
    operatorText: 'The key is too old to be sent again; the outcome has to be looked up at Stripe.',
  },
} as const satisfies Readonly<Record<string, Reason>>;

export type ReasonCode = keyof typeof REASONS;

export function failureClassOf(reason: ReasonCode): FailureClass {
  return REASONS[reason].failureClass;
}

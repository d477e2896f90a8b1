import { REASONS } from './reasons';

/**
 * Stripe's list of a settlement cannot be read, so nobody of it can be sent for the first time (M11). Every other cause
 * of automation's is a reason code, or names an alarm and what it was raised for.
 */
export const STRIPE_LIST_UNREADABLE = 'stripe_list_unreadable';

/** The alarm for a transfer whose run is closed as canceled, although its row knows of no cancel (M11). */
export const CANCELLED_RUN = 'cancelled_run';

export function cancelledRunCause(transferId: string): string {
  return `${CANCELLED_RUN}:${transferId}`;
}

const EXPLANATIONS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    Object.entries(REASONS).map(([reason, { operatorText }]) => [reason, operatorText]),
  ),
  [STRIPE_LIST_UNREADABLE]:
    'Stripe’s list of the settlement cannot be read; it is read again and again, then the payments go on by themselves.',
  [CANCELLED_RUN]:
    'The run of this payment was closed as canceled, and the database knows of no cancel: it may have been restored from before it. Cancel it again, or let it be paid, then resume.',
};

/** What an operator should know of a reason code or of a pause's cause; undefined where the code says it all. */
export function explanationOf(code: string): string | undefined {
  // An alarm names what it was raised for behind a colon.
  return EXPLANATIONS[code.split(':', 1)[0] ?? code];
}

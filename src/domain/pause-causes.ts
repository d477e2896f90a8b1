import { REASONS } from './reasons';

/**
 * Stripe's list of a settlement cannot be read, so nobody of it can be sent for the first time (M11). Every other cause
 * of automation's is a reason code, or names an alarm and what it was raised for.
 */
export const STRIPE_LIST_UNREADABLE = 'stripe_list_unreadable';

const EXPLANATIONS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    Object.entries(REASONS).map(([reason, { operatorText }]) => [reason, operatorText]),
  ),
  [STRIPE_LIST_UNREADABLE]:
    'Stripe’s list of the settlement cannot be read; it is read again and again, then the payments go on by themselves.',
};

/** What an operator should know of a reason code or of a pause's cause; undefined where the code says it all. */
export function explanationOf(code: string): string | undefined {
  return EXPLANATIONS[code];
}

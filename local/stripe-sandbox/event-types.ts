/** docs.stripe.com/api/events/types, those about what exists here. */
export const EVENT_TYPES = [
  'account.application.deauthorized',
  'account.updated',
  'balance.available',
  'capability.updated',
  'transfer.created',
  'transfer.reversed',
  'transfer.updated',
] as const;

export type EventType = (typeof EVENT_TYPES)[number];

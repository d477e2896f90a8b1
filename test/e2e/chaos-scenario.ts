/**
 * Goal: who wins in the chaos run, what is the matter with whom, and what Stripe does at one call in five.
 * Method: data only; the roles stand at fixed places, so that any number of winners has all of them in proportion.
 */
import { accountOf, settlementOf } from './bed';

/** What is the matter with a winner, and what becomes of it. */
export type Role =
  | 'payable'
  /** No account, until it is imported in the middle of the run. */
  | 'account_comes'
  | 'account_never_comes'
  /** An account that may not receive, until its owner finishes the onboarding. */
  | 'becomes_active'
  | 'stays_inactive'
  /** The first account may not receive; another one replaces it in the middle of the run. */
  | 'account_replaced'
  | 'account_closed'
  /** Stripe carries out another amount than was asked for: a person takes it back there and has it sent anew. */
  | 'other_amount';

const ROLES: Readonly<Record<number, Role>> = {
  3: 'account_comes',
  8: 'becomes_active',
  13: 'account_closed',
  18: 'account_replaced',
  28: 'account_never_comes',
  33: 'stays_inactive',
};
const ROLES_REPEAT = 50;
/** Once a settlement, because three of a kind are a wrong setting and stop it. */
const OTHER_AMOUNT_INDEX = 21;

function roleAt(index: number): Role {
  return index === OTHER_AMOUNT_INDEX ? 'other_amount' : (ROLES[index % ROLES_REPEAT] ?? 'payable');
}

export interface ChaosWinner {
  readonly userId: string;
  readonly amountMinor: number;
  readonly role: Role;
  readonly account: string;
}

export interface ChaosSettlement {
  readonly settlement: ReturnType<typeof settlementOf>;
  readonly winners: readonly ChaosWinner[];
}

export function chaosSettlement(id: string, count: number): ChaosSettlement {
  const settlement = settlementOf(id, count);
  const winners = settlement.winners.map(({ amountMinor, userId }, index) => ({
    userId,
    amountMinor,
    role: roleAt(index),
    account: accountOf(userId),
  }));
  return { settlement, winners };
}

/** How those who are not paid in the end are explained; everybody else is paid. */
export const EXPLAINED: Readonly<
  Partial<
    Record<Role, { readonly status: string; readonly reason: string; readonly class: string }>
  >
> = {
  account_never_comes: { status: 'blocked', reason: 'payee_account_missing', class: 'payee' },
  stays_inactive: { status: 'blocked', reason: 'payee_capability_inactive', class: 'payee' },
  account_closed: { status: 'failed_terminal', reason: 'payee_account_closed', class: 'payee' },
};

const MINUTE_MS = 60_000;

/** How far Stripe's list lags behind what was paid, through the whole run. */
export const LIST_LAG_MS = 5 * MINUTE_MS;

const atCall = (method: 'GET' | 'POST', ordinal: number, status: 401 | 403) => ({
  match: { method, path: '/v1/transfers', ordinal },
  fault: { kind: 'status', status },
});

/**
 * A refused key pauses everything until automation's look, so these come at single calls: one call in five would leave the
 * run paused for most of its time. Of the reading calls the second meets one, before anybody was sent.
 */
export const KEY_REFUSALS: readonly object[] = [
  atCall('GET', 2, 401),
  // More than one, since whose send meets it, and in which state, differs from run to run.
  atCall('POST', 20, 403),
  atCall('POST', 40, 403),
  atCall('POST', 120, 403),
  atCall('POST', 300, 401),
];

/** Paid, and no answer comes within the call's deadline: whoever kills the worker meanwhile leaves them without one. */
export const LOST_ANSWERS: object = {
  match: { method: 'POST', path: '/v1/transfers' },
  fault: { kind: 'hang', executed: true },
  times: 4,
};

/**
 * What one call in five meets: each kind of fault that the sandbox can draw, except `altered`, which needs a person and has
 * a winner of its own; of the statuses 409, 424, 429, 500 and 503. 401 and 403 come at single calls (`KEY_REFUSALS`), the
 * 400s of accounts and of the balance from their states; no other status does.
 */
export const FAULTS: readonly object[] = [
  { kind: 'drop_before' },
  { kind: 'drop_after' },
  { kind: 'truncate_after' },
  { kind: 'hang' },
  { kind: 'hang', executed: true },
  { kind: 'delay', beforeMs: 1_000 },
  { kind: 'delay', afterMs: 1_000 },
  { kind: 'html' },
  { kind: 'html', executed: true },
  { kind: 'commit_later', afterMs: 5 * MINUTE_MS },
  { kind: 'commit_later', afterMs: 180 * MINUTE_MS },
  { kind: 'status', status: 500 },
  { kind: 'status', status: 500, executed: true },
  { kind: 'status', status: 500, saved: true },
  { kind: 'status', status: 500, saved: true, executed: true },
  { kind: 'status', status: 503 },
  { kind: 'status', status: 503, executed: true },
  { kind: 'status', status: 424 },
  { kind: 'status', status: 409, code: 'idempotency_key_in_use' },
  { kind: 'status', status: 409 },
  { kind: 'status', status: 429, code: 'lock_timeout' },
  { kind: 'status', status: 429 },
  ...['global-concurrency', 'endpoint-rate', 'endpoint-concurrency', 'resource-specific'].map(
    (reason) => ({
      kind: 'status',
      status: 429,
      code: 'rate_limit',
      headers: { 'Stripe-Rate-Limited-Reason': reason },
    }),
  ),
];

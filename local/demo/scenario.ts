import { DEFAULT_AWARD } from '../../src/domain/ids';
import type { TransferStatus } from '../../src/domain/transfer-state';
import type { ReasonCode } from '../../src/domain/reasons';
import type { Settlement } from '../../src/domain/settlement';
import prizeTable from './masters-2024-prize-table.json';

/** What happens to one winner, and how it has to end. */
interface Incident {
  readonly place: number;
  readonly story: string;
  readonly status: TransferStatus;
  readonly reason?: ReasonCode;
  /** The state of the winner's account at Stripe; `none` is a winner without one. */
  readonly account?: 'none' | 'closed';
  /** What the sandbox does to the first send of this winner. */
  readonly fault?: object;
}

export const INCIDENTS: readonly Incident[] = [
  {
    place: 2,
    story: 'Stripe pays, and its answer gets lost',
    status: 'completed',
    fault: { kind: 'drop_after' },
  },
  {
    place: 3,
    story: 'Stripe says 429, slow down',
    status: 'completed',
    fault: { kind: 'status', status: 429, code: 'rate_limit' },
  },
  {
    place: 5,
    story: 'Stripe is unavailable, 503',
    status: 'completed',
    fault: { kind: 'status', status: 503 },
  },
  {
    place: 11,
    story: 'has no connected account yet',
    status: 'blocked',
    reason: 'payee_account_missing',
    account: 'none',
  },
  {
    place: 17,
    story: 'has closed the account',
    status: 'failed_terminal',
    reason: 'payee_account_closed',
    account: 'closed',
  },
];

export const CONTEST_NAME = prizeTable.contest;

export function userOf(place: number): string {
  return `player-${place.toString().padStart(2, '0')}`;
}

/** Stripe's account of a winner; the sandbox takes any well-formed id for an active account. */
export function accountOf(place: number): string {
  return `acct_player${place.toString().padStart(2, '0')}`;
}

export function incidentOf(place: number): Incident | undefined {
  return INCIDENTS.find((incident) => incident.place === place);
}

export const PLACES: readonly number[] = prizeTable.prizes.map(({ place }) => place);

/** The published prize table as a settlement, with ids in place of the players' names. */
export function demoSettlement(): Settlement {
  const winners = prizeTable.prizes.map(({ place, amountMinor }) => ({
    userId: userOf(place),
    award: DEFAULT_AWARD,
    amountMinor,
  }));
  return {
    settlementId: 'masters-2024',
    contestId: 'masters-2024',
    currency: prizeTable.currency,
    winners,
    totalMinor: winners.reduce((sum, { amountMinor }) => sum + amountMinor, 0),
  };
}

/** `userId,stripeAccountId` of everybody who has an account. */
export function demoAccounts(): { readonly userId: string; readonly stripeAccountId: string }[] {
  return PLACES.filter((place) => incidentOf(place)?.account !== 'none').map((place) => ({
    userId: userOf(place),
    stripeAccountId: accountOf(place),
  }));
}

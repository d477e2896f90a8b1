import type { LedgerAccount } from '../../domain/ledger';
import type { FailureClass } from '../../domain/reasons';
import { shownText } from '../../domain/shown-value';
import type { TransferStatus } from '../../domain/transfer-state';
import type { ShownAmount } from './read-report';

/** States in the words of somebody who has never seen the system. */
export const STATE_WORDS: Readonly<Record<TransferStatus, string>> = {
  completed: 'Paid',
  processing: 'Being paid now',
  pending: 'Not begun',
  retryable: 'Will be tried again',
  blocked: 'Waiting',
  unknown: 'Being looked up',
  failed_terminal: 'Ended without payment, a person decides',
  cancelled: 'Cancelled, still owed',
  voided: 'No longer owed',
};

/** In the order of a page: what is done, what goes on, what is stuck, what is given up. */
export const STATE_ORDER = Object.keys(STATE_WORDS) as TransferStatus[];

export const CLASS_WORDS: Readonly<Record<FailureClass, string>> = {
  transient: 'nobody: it is tried again by itself',
  payee: 'the winner',
  platform: 'us',
  request: 'us: the request has to be looked at',
  unknown: 'nobody yet: it has to be found out',
};

export const ACCOUNT_WORDS: Readonly<Record<LedgerAccount, string>> = {
  prize_expense: 'Prizes that were won and not taken back (prize_expense)',
  prizes_payable: 'Prizes that are owed still (prizes_payable)',
  stripe_balance: 'Our balance at Stripe (stripe_balance)',
  reversed_prizes: 'Paid prizes that came back (reversed_prizes)',
  overpaid: 'Paid although nothing was owed (overpaid)',
};

/** Ids are at most this long; what another system has written may be longer. */
const TEXT_CHARACTERS_MAX = 500;

/** A text of somebody’s, with nothing in it that is not seen as itself. */
export function visible(text: string): string {
  return shownText(text, TEXT_CHARACTERS_MAX);
}

export function money({ amount, amountMinor }: ShownAmount, currency: string): string {
  const code = visible(currency).toUpperCase();
  return amount === null ? `${amountMinor.toString()} minor units of ${code}` : `${amount} ${code}`;
}

/** `2026-11-22 10:00:05`, in UTC. */
export function time(iso: string): string {
  return iso.slice(0, 19).replace('T', ' ');
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toString()} ${count === 1 ? one : many}`;
}

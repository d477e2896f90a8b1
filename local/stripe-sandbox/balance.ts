import type { JsonObject } from './json-object';
import { listSupportedCurrencies } from './currencies';
import { isPlatform, readSettings } from './settings';
import type { BalanceRow } from './rows';
import type { Execution, SandboxState } from './state';
import { invalidRequest, type StripeError } from './stripe-errors';

export interface Purse {
  readonly accountId: string;
  readonly livemode: boolean;
  readonly currency: string;
}

/** Only platforms start with money; a connected account owns what was transferred to it. */
export function readBalance(state: SandboxState, purse: Purse): BalanceRow {
  const { accountId, livemode, currency } = purse;
  const stored = state.store.get('balances', purseKey(purse));
  if (stored !== undefined) {
    return stored;
  }
  const available = isPlatform(state.store, accountId)
    ? readSettings(state.store).defaultAvailable
    : 0;
  return { accountId, livemode, currency, available, pending: 0 };
}

export function setBalance(
  state: SandboxState,
  purse: Purse,
  change: { available?: number; pending?: number },
): BalanceRow {
  const row = { ...readBalance(state, purse), ...change };
  state.store.put('balances', purseKey(purse), row);
  return row;
}

/** Positive or negative; inside the transaction of what it pays for. */
export function addAvailable(state: SandboxState, purse: Purse, amount: number): BalanceRow {
  return setBalance(state, purse, { available: readBalance(state, purse).available + amount });
}

export function retrieveBalance({ state, caller }: Execution): JsonObject {
  return renderBalance(state, caller);
}

export function renderBalance(
  state: SandboxState,
  { accountId, livemode }: Pick<Purse, 'accountId' | 'livemode'>,
): JsonObject {
  const rows = state.store
    .values('balances')
    .filter((row) => row.accountId === accountId && row.livemode === livemode);
  const shown = [...rows, ...untouchedRows(state, { accountId, livemode }, rows)];
  return {
    object: 'balance',
    available: shown.map((row) => amountOf(row.available, row.currency)),
    livemode,
    pending: shown.map((row) => amountOf(row.pending, row.currency)),
  };
}

/** What pays without ever having been set or used is shown too: the balance tells all that a transfer can take. */
function untouchedRows(
  state: SandboxState,
  { accountId, livemode }: Pick<Purse, 'accountId' | 'livemode'>,
  touched: readonly BalanceRow[],
): BalanceRow[] {
  const own = state.store.get('accounts', accountId)?.defaultCurrency ?? 'usd';
  const ownFirst = [own, ...listSupportedCurrencies().filter((currency) => currency !== own)];
  return ownFirst
    .filter((currency) => !touched.some((row) => row.currency === currency))
    .map((currency) => readBalance(state, { accountId, livemode, currency }))
    .filter((row) => row.available !== 0 || (touched.length === 0 && row.currency === own));
}

/** A definitive refusal: pending money does not count, and a later top-up does not repeat the call. */
export function balanceInsufficient(livemode: boolean): StripeError {
  const message = livemode
    ? 'You have insufficient funds in your Stripe account. One likely reason you have insufficient funds is that your funds are automatically being paid out; try enabling manual payouts by going to https://dashboard.stripe.com/account/payouts.'
    : 'You have insufficient available funds in your Stripe account. Try adding funds directly to your available balance by creating Charges using the 4000000000000077 test card. See: https://stripe.com/docs/testing#available-balance';
  return invalidRequest(message, { code: 'balance_insufficient' });
}

function amountOf(amount: number, currency: string): JsonObject {
  return { amount, currency, source_types: { card: amount } };
}

function purseKey({ accountId, livemode, currency }: Purse): string {
  return `${accountId}|${String(livemode)}|${currency}`;
}

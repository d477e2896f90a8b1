import { readBalance, renderBalance, setBalance } from './balance';
import { recordEvent } from './events';
import type { BalanceRow } from './rows';
import { readSettings } from './settings';
import type { SandboxState } from './state';

export interface BalanceChange {
  readonly account?: string | undefined;
  readonly livemode: boolean;
  readonly currency: string;
  readonly available?: number | undefined;
  readonly pending?: number | undefined;
  readonly add?: number | undefined;
}

/** What the control API does to a balance. More of it being available is an event. */
export function changeBalance(state: SandboxState, change: BalanceChange): BalanceRow {
  const { account, livemode, currency, available, pending, add } = change;
  const accountId = account ?? readSettings(state.store).platformAccountId;
  const purse = { accountId, livemode, currency };
  const before = readBalance(state, purse).available;
  const row = setBalance(state, purse, {
    available: (available ?? before) + (add ?? 0),
    ...(pending === undefined ? {} : { pending }),
  });
  if (row.available > before) {
    const object = renderBalance(state, purse);
    recordEvent(state, { type: 'balance.available', accountId, livemode, object, request: null });
  }
  return row;
}

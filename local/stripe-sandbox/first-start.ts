import { putAccount } from './accounts';
import { setBalance } from './balance';
import { createSettings, hasSettings } from './settings';
import type { SandboxState } from './state';

/**
 * Makes the platform. Only a new data directory takes the balances of the command line: a restart
 * would otherwise refill what has been spent.
 */
export function prepareState(
  state: SandboxState,
  balances: Readonly<Record<string, number>> | null,
): void {
  if (hasSettings(state.store)) {
    return;
  }
  state.store.transaction(() => {
    const noOthers = balances === null ? undefined : 0;
    const { platformAccountId: accountId } = createSettings(state.store, noOthers);
    putAccount(state, accountId, {});
    for (const [currency, available] of Object.entries(balances ?? {})) {
      for (const livemode of [false, true]) {
        setBalance(state, { accountId, livemode, currency }, { available });
      }
    }
  });
}

import { putAccount, renderAccount, renderCapability, type AccountChange } from './accounts';
import type { EventType } from './event-types';
import { recordEvent } from './events';
import type { JsonObject } from './json-object';
import { previousAttributes } from './previous-attributes';
import type { AccountRow, AccountState } from './rows';
import type { SandboxState } from './state';

/** Of these a platform is told nothing: it has no access, or there is nothing. */
const HIDDEN: readonly AccountState[] = ['missing', 'deauthorised'];

/** What the control API does to an account, with the events by which a platform learns of it. */
export function changeAccount(state: SandboxState, id: string, change: AccountChange): AccountRow {
  const before = state.store.get('accounts', id);
  const after = putAccount(state, id, change);
  if (before === undefined || HIDDEN.includes(before.state) || after.state === 'missing') {
    return after;
  }
  if (after.state === 'deauthorised') {
    const application = { id: 'ca_sandbox', object: 'application', name: 'Stripe sandbox' };
    recordEvent(state, event(after, 'account.application.deauthorized', application));
    return after;
  }
  recordUpdate(state, after, ['account.updated', renderAccount(before), renderAccount(after)]);
  const [was, is] = [renderCapability(before), renderCapability(after)];
  if (was['status'] !== is['status']) {
    recordUpdate(state, after, ['capability.updated', was, is]);
  }
  return after;
}

function recordUpdate(
  state: SandboxState,
  account: AccountRow,
  [type, before, after]: readonly [EventType, JsonObject, JsonObject],
): void {
  const previous = previousAttributes(before, after);
  if (previous !== null) {
    recordEvent(state, { ...event(account, type, after), previousAttributes: previous });
  }
}

function event({ id, livemode }: AccountRow, type: EventType, object: JsonObject) {
  return { type, accountId: id, livemode, object, request: null };
}

import type { JsonObject } from './json-object';
import type { AccountRow } from './rows';
import type { Execution, SandboxState } from './state';
import { accountInvalid, invalidRequest, noSuch } from './stripe-errors';

const ACCOUNT_ID = /^acct_[A-Za-z0-9_]{1,100}$/;

export type AccountChange = Partial<Omit<AccountRow, 'id' | 'created'>>;

const HOME = 'US';

/** Brazil: outside of the regions that send to each other (docs.stripe.com/connect/account-capabilities). */
const OTHER_REGION = 'BR';

/** Creates or changes; what is not named stays. */
export function putAccount(state: SandboxState, id: string, change: AccountChange): AccountRow {
  const current: AccountRow = state.store.get('accounts', id) ?? {
    id,
    state: 'active',
    country: HOME,
    defaultCurrency: 'usd',
    livemode: false,
    payoutsEnabled: true,
    disabledReason: null,
    created: state.clock.nowSeconds(),
  };
  const moved = change.state === 'other_region' && current.country === HOME;
  const row = { ...current, ...(moved ? { country: OTHER_REGION } : {}), ...change };
  state.store.put('accounts', id, row);
  return row;
}

export function retrieveOwnAccount({ state, caller }: Execution): JsonObject {
  const account = state.store.get('accounts', caller.accountId);
  return renderAccount(account ?? putAccount(state, caller.accountId, {}));
}

/** Unknown and disconnected accounts look the same to a platform: a 403, not a 404. */
export function retrieveAccount({ state, caller }: Execution, id: string): JsonObject {
  const account = findAccount(state, id, caller.livemode);
  const hidden =
    account === undefined ||
    account.state === 'missing' ||
    account.state === 'deauthorised' ||
    account.livemode !== caller.livemode;
  if (hidden && id !== caller.accountId) {
    throw accountInvalid(caller.apiKey, id);
  }
  return renderAccount(account ?? putAccount(state, id, {}));
}

/** As another object shows it: of an account that is gone, only that there was one. */
export function renderKnownAccount(state: SandboxState, id: string): JsonObject {
  const account = state.store.get('accounts', id);
  const gone = account === undefined || account.state === 'missing';
  return gone || account.state === 'deauthorised'
    ? { id, object: 'account' }
    : renderAccount(account);
}

/** Throws why nothing can be sent there; every one of these refusals is saved for the key. */
export function payableAccount({ state, caller }: Execution, id: string): AccountRow {
  if (id === caller.accountId) {
    throw invalidRequest('The destination cannot be set to your own account.', {
      param: 'destination',
    });
  }
  const account = findAccount(state, id, caller.livemode);
  if (account === undefined || account.state === 'missing') {
    throw noSuch('destination', id, 'destination', 400);
  }
  if (account.livemode !== caller.livemode) {
    throw otherMode(account, caller.livemode);
  }
  switch (account.state) {
    case 'deauthorised':
      throw accountInvalid(caller.apiKey, id);
    case 'closed':
      throw invalidRequest(`The destination account '${id}' has been closed.`, {
        code: 'account_closed',
        param: 'destination',
      });
    case 'other_region':
      throw invalidRequest(
        `Funds can't be sent to accounts located in ${account.country} because it's restricted outside of your platform's region. To learn more, see: https://stripe.com/docs/connect/cross-border-payouts.`,
        { code: 'transfers_not_allowed', param: 'destination' },
      );
    case 'inactive':
      throw invalidRequest(
        'Your destination account needs to have at least one of the following capabilities enabled: transfers, crypto_transfers, legacy_payments',
        { code: 'insufficient_capabilities_for_transfer' },
      );
    case 'active':
      return account;
  }
}

function findAccount(state: SandboxState, id: string, livemode: boolean): AccountRow | undefined {
  const known = state.store.get('accounts', id);
  if (known !== undefined || state.strictAccounts || !ACCOUNT_ID.test(id)) {
    return known;
  }
  return putAccount(state, id, { livemode });
}

function otherMode(account: AccountRow, livemode: boolean) {
  const [exists, used] = livemode ? ['test', 'live'] : ['live', 'test'];
  return invalidRequest(
    `No such destination: '${account.id}'; a similar object exists in ${exists} mode, but a ${used} mode key was used to make this request.`,
    { code: 'resource_missing', param: 'destination' },
  );
}

/** The part of the Account object that tells whether somebody can be paid. */
export function renderAccount(account: AccountRow): JsonObject {
  const closed = account.state === 'closed';
  const active = account.state === 'active' || account.state === 'other_region';
  const due = account.state === 'inactive' ? ['individual.verification.document'] : [];
  return {
    id: account.id,
    object: 'account',
    business_profile: null,
    business_type: 'individual',
    capabilities: { transfers: active ? 'active' : 'inactive' },
    charges_enabled: active,
    country: account.country,
    created: account.created,
    default_currency: account.defaultCurrency,
    details_submitted: active,
    email: null,
    external_accounts: emptyList(`/v1/accounts/${account.id}/external_accounts`),
    future_requirements: requirements([], null),
    metadata: {},
    payouts_enabled: active && account.payoutsEnabled,
    requirements: requirements(due, account.disabledReason ?? disabledReason(closed, due)),
    settings: {},
    tos_acceptance: { date: null, ip: null, user_agent: null },
    type: 'express',
  };
}

export function renderCapability(account: AccountRow): JsonObject {
  const { capabilities, requirements: due } = renderAccount(account);
  return {
    id: 'transfers',
    object: 'capability',
    account: account.id,
    future_requirements: requirements([], null),
    requested: true,
    requested_at: account.created,
    requirements: due,
    status: (capabilities as { transfers: string }).transfers,
  };
}

function disabledReason(closed: boolean, due: readonly string[]): string | null {
  if (closed) {
    return 'rejected.other';
  }
  return due.length > 0 ? 'requirements.past_due' : null;
}

function requirements(due: readonly string[], disabled: string | null): JsonObject {
  return {
    alternatives: [],
    current_deadline: null,
    currently_due: due,
    disabled_reason: disabled,
    errors: [],
    eventually_due: due,
    past_due: due,
    pending_verification: [],
  };
}

function emptyList(url: string): JsonObject {
  return { object: 'list', data: [], has_more: false, total_count: 0, url };
}

import type { IncomingHttpHeaders } from 'node:http';

import { readSettings } from './settings';
import type { SandboxState } from './state';
import type { Caller } from './rows';
import { accountInvalid, invalidRequest, maskKey, unauthorized } from './stripe-errors';

const SECRET_KEY = /^(sk|rk)_(test|live)_\w+$/;

/** docs.stripe.com/api/authentication: Bearer, or Basic with the key as the user and no password. */
export function authenticate(state: SandboxState, headers: IncomingHttpHeaders): Caller {
  const apiKey = presentedKey(headers.authorization);
  if (apiKey.startsWith('pk_')) {
    throw unauthorized(
      'This API call cannot be made with a publishable API key. Please use a secret API key. You can find a list of your API keys at https://dashboard.stripe.com/account/apikeys.',
      'secret_key_required',
    );
  }
  const known = state.store.get('keys', apiKey);
  if (!SECRET_KEY.test(apiKey) || known?.state === 'invalid') {
    throw unauthorized(`Invalid API Key provided: ${maskKey(apiKey)}`);
  }
  if (known?.state === 'expired') {
    throw unauthorized(`Expired API Key provided: ${maskKey(apiKey)}`, 'api_key_expired');
  }
  const owner = known?.accountId ?? readSettings(state.store).platformAccountId;
  if (known?.state === 'restricted') {
    throw missingPermission(apiKey, owner);
  }
  const accountId = actingAccount(state, apiKey, headers['stripe-account']) ?? owner;
  return { apiKey, accountId, livemode: apiKey.includes('_live_') };
}

function presentedKey(authorization: string | undefined): string {
  const [scheme, value] = (authorization ?? '').split(/\s+/, 2);
  let key = '';
  if (scheme?.toLowerCase() === 'bearer') {
    key = value ?? '';
  } else if (scheme?.toLowerCase() === 'basic') {
    key =
      Buffer.from(value ?? '', 'base64')
        .toString('utf8')
        .split(':')[0] ?? '';
  }
  if (key === '') {
    throw unauthorized(
      "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for details, or we can help at https://support.stripe.com/.",
    );
  }
  return key;
}

/** `Stripe-Account` makes the call run on the connected account (docs.stripe.com/connect/authentication). */
function actingAccount(
  state: SandboxState,
  apiKey: string,
  header: string | string[] | undefined,
): string | undefined {
  if (typeof header !== 'string') {
    return undefined;
  }
  const account = state.store.get('accounts', header);
  if (account === undefined || account.state === 'missing' || account.state === 'deauthorised') {
    throw accountInvalid(apiKey, header);
  }
  return header;
}

/** docs.stripe.com/keys/restricted-api-keys: a 403 without a code; only the message tells. */
function missingPermission(apiKey: string, accountId: string) {
  return invalidRequest(
    `The provided key '${maskKey(apiKey)}' does not have the required permissions for this endpoint on account '${accountId}'. Having the 'rak_transfer_write' permission would allow this request to continue.`,
    { status: 403 },
  );
}

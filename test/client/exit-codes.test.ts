/**
 * Goal: each kind of failure ends a command with the code that tells whose turn it is, and shows no password.
 * Method: errors as the libraries make them, wrapped as they wrap them, given to the one function that judges them.
 */
import { ServiceError } from '@temporalio/client';
import { NamespaceNotFoundError } from '@temporalio/common';

import { InvalidSettingsError } from '../../src/config/settings';
import { NotSetUpError } from '../../src/db/installation';
import { InvalidInputError } from '../../src/domain/invalid-input';
import { addressOfUrl, exitOf, UsageError } from '../../src/client/exit-codes';
import { TemporalUnreachableError } from '../../src/client/temporal-client';
import { StripeRefusedError, StripeUnreachableError } from '../../src/stripe/read-failures';

const ADDRESSES = { database: 'db:5432/payouts', temporal: 'temporal:7233' };

/** As the gRPC library makes it: an Error with a status, details and metadata. */
function grpcError(code: number): Error {
  const message = `${code.toString()} SOMETHING: of the server`;
  return Object.assign(new Error(message), { code, details: 'of the server', metadata: {} });
}

function coded(code: string): Error {
  return Object.assign(new Error(`connect ${code}`), { code });
}

test.each<[string, unknown, number, string]>([
  ['a wrong option', new UsageError('wrong'), 2, 'wrong'],
  ['wrong settings', new InvalidSettingsError([{ name: 'A', problem: 'bad' }]), 2, 'A: bad'],
  ['a wrong file', new InvalidInputError('refused', []), 2, 'refused'],
  ['no setup', new NotSetUpError(), 2, 'payouts setup'],
  ['a rejected key', new StripeRefusedError(401, undefined), 2, 'STRIPE_API_KEY: Stripe refused'],
  ['a key without the right', new StripeRefusedError(403, undefined), 2, 'STRIPE_API_KEY: '],
  ['a Stripe that is at it', new StripeRefusedError(409, 'lock_timeout'), 3, 'HTTP 409'],
  ['a busy Stripe of old', new StripeRefusedError(400, 'rate_limit'), 3, 'HTTP 400'],
  ['a busy Stripe', new StripeRefusedError(429, 'rate_limit'), 3, 'HTTP 429'],
  ['an ill Stripe', new StripeRefusedError(503, undefined), 3, 'HTTP 503'],
  ['no Stripe', new StripeUnreachableError('http://s:1', 'ECONNREFUSED'), 3, 'http://s:1'],
  ['no Temporal', new TemporalUnreachableError('t:1', new Error()), 3, 't:1'],
  ['a Temporal that went', grpcError(14), 3, 'temporal:7233'],
  ['a Temporal that is late', grpcError(4), 3, 'temporal:7233'],
  [
    'the same, wrapped by the workflow client',
    new ServiceError('Failed to start Workflow', { cause: grpcError(14) }),
    3,
    'temporal:7233',
  ],
  ['no namespace', new NamespaceNotFoundError('n'), 2, 'run `payouts setup` first'],
  ['no namespace, by gRPC', grpcError(5), 2, 'run `payouts setup` first'],
  ['no Postgres', coded('ECONNREFUSED'), 3, 'db:5432/payouts'],
  ['no Postgres, wrapped', new Error('Failed query', { cause: coded('ECONNRESET') }), 3, 'db:5432'],
  ['anything else', new Error('odd'), 1, 'odd'],
])('%s', (_what, error, code, said) => {
  const exit = exitOf(error, ADDRESSES);
  expect(exit.code).toBe(code);
  expect(exit.message).toContain(said);
});

test('an address is shown without user, password and query', () => {
  const url = 'postgres://me:hunter2@db.example/payouts?password=hunter2';
  expect(addressOfUrl(url)).toBe('db.example:5432/payouts');
  expect(addressOfUrl('postgres://db:6543/x')).toBe('db:6543/x');
  expect(addressOfUrl('not a url with hunter2')).toBe('the address in DATABASE_URL');
  expect(addressOfUrl(undefined)).toBe('the address in DATABASE_URL');
});

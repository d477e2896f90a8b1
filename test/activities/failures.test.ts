/**
 * Goal: what an activity fails with carries codes and no statement, value or account (M12).
 * Method: a real Postgres refuses a real statement, and the failure is searched for what must not be in it.
 */
import { ApplicationFailure } from '@temporalio/activity';
import { DrizzleQueryError } from 'drizzle-orm';

import { codeOfFailure } from '../../src/activities/failure-code';
import { discreetly } from '../../src/activities/failures';
import { openDatabase } from '../../src/db/database';
import { insertUserStripeAccount } from '../../src/db/user-stripe-accounts';
import { StripeRefusedError, StripeUnreachableError } from '../../src/stripe/read-failures';
import { freePort } from '../../local/free-port';
import { openDatabaseBed, type DatabaseBed } from '../support/builders';

let bed: DatabaseBed;

beforeAll(async () => {
  bed = await openDatabaseBed();
});

afterAll(async () => {
  await bed.close();
});

async function failureOf(work: () => Promise<unknown>): Promise<ApplicationFailure> {
  const error: unknown = await discreetly(work)(undefined).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ApplicationFailure);
  return error as ApplicationFailure;
}

test('a refused statement becomes its SQLSTATE, retried, without the statement and its values', async () => {
  const account = { userId: 'u1', stripeAccountId: 'secret-canary' };
  const failure = await failureOf(() => insertUserStripeAccount(bed.database, account));
  expect(failure).toMatchObject({
    type: 'PostgresFailure',
    message: 'Postgres: SQLSTATE 23514',
    nonRetryable: false,
  });
  expect(failure.cause).toBeUndefined();
  expect(JSON.stringify(failure)).not.toContain('secret-canary');
});

test('its code is its SQLSTATE', async () => {
  const account = { userId: 'u1', stripeAccountId: 'secret-canary' };
  const refused = insertUserStripeAccount(bed.database, account).catch(codeOfFailure);
  expect(await refused).toBe('23514');
});

test('a Postgres that is away is said to be, without its address and password', async () => {
  const port = (await freePort()).toString();
  const { database, close } = openDatabase(`postgres://canary:canary@127.0.0.1:${port}/payouts`);
  const account = { userId: 'u1', stripeAccountId: 'acct_1' };
  const failure = await failureOf(() => insertUserStripeAccount(database, account));
  await close();
  expect(failure.message).toBe('Postgres: not reached');
});

test('a statement without an answer is not told either', async () => {
  const lost = new Error('Query read timeout');
  const failed = new DrizzleQueryError('select $1', ['secret-canary'], lost);
  const failure = await failureOf(() => Promise.reject(failed));
  expect(failure).toMatchObject({ message: 'Postgres: no answer', nonRetryable: false });
  expect(failure.cause).toBeUndefined();
});

test.each<[string, unknown, string]>([
  ['Stripe’s refusal', new StripeRefusedError(403, 'canary'), 'stripe_403'],
  ['no Stripe', new StripeUnreachableError('canary', 'DEADLINE'), 'stripe_unreachable_DEADLINE'],
  ['a code of Node', Object.assign(new Error('canary'), { code: 'EPIPE' }), 'EPIPE'],
  ['one further down', new Error('canary', { cause: { code: 'EPIPE' } }), 'EPIPE'],
  ['an error without a code', new TypeError('canary'), 'TypeError'],
  ['a statement', new DrizzleQueryError('select $1', ['canary'], new Error('canary')), 'Error'],
  ['no error at all', 'canary', 'unnamed'],
])('%s is named without its words', (_what, error, code) => {
  expect(codeOfFailure(error)).toBe(code);
});

test('an outcome of a send stays what it is', async () => {
  const outcome = ApplicationFailure.nonRetryable('payee_account_closed', 'PayeeProblem');
  expect(await failureOf(() => Promise.reject(outcome))).toBe(outcome);
});

/**
 * Goal: what an activity fails with carries codes and no statement, value or account (M12).
 * Method: a real Postgres refuses a real statement, and the failure is searched for what must not be in it.
 */
import { ApplicationFailure } from '@temporalio/activity';

import { discreetly } from '../../src/activities/failures';
import { openDatabase } from '../../src/db/database';
import { insertUserStripeAccount } from '../../src/db/user-stripe-accounts';
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

test('a Postgres that is away is said to be, without its address and password', async () => {
  const port = (await freePort()).toString();
  const { database, close } = openDatabase(`postgres://canary:canary@127.0.0.1:${port}/payouts`);
  const account = { userId: 'u1', stripeAccountId: 'acct_1' };
  const failure = await failureOf(() => insertUserStripeAccount(database, account));
  await close();
  expect(failure.message).toBe('Postgres: not reached');
});

test('an outcome of a send stays what it is', async () => {
  const outcome = ApplicationFailure.nonRetryable('payee_account_closed', 'PayeeProblem');
  expect(await failureOf(() => Promise.reject(outcome))).toBe(outcome);
});

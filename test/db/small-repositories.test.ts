/**
 * Goal: accounts (S41), pauses, the installation and the operators' book do what activities and commands rest on.
 * Method: each operation on real Postgres, repeated where it may be repeated, with content that has to be refused.
 */
import {
  assertInstallation,
  findInstallation,
  InstallationMismatchError,
  NotSetUpError,
  recordInstallation,
} from '../../src/db/installation';
import { recordOperatorAction } from '../../src/db/operator-actions';
import { isPaused, pauseByAutomation } from '../../src/db/payout-controls';
import {
  findUserStripeAccount,
  insertUserStripeAccount,
  lockUserStripeAccount,
  replaceUserStripeAccount,
} from '../../src/db/user-stripe-accounts';
import {
  newId,
  openDatabaseBed,
  PLATFORM,
  refusalOf,
  untilSomebodyWaitsForLock,
  type DatabaseBed,
} from '../support/builders';

let bed: DatabaseBed;

beforeAll(async () => {
  bed = await openDatabaseBed();
});

afterAll(() => bed.close());

describe('S41 accounts of winners', () => {
  test('a user has one account; a second is not taken in silence', async () => {
    const userId = newId('user');
    const insert = (stripeAccountId: string) =>
      insertUserStripeAccount(bed.database, { userId, stripeAccountId });
    expect(await findUserStripeAccount(bed.database, userId)).toBeUndefined();
    expect(await insert('acct_one')).toBe(true);
    expect(await insert('acct_two')).toBe(false);
    expect(await findUserStripeAccount(bed.database, userId)).toMatchObject({
      stripeAccountId: 'acct_one',
      readiness: 'not_asked',
      version: 1,
    });
  });

  test('a replaced account is a new version whose readiness nobody has asked for', async () => {
    const userId = newId('user');
    await insertUserStripeAccount(bed.database, { userId, stripeAccountId: 'acct_one' });
    await bed.rows(`update user_stripe_accounts set readiness = 'ready' where user_id = $1`, [
      userId,
    ]);
    await replaceUserStripeAccount(bed.database, { userId, stripeAccountId: 'acct_two' });
    expect(await findUserStripeAccount(bed.database, userId)).toMatchObject({
      stripeAccountId: 'acct_two',
      readiness: 'not_asked',
      version: 2,
    });
  });

  test('two imports of one user wait for each other', async () => {
    const userId = newId('user');
    await insertUserStripeAccount(bed.database, { userId, stripeAccountId: 'acct_one' });
    const other = bed.connect();
    let second: Promise<string | undefined> | undefined;
    await bed.database.transaction(async (transaction) => {
      await lockUserStripeAccount(transaction, userId);
      second = other.database.transaction(
        async (waiting) => (await lockUserStripeAccount(waiting, userId))?.stripeAccountId,
      );
      await untilSomebodyWaitsForLock(bed);
      await replaceUserStripeAccount(transaction, { userId, stripeAccountId: 'acct_two' });
    });
    expect(await second).toBe('acct_two');
  });

  test('what is not an account id is refused', async () => {
    const insert = insertUserStripeAccount(bed.database, {
      userId: newId('user'),
      stripeAccountId: 'cus_customer',
    });
    expect(await refusalOf(insert)).toBe('user_stripe_accounts_are_accounts');
  });
});

test('an alarm pauses its settlement once a cause, and nobody else', async () => {
  const [settlementId, another] = [newId('settlement'), newId('settlement')];
  await pauseByAutomation(bed.database, {
    settlementId,
    cause: 'duplicate:1',
    isLiftedByItself: false,
  });
  await pauseByAutomation(bed.database, {
    settlementId,
    cause: 'duplicate:1',
    isLiftedByItself: false,
  });
  await pauseByAutomation(bed.database, {
    settlementId,
    cause: 'duplicate:2',
    isLiftedByItself: false,
  });
  const rows = await bed.rows(
    'select cause, owner from payout_controls where settlement_id = $1 order by cause',
    [settlementId],
  );
  expect(rows).toEqual([
    { cause: 'duplicate:1', owner: 'automation' },
    { cause: 'duplicate:2', owner: 'automation' },
  ]);
  expect(await isPaused(bed.database, settlementId)).toBe(true);
  expect(await isPaused(bed.database, another)).toBe(false);
  await bed.rows('update payout_controls set lifted_at = payout_now() where lifted_at is null');
  expect(await isPaused(bed.database, settlementId)).toBe(false);
  await bed.rows(`insert into payout_controls (cause, owner) values ('all', 'operator')`);
  expect(await isPaused(bed.database, another)).toBe(true);
});

test('the installation is recorded once, and whoever is another one is refused', async () => {
  expect(await findInstallation(bed.database)).toBeUndefined();
  await expect(assertInstallation(bed.database, PLATFORM)).rejects.toThrow(NotSetUpError);
  expect(await recordInstallation(bed.database, PLATFORM)).toEqual(PLATFORM);
  expect(await recordInstallation(bed.database, PLATFORM)).toEqual(PLATFORM);
  for (const change of [
    { installationId: 'other' },
    { stripeAccountId: 'acct_other' },
    { livemode: true },
  ]) {
    const other = { ...PLATFORM, ...change };
    await expect(recordInstallation(bed.database, other)).rejects.toThrow(
      InstallationMismatchError,
    );
    await expect(assertInstallation(bed.database, change)).rejects.toThrow(
      InstallationMismatchError,
    );
  }
  expect(await findInstallation(bed.database)).toEqual(PLATFORM);
  const second = bed.rows(
    `insert into installation (singleton, installation_id, stripe_account_id, livemode)
     values (false, 'x', 'acct_x', false)`,
  );
  expect(await refusalOf(second)).toBe('installation_is_one_row');
});

test('an operator’s action is kept with who, why and what, or not at all', async () => {
  const action = {
    action: 'pause',
    actor: 'ada',
    reason: 'a look',
    subject: { settlementId: 's' },
  };
  const undone = bed.database.transaction(async (transaction) => {
    await recordOperatorAction(transaction, action);
    throw new Error('undone');
  });
  await expect(undone).rejects.toThrow('undone');
  await recordOperatorAction(bed.database, action);
  expect(await bed.rows('select action, actor, reason, subject from operator_actions')).toEqual([
    action,
  ]);
});

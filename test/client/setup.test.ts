/**
 * Goal: `payouts setup` makes a namespace ready from any state it may be in, by however many processes, and never breaks one.
 * Method: namespaces and databases of its own on the run's real servers, looked at through Temporal's API afterwards.
 */
import { randomBytes } from 'node:crypto';
import type { Connection } from '@temporalio/client';
import { google, temporal } from '@temporalio/proto';

import { startStripeSandbox, type StripeSandbox } from '../../local/stripe-sandbox/server';
import { SEARCH_ATTRIBUTES } from '../../src/domain/contracts';
import { Bed, until } from '../e2e/bed';
import { createTestDatabase, type TestDatabase } from '../support/postgres';
import { connectToTestTemporal, testTemporalAddress } from '../support/temporal';

const DAY_SECONDS = 24 * 60 * 60;
const { INDEXED_VALUE_TYPE_INT: INT, INDEXED_VALUE_TYPE_KEYWORD: KEYWORD } =
  temporal.api.enums.v1.IndexedValueType;
const NAMES = Object.values(SEARCH_ATTRIBUTES).map(({ name }) => name);

interface SetupReport {
  readonly searchAttributes: { readonly registered: string[]; readonly existing: string[] };
}

let connection: Connection;
let sandbox: StripeSandbox;
let database: TestDatabase;
let bed: Bed;
let namespace: string;

beforeAll(async () => {
  [connection, sandbox] = await Promise.all([connectToTestTemporal(), startStripeSandbox()]);
});
afterAll(async () => {
  await Promise.all([connection.close(), sandbox.close()]);
});

beforeEach(async () => {
  namespace = `setup-${randomBytes(4).toString('hex')}`;
  database = await createTestDatabase();
  const { databaseUrl } = database;
  const addresses = { databaseUrl, temporalAddress: testTemporalAddress() };
  const settings = { TEMPORAL_NAMESPACE: namespace };
  bed = new Bed({ ...addresses, stripeApiBase: sandbox.baseUrl }, settings);
});
afterEach(async () => {
  await bed.close();
  await database.drop();
});

async function register(retentionDays: number): Promise<void> {
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: google.protobuf.Duration.fromObject({
      seconds: retentionDays * DAY_SECONDS,
    }),
  });
  await until('the namespace is known', () =>
    connection.operatorService.listSearchAttributes({ namespace }).then(
      () => true,
      () => false,
    ),
  );
}

async function retentionDays(): Promise<number> {
  const { config } = await connection.workflowService.describeNamespace({ namespace });
  return Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) / DAY_SECONDS;
}

async function attributes() {
  const listed = await connection.operatorService.listSearchAttributes({ namespace });
  return Object.fromEntries(
    Object.entries(listed.customAttributes).filter(([name]) => name.startsWith('Payout')),
  );
}

const ALL_FIVE = {
  PayoutSettlementId: KEYWORD,
  PayoutContestId: KEYWORD,
  PayoutState: KEYWORD,
  PayoutFailureClass: KEYWORD,
  PayoutFailedCount: INT,
};

test('a namespace that does not exist is made, with all attributes, ready for use at once', async () => {
  const report = await bed.json<SetupReport>('setup');
  expect(report.searchAttributes).toEqual({ registered: NAMES, existing: [] });
  expect(await retentionDays()).toBe(45);
  expect(await attributes()).toEqual(ALL_FIVE);
  const query = 'PayoutContestId="c" AND PayoutFailedCount=1';
  const { count } = await connection.workflowService.countWorkflowExecutions({ namespace, query });
  expect(Number(count)).toBe(0);
});

test.each([
  { before: 1, after: 45 },
  { before: 44, after: 45 },
  { before: 90, after: 90 },
])('a retention of $before days becomes $after, and stays so', async ({ before, after }) => {
  await register(before);
  await bed.json('setup');
  expect(await retentionDays()).toBe(after);
  expect((await bed.json<SetupReport>('setup')).searchAttributes.existing).toEqual(NAMES);
  expect(await retentionDays()).toBe(after);
});

test('two processes at once both succeed, on a namespace and a database that nobody made', async () => {
  const name = `fresh_${randomBytes(4).toString('hex')}`;
  await bed.rows(`create database ${name}`);
  const url = new URL(database.databaseUrl);
  url.pathname = `/${name}`;
  const settings = { DATABASE_URL: url.toString() };
  const results = await Promise.all(
    Array.from({ length: 2 }, () => bed.run(['setup', '--json'], settings)),
  );
  expect(results.map(({ code, stderr }) => ({ code, stderr }))).toEqual([
    { code: 0, stderr: '' },
    { code: 0, stderr: '' },
  ]);
  const applied = results.map(
    ({ stdout }) => (JSON.parse(stdout) as { migrations: { applied: number } }).migrations.applied,
  );
  expect(Math.min(...applied)).toBe(0);
  expect(Math.max(...applied)).toBeGreaterThan(0);
  expect(await attributes()).toEqual(ALL_FIVE);
  await bed.rows(`drop database ${name} with (force)`);
});

test('an attribute of another type is refused by name, and left as it is', async () => {
  await register(60);
  await connection.operatorService.addSearchAttributes({
    namespace,
    searchAttributes: { PayoutState: INT },
  });
  const { code, stdout, stderr } = await bed.run(['setup', '--json']);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(`namespace ${namespace}`);
  expect(stderr).toContain('PayoutState (expected KEYWORD)');
  expect(await attributes()).toEqual({ PayoutState: INT });
});

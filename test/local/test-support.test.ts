/**
 * Goal: what other tests rest on works: databases, the dev server, Stripe's mock, the totals line.
 * Method: each is used as a test file would use it.
 */
import { resolve } from 'node:path';
import { Client } from 'pg';
import { createTestDatabase } from '../support/postgres';
import { spawnNode } from '../support/processes';
import { startStripeMock } from '../support/stripe-mock';
import { connectToTestTemporal } from '../support/temporal';

const REPORTER = resolve(__dirname, '../support/totals-reporter.cjs');
const BUILD_LIMIT_MS = 10 * 60_000;

async function connect(databaseUrl: string): Promise<Client> {
  const client = new Client({ connectionString: databaseUrl });
  // Dropping the database ends the session, which is what the test wants.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

test('each test database is its own and can be dropped with a session open', async () => {
  const [one, two] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  const inOne = await connect(one.databaseUrl);
  await inOne.query('create table only_here (id int)');
  const inTwo = await connect(two.databaseUrl);
  const found = await inTwo.query("select to_regclass('only_here') as found");
  expect(found.rows).toEqual([{ found: null }]);
  await inTwo.end();
  await Promise.all([one.drop(), two.drop()]);
  await expect(connect(one.databaseUrl)).rejects.toThrow('does not exist');
});

test('the Temporal dev server of the run answers', async () => {
  const connection = await connectToTestTemporal();
  try {
    const { namespaceInfo } = await connection.workflowService.describeNamespace({
      namespace: 'default',
    });
    expect(namespaceInfo?.name).toBe('default');
  } finally {
    await connection.close();
  }
});

test(
  "Stripe's mock checks requests against Stripe's description",
  async () => {
    const mock = await startStripeMock();
    try {
      const post = async (body: string): Promise<number> => {
        const headers = {
          authorization: 'Bearer sk_test_123',
          'content-type': 'application/x-www-form-urlencoded',
        };
        const answer = await fetch(`${mock.baseUrl}/v1/transfers`, {
          method: 'POST',
          headers,
          body,
        });
        await answer.arrayBuffer();
        return answer.status;
      };
      expect(await post('amount=100&currency=usd&destination=acct_1')).toBe(200);
      expect(await post('amount=100&nonsense=1')).toBe(400);
    } finally {
      await mock.stop();
    }
    await expect(fetch(mock.baseUrl)).rejects.toThrow('fetch failed');
  },
  BUILD_LIMIT_MS,
);

describe('the totals line', () => {
  const none = {
    numPassedTests: 0,
    numFailedTests: 0,
    numRuntimeErrorTestSuites: 0,
    numPendingTests: 0,
    numTodoTests: 0,
  };

  test.each([
    { results: { ...none, numPassedTests: 3 }, line: '3 passed, 0 failed' },
    {
      results: { ...none, numPassedTests: 3, numFailedTests: 1, numRuntimeErrorTestSuites: 1 },
      line: '3 passed, 2 failed',
    },
    {
      results: { ...none, numPassedTests: 3, numPendingTests: 1, numTodoTests: 1 },
      line: '2 skipped\n3 passed, 0 failed',
    },
    { results: undefined, line: '0 passed, 1 failed' },
  ])('is $line, after everything else', async ({ results, line }) => {
    const script = `
      const Reporter = require(${JSON.stringify(REPORTER)});
      const reporter = new Reporter();
      const results = ${JSON.stringify(results ?? null)};
      if (results !== null) reporter.onRunComplete(new Set(), results);
      console.log('written later');`;
    const { stdout } = await spawnNode('-e', [script]).ended;
    expect(stdout).toBe(`written later\n${line}\n`);
  });
});

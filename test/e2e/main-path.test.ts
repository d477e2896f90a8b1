/**
 * Goal: the main path as a user walks it: setup, accounts, settle, a worker that dies on the way, all paid exactly once,
 * settled twice, status, verify.
 * Method: `payouts local up` and every other command as processes, on Temporal's dev server; main-path-on-server.test.ts
 * has the same tests on the server of production. The sandbox's own count judges.
 */
import { Client, Connection } from '@temporalio/client';

import type { SettlementReport } from '../../src/client/read-status';
import type { SettleReport } from '../../src/client/settle';
import type { VerifyReport } from '../../src/client/verify/verify-report';
import { spawnCli, type TestProcess } from '../support/processes';
import {
  accountsOf,
  Bed,
  falselyPaid,
  settlementOf,
  TEMPORAL_KIND,
  timesPaid,
  until,
  type Addresses,
} from './bed';

const LONG_MS = 300_000;
const WINNERS = 40;
const SETTLEMENT = settlementOf('main', WINNERS);
const TOTAL_MINOR = SETTLEMENT.winners.reduce((sum, { amountMinor }) => sum + amountMinor, 0);

let local: TestProcess;
let bed: Bed;
let connection: Connection;
let temporal: Client;

beforeAll(async () => {
  local = spawnCli(['local', 'up', '--json', '--temporal', TEMPORAL_KIND]);
  await until('local up is ready', () => local.stdout().endsWith('\n'), LONG_MS);
  const addresses = JSON.parse(local.stdout()) as Addresses;
  // There is a middle of the settlement for seconds, also for a test that is kept from running meanwhile.
  bed = new Bed(addresses, { STRIPE_REQUESTS_PER_SECOND: '15' });
  connection = await Connection.connect({ address: addresses.temporalAddress });
  temporal = new Client({ connection });
}, LONG_MS);

afterAll(async () => {
  await connection.close();
  await bed.close();
  expect((await local.stop()).code).toBe(0);
}, LONG_MS);

test('setup says what it did, and nothing the second time', async () => {
  interface Report {
    migrations: { applied: number; total: number };
    searchAttributes: { registered: string[]; existing: string[] };
    schedule: object;
  }
  const first = await bed.json<Report>('setup');
  expect(first.migrations.applied).toBe(first.migrations.total);
  expect(first.searchAttributes.registered).toHaveLength(5);
  const schedule = { scheduleId: 'payout-sweep', every: '5 minutes', paused: false };
  expect(first.schedule).toEqual({ ...schedule, change: 'created' });
  const second = await bed.json<Report>('setup');
  expect(second).toEqual({
    migrations: { applied: 0, total: first.migrations.total },
    searchAttributes: { registered: [], existing: first.searchAttributes.registered },
    schedule: { ...schedule, change: 'unchanged' },
  });
});

test(
  'a worker stops in the middle and another goes on: everybody is paid, each once',
  async () => {
    const worker = await bed.worker();
    const accounts = bed.file('accounts.json', accountsOf(SETTLEMENT));
    expect(await bed.json('accounts', 'import', accounts)).toMatchObject({ imported: WINNERS });
    // Answers take a moment, so that there is a middle.
    await bed.control('faults', {
      match: { method: 'POST', path: '/v1/transfers' },
      fault: { kind: 'delay', afterMs: 250 },
      times: WINNERS,
    });
    const settled = await bed.json<SettleReport>('settle', bed.file('main.json', SETTLEMENT));
    expect(settled).toEqual({
      settlementId: 'main',
      workflowId: 'payout-job/main',
      runId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      created: true,
      transfers: WINNERS,
      totalMinor: TOTAL_MINOR,
      currency: 'usd',
    });
    await until('some are paid', async () => (await bed.oracle()).executions >= 5, LONG_MS);
    const { code } = await worker.stop();
    expect(code).toBe(0);
    expect(await bed.count('payout_transfers', `status <> 'completed'`)).toBeGreaterThan(0);
    await bed.worker();

    const status = await bed.completed('main', LONG_MS);
    expect(status.job).toMatchObject({
      outcome: 'paid',
      counts: { completed: WINNERS, total: WINNERS, pending: 0, failed_terminal: 0 },
    });
    await expectPaidOnce(status);
  },
  LONG_MS,
);

async function expectPaidOnce(status: SettlementReport): Promise<void> {
  const oracle = await bed.oracle();
  expect(falselyPaid(status, oracle)).toEqual([]);
  expect(timesPaid(status, oracle)).toEqual([1]);
  expect(oracle.totalsByCurrency).toEqual({ usd: TOTAL_MINOR });
  const stripeIds = new Set(status.transfers.map((transfer) => transfer.stripeTransferId));
  expect(stripeIds.size).toBe(WINNERS);
}

test('the ledger balances: everything owed was paid', async () => {
  const balances = await bed.rows<{ account: string; balance: string }>(
    `select account, sum(amount_minor) as balance from ledger_entries
     group by account, currency order by account`,
  );
  expect(balances.map(({ account, balance }) => [account, Number(balance)])).toEqual([
    ['prize_expense', TOTAL_MINOR],
    ['prizes_payable', 0],
    ['stripe_balance', -TOTAL_MINOR],
  ]);
});

const picture = async () => ({
  status: await bed.status('main'),
  oracle: await bed.oracle(),
  settlements: await bed.count('settlements'),
  ledger: await bed.count('ledger_transactions'),
  runs: (await temporal.workflow.count('WorkflowType="PayoutJobWorkflow"')).count,
});

test('settling again, in another order and case, changes nothing', async () => {
  const before = await picture();
  const [row] = await bed.rows<{ run_id: string }>(
    `select workflow_run_id as run_id from payout_jobs where settlement_id = 'main'`,
  );
  const same = { ...SETTLEMENT, currency: 'USD', winners: [...SETTLEMENT.winners].reverse() };
  const again = await bed.json<SettleReport>('settle', bed.file('again.json', same));
  expect(again).toMatchObject({
    created: false,
    runId: row?.run_id,
    transfers: WINNERS,
    totalMinor: TOTAL_MINOR,
  });
  expect(await picture()).toEqual(before);
});

test.each([
  [
    'other winners under the same id',
    { winners: SETTLEMENT.winners.slice(1) },
    'settlement main is already recorded with other content',
  ],
  [
    'the same awards under another settlement id',
    { settlementId: 'main-again' },
    'is already paid by settlement main',
  ],
])('%s are refused, and nothing changes', async (_what, change, said) => {
  const before = await picture();
  const file = bed.file('other.json', { ...SETTLEMENT, ...change });
  const refused = await bed.run(['settle', file, '--json']);
  expect(refused).toMatchObject({ code: 2, stdout: '' });
  expect(refused.stderr).toContain(said);
  expect(await picture()).toEqual(before);
});

test('status says it to a person, and verify finds rows, ledger, runs and Stripe in agreement', async () => {
  const { code, stdout } = await bed.run(['status', 'main']);
  expect(code).toBe(0);
  expect(stdout).toContain('paid');
  expect(stdout).toContain(`${WINNERS}`);
  const report = await until('every run is listed', async () => {
    const { stdout: text } = await bed.run(['verify', 'main', '--json']);
    const verified = JSON.parse(text) as VerifyReport;
    return verified.ok && verified;
  });
  expect(report.totals['usd']).toMatchObject({
    settledMinor: TOTAL_MINOR,
    paidHereMinor: TOTAL_MINOR,
    paidAtStripeMinor: TOTAL_MINOR,
    payableMinor: 0,
  });
});

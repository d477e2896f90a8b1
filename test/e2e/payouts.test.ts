/**
 * Goal: what goes beyond the main path (main-path.test.ts): the command as npx finds it, two workers at once, and fifty
 * callers who settle the same.
 * Method: `payouts local up` and every other command as processes; the sandbox's own count judges.
 */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { Client, Connection } from '@temporalio/client';

import { recordSettlement, startRecordedJob, type SettleReport } from '../../src/client/settle';
import { parseSettlement } from '../../src/client/settlement-file';
import { openDatabase } from '../../src/db/database';
import { TERMS } from '../support/builders';
import { spawnCli, type TestProcess } from '../support/processes';
import {
  accountOf,
  accountsOf,
  Bed,
  falselyPaid,
  settlementOf,
  TEMPORAL_KIND,
  timesPaid,
  until,
  type Addresses,
} from './bed';

const ROOT = path.resolve(__dirname, '../..');
const LONG_MS = 300_000;

let local: TestProcess;
let bed: Bed;
let temporal: Client;
let connection: Connection;

beforeAll(async () => {
  local = spawnCli(['local', 'up', '--json', '--temporal', TEMPORAL_KIND]);
  await until('local up is ready', () => local.stdout().endsWith('\n'), LONG_MS);
  const addresses = JSON.parse(local.stdout()) as Addresses & { temporalUiUrl: string };
  expect(Object.keys(addresses)).toEqual([
    'databaseUrl',
    'temporalAddress',
    'temporalUiUrl',
    'stripeApiBase',
  ]);
  bed = new Bed(addresses);
  connection = await Connection.connect({ address: addresses.temporalAddress });
  temporal = new Client({ connection });
  await bed.json('setup');
}, LONG_MS);

afterAll(async () => {
  await connection.close();
  await bed.close();
  const { code } = await local.stop();
  expect(code).toBe(0);
}, LONG_MS);

describe('npx from the repository root', () => {
  const npx = async (...args: readonly string[]) => {
    const { PATH = '', HOME = '' } = process.env;
    const command = ['--no-install', 'payouts', ...args];
    return promisify(execFile)('npx', command, { cwd: ROOT, env: { PATH, HOME } });
  };
  const commandsIn = (help: string) =>
    [...(help.split('Commands:')[1] ?? '').matchAll(/^ {2}(\w[\w-]*)/gm)]
      .map(([, name]) => name)
      .filter((name) => name !== 'help');

  test('--help lists the commands that exist, and no other', async () => {
    const [main, local, accounts] = await Promise.all([
      npx('--help'),
      npx('local', '--help'),
      npx('accounts', '--help'),
    ]);
    expect(commandsIn(main.stdout)).toEqual([
      'local',
      'setup',
      'worker',
      'gateway',
      'config',
      'accounts',
      'settle',
      'status',
      'sweep',
      'verify',
      'why',
      'report',
      'export',
      'pause',
      'resume',
      'pauses',
      'retry',
      'preview',
      'approve',
      'confirm-account',
      'cancel',
      'restore',
      'void',
      'reverse',
      'resolve',
    ]);
    expect(commandsIn(local.stdout)).toEqual(['up']);
    expect(commandsIn(accounts.stdout)).toEqual(['import']);
  });

  test('config --json prints every setting with its source, also before anything is set', async () => {
    const { stdout } = await npx('config', '--json');
    const { settings } = JSON.parse(stdout) as { settings: { name: string; source: string }[] };
    expect(settings).toContainEqual({ name: 'DATABASE_URL', value: '', source: 'not set' });
    expect(settings).toContainEqual({
      name: 'STRIPE_REQUESTS_PER_SECOND',
      value: '20',
      source: 'default',
    });
  });
});

const SETTLEMENT = settlementOf('big', 200);
const TOTAL_MINOR = SETTLEMENT.winners.reduce((sum, { amountMinor }) => sum + amountMinor, 0);

describe('two hundred winners, two workers', () => {
  test(
    'are all paid, each once, by both workers',
    async () => {
      await Promise.all([bed.worker(), bed.worker()]);
      const accounts = accountsOf(SETTLEMENT);
      const csv = accounts.slice(120).map((row) => `${row.stripeAccountId},${row.userId}`);
      const json = bed.file('accounts.json', accounts.slice(0, 120));
      expect(await bed.json('accounts', 'import', json)).toEqual({
        imported: 120,
        unchanged: 0,
        replaced: [],
        rejected: [],
      });
      const csvFile = bed.file('accounts.csv', ['stripeAccountId,userId', ...csv].join('\r\n'));
      expect(await bed.json('accounts', 'import', csvFile)).toMatchObject({ imported: 80 });
      expect(await bed.json('accounts', 'import', csvFile)).toMatchObject({ unchanged: 80 });

      const settled = await bed.json<SettleReport>('settle', bed.file('big.json', SETTLEMENT));
      expect(settled).toEqual({
        settlementId: 'big',
        workflowId: 'payout-job/big',
        runId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        created: true,
        transfers: 200,
        totalMinor: TOTAL_MINOR,
        currency: 'usd',
      });

      const status = await bed.completed('big');
      expect(status.job).toMatchObject({
        outcome: 'paid',
        counts: { completed: 200, total: 200, pending: 0, failed_terminal: 0 },
      });
      const stripeIds = new Set(status.transfers.map((transfer) => transfer.stripeTransferId));
      expect(stripeIds.size).toBe(200);
      expect([...stripeIds].every((id) => id?.startsWith('tr_'))).toBe(true);
      const oracle = await bed.oracle();
      expect(falselyPaid(status, oracle)).toEqual([]);
      expect(oracle.executions).toBe(200);
      expect(oracle.totalsByCurrency).toEqual({ usd: TOTAL_MINOR });
      expect((await workersOf(status.transfers.map(({ id }) => id))).size).toBe(2);
    },
    LONG_MS,
  );

  /** Who carried out the activities of these transfers. */
  async function workersOf(transferIds: readonly string[]): Promise<Set<string>> {
    const histories = await Promise.all(
      transferIds
        .slice(0, 60)
        .map((id) => temporal.workflow.getHandle(`transfer/${id}`).fetchHistory()),
    );
    const starts = histories.flatMap(({ events }) =>
      (events ?? []).map((event) => event.activityTaskStartedEventAttributes?.identity),
    );
    return new Set(starts.filter((identity) => typeof identity === 'string'));
  }
});

describe('fifty callers and five processes settle the same at once', () => {
  const CALLERS = 50;
  const raced = settlementOf('raced', 30);

  async function callOnOwnConnection(): Promise<SettleReport> {
    const settlement = parseSettlement(JSON.stringify(raced), { amountMinorMax: 1_000_000 });
    const { database, close } = openDatabase(bed.addresses.databaseUrl, 1);
    try {
      const recorded = await recordSettlement(database, settlement, {
        ...TERMS,
        installationId: 'local',
      });
      return await startRecordedJob({ client: temporal, database }, settlement, recorded);
    } finally {
      await close();
    }
  }

  test(
    'one of them records it, there is one job, and everybody is paid once',
    async () => {
      await bed.json('accounts', 'import', bed.file('raced-accounts.json', accountsOf(raced)));
      const file = bed.file('raced.json', raced);
      const reports = await Promise.all([
        ...Array.from({ length: 5 }, () => bed.json<SettleReport>('settle', file)),
        ...Array.from({ length: CALLERS }, callOnOwnConnection),
      ]);
      expect(reports.filter(({ created }) => created)).toHaveLength(1);
      expect(new Set(reports.map(({ runId }) => runId)).size).toBe(1);
      const status = await bed.completed('raced');
      expect(timesPaid(status, await bed.oracle())).toEqual([1]);
      expect(status.transfers).toHaveLength(30);
      expect(await bed.count('payout_jobs', `settlement_id = 'raced'`)).toBe(1);
      const runsOf = async (type: string) =>
        (
          await temporal.workflow.count(
            `PayoutSettlementId="raced" AND WorkflowType="${type}" AND ExecutionStatus="Completed"`,
          )
        ).count;
      await until('every run is listed', async () => (await runsOf('TransferWorkflow')) === 30);
      expect(await runsOf('PayoutJobWorkflow')).toBe(1);
    },
    LONG_MS,
  );
});

test('an account of a winner who was paid may be replaced without asking', async () => {
  const [first] = SETTLEMENT.winners;
  const userId = first!.userId;
  const change = [{ userId, stripeAccountId: `${accountOf(userId)}_new` }];
  expect(await bed.json('accounts', 'import', bed.file('replacement.json', change))).toEqual({
    imported: 0,
    unchanged: 0,
    replaced: [userId],
    rejected: [],
  });
});

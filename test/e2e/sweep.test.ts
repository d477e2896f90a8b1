/**
 * Goal: what is open in Postgres and does not run in Temporal is started by a sweep, asked for or of the schedule, whatever
 * ended it, and the registry and the command say so.
 * Method: the built command and its workers on a database and a namespace of this file; runs are ended as the Web UI does.
 */
import { randomBytes } from 'node:crypto';
import { Client, type Connection } from '@temporalio/client';

import { startStripeSandbox, type StripeSandbox } from '../../local/stripe-sandbox/server';
import { runPayoutScheduler } from '../../src/client/sweep';
import { startSweepNow } from '../../src/client/start-workflows';
import { findSettlement } from '../../src/db/settlements';
import type { SweepReport } from '../../src/domain/contracts';
import { SWEEP_ID, SWEEP_NOW_ID } from '../../src/domain/ids';
import { createTestDatabase, type TestDatabase } from '../support/postgres';
import type { TestProcess } from '../support/processes';
import { connectToTestTemporal, testTemporalAddress } from '../support/temporal';
import { accountsOf, Bed, holdSweeps, settlementOf, until } from './bed';

const LONG_MS = 300_000;

let connection: Connection;
let sandbox: StripeSandbox;
let database: TestDatabase;
let bed: Bed;
let client: Client;
let worker: TestProcess;

beforeAll(async () => {
  [connection, sandbox] = await Promise.all([connectToTestTemporal(), startStripeSandbox()]);
  database = await createTestDatabase();
  const namespace = `sweep-${randomBytes(4).toString('hex')}`;
  bed = new Bed(
    {
      databaseUrl: database.databaseUrl,
      temporalAddress: testTemporalAddress(),
      stripeApiBase: sandbox.baseUrl,
    },
    { TEMPORAL_NAMESPACE: namespace },
  );
  client = new Client({ connection, namespace });
  await bed.json('setup');
  await holdSweeps(client);
  worker = await bed.worker();
}, LONG_MS);
afterAll(async () => {
  await bed.close();
  await Promise.all([connection.close(), sandbox.close()]);
  await database.drop();
}, LONG_MS);

const jobRow = async (name: string) => {
  const [row] = await bed.rows<{ status: string; run_count: number; counts: object | null }>(
    'select * from admin_jobs where name = $1',
    [name],
  );
  return row!;
};

/** Records a settlement while Temporal is away, so that nothing of it is started. */
async function settleUnstarted(id: string): Promise<void> {
  const settlement = settlementOf(id, 3);
  await bed.json('accounts', 'import', bed.file(`${id}-accounts.json`, accountsOf(settlement)));
  const { code } = await bed.run(['settle', bed.file(`${id}.json`, settlement)], {
    TEMPORAL_ADDRESS: '127.0.0.1:1',
  });
  expect(code).toBe(3);
}

/** A settlement whose job runs and has started everybody, as far as it knows; none of their runs is there. */
async function jobThatPassedAll(id: string, winners: number): Promise<void> {
  const file = bed.file(`${id}.json`, settlementOf(id, winners));
  const away = { TEMPORAL_ADDRESS: '127.0.0.1:1' };
  expect((await bed.run(['settle', file], away)).code).toBe(3);
  const { contentHash, contestId } = (await findSettlement(bed.database, id))!;
  const cursor = { phase: 'done', afterTransferId: null };
  const handle = await client.workflow.start('PayoutJobWorkflow', {
    workflowId: `payout-job/${id}`,
    taskQueue: 'payouts',
    args: [{ settlementId: id, contestId, contentHash, cursor }],
  });
  await until('the job waits', async () => (await handle.query('progress')) !== null);
}

async function runningTransfers(id: string): Promise<number> {
  const rows = await bed.rows<{ id: string }>(
    'select id from payout_transfers where settlement_id = $1',
    [id],
  );
  const states = await Promise.all(
    rows.map(async (row) =>
      client.workflow
        .getHandle(`transfer/${row.id}`)
        .describe()
        .then(({ status }) => status.name)
        .catch(() => 'NONE'),
    ),
  );
  return states.filter((state) => state === 'RUNNING').length;
}

test(
  'settled while Temporal was away: one sweep starts it, says so, and is in the registry; the next finds nothing',
  async () => {
    await settleUnstarted('away');
    expect(await jobRow(SWEEP_NOW_ID)).toMatchObject({ status: 'registered', run_count: 0 });
    const report = await bed.json<SweepReport>('sweep');
    expect(report).toMatchObject({
      started: ['payout-job/away'],
      resumed: [],
      reconciling: [],
      rejected: [],
      failed: [],
      cameToEnd: true,
    });
    expect(await jobRow(SWEEP_NOW_ID)).toMatchObject({
      status: 'succeeded',
      run_count: 1,
      counts: { started: 1, failed: 0 },
    });
    expect((await bed.completed('away')).job.outcome).toBe('paid');
    const { code, stdout } = await bed.run(['sweep']);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: '0 started, 0 resumed, 0 reconciling, 0 rejected, 0 failed\n',
    });
  },
  LONG_MS,
);

test(
  'the schedule does the same when its time comes, under a name of its own',
  async () => {
    await settleUnstarted('by-schedule');
    await client.schedule.getHandle(SWEEP_ID).trigger('SKIP');
    expect((await bed.completed('by-schedule')).job.outcome).toBe('paid');
    await until('its end is recorded', async () => (await jobRow(SWEEP_ID)).status === 'succeeded');
    expect(await jobRow(SWEEP_ID)).toMatchObject({ run_count: 1, counts: { started: 1 } });
  },
  LONG_MS,
);

test(
  'the same settlement file again starts a run that was terminated',
  async () => {
    const file = bed.file('again.json', settlementOf('again', 2));
    await bed.json('settle', file);
    await until('both wait', async () => (await runningTransfers('again')) === 2);
    const [row] = await bed.rows<{ id: string }>(
      `select id from payout_transfers where settlement_id = 'again' limit 1`,
    );
    await until(
      'both are blocked',
      async () =>
        (await bed.count('payout_transfers', `settlement_id = 'again' and status = 'blocked'`)) ===
        2,
    );
    await client.workflow.getHandle(`transfer/${row!.id}`).terminate('a test');
    // Temporal's list lags behind by a moment.
    await until('it runs again', async () => {
      await bed.json('settle', file);
      return (await runningTransfers('again')) === 2;
    });
  },
  LONG_MS,
);

test(
  '600 transfers whose runs are gone: one sweep starts 500, the next 100',
  async () => {
    await jobThatPassedAll('many', 600);
    const first = await runPayoutScheduler(client, LONG_MS);
    expect(first).toMatchObject({ counts: { started: 500, failed: 0 } });
    expect(first.started).toHaveLength(500);
    let started = 500;
    await until(
      'the rest is started',
      async () => {
        const { counts } = await runPayoutScheduler(client, LONG_MS);
        started += counts.started;
        return started >= 600;
      },
      LONG_MS,
    );
    expect(started).toBe(600);
    expect(await runningTransfers('many')).toBe(600);
  },
  2 * LONG_MS,
);

test(
  'a worker that is killed in the middle of a sweep: another one takes the step that died and brings it to its end, as the same run',
  async () => {
    await settleUnstarted('killed');
    const { run_count: before } = await jobRow(SWEEP_NOW_ID);
    const { firstExecutionRunId: runId } = await bed.inTransaction(async (holder) => {
      // Nobody gets past this table, so the sweep is in the middle of its page when the worker dies.
      await holder.query('lock table payout_transfers, payout_jobs in access exclusive mode');
      const handle = await startSweepNow(client);
      await until('the sweep reads', async () => {
        const rows = await bed.rows(
          `select from pg_stat_activity where wait_event_type = 'Lock'
             and datname = current_database() and query like '%payout_jobs%'`,
        );
        return rows.length > 0;
      });
      worker.signal('SIGKILL');
      return handle;
    });
    await worker.ended;
    worker = await bed.worker();
    const report = await runPayoutScheduler(client, LONG_MS);
    // The dead step's heartbeats stop, so it is tried again within the time that the sweep has for it.
    expect(report).toMatchObject({ started: ['payout-job/killed'], failed: [] });
    expect((await client.workflow.getHandle(SWEEP_NOW_ID).describe()).runId).toBe(runId);
    expect(await jobRow(SWEEP_NOW_ID)).toMatchObject({
      status: 'succeeded',
      failure: null,
      run_count: before + 1,
    });
    expect((await bed.completed('killed')).job.outcome).toBe('paid');
  },
  LONG_MS,
);

test(
  'without a worker the answer says so, and a worker that comes later carries the sweep out',
  async () => {
    await worker.stop();
    await expect(runPayoutScheduler(client, 1_000)).rejects.toThrow(
      /^no worker has picked the sweep up within 1 s: is `payouts worker` running\?/,
    );
    worker = await bed.worker();
    await client.workflow.getHandle(SWEEP_NOW_ID).result();
    expect(await jobRow(SWEEP_NOW_ID)).toMatchObject({ status: 'succeeded' });
  },
  LONG_MS,
);

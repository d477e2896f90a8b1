/**
 * Goal: an operator gives payments up and takes that back from the command line; Temporal and the lists say so.
 * Method: the built command, a worker and a namespace of this file's own; the sandbox's own count says what was paid.
 */
import { WorkflowNotFoundError, type Client } from '@temporalio/client';

import type { CancelReport, RestoreReport, VoidReport } from '../../src/client/cancellation';
import type { SettlementReport } from '../../src/client/read-status';
import { cancelledTransfersQuery, unpaidTransfersQuery } from '../../src/client/saved-queries';
import type { PauseReport } from '../../src/client/show-pauses';
import { accountsOf, type Bed, settlementOf, timesPaid, until } from './bed';
import { startWorkerStack, type WorkerStack } from './worker-stack';

const LONG_MS = 300_000;
const WHY = ['--reason', 'the contest is void'] as const;

let stack: WorkerStack;
let bed: Bed;
let temporal: Client;

beforeAll(async () => {
  stack = await startWorkerStack('cancel');
  ({ bed, temporal } = stack);
}, LONG_MS);
afterAll(() => stack.close(), LONG_MS);

/** A settlement of which only the first winners have accounts: the others wait in open runs. @returns who waits */
async function givenWaiting(id: string, winners: number, connected: number): Promise<string[]> {
  const settlement = settlementOf(id, winners);
  const accounts = accountsOf(settlement).slice(0, connected);
  await bed.json('accounts', 'import', bed.file(`${id}-accounts.json`, accounts));
  await bed.json('settle', bed.file(`${id}.json`, settlement));
  await until(`${id} waits`, async () => {
    const { counts } = (await bed.look(id)).job;
    return counts.completed === connected && counts.blocked === winners - connected;
  });
  const { transfers } = await bed.look(id);
  const waiting = transfers.filter(({ status }) => status === 'blocked').map(({ id }) => id);
  // Who is not ready is marked so before his run is started.
  await Promise.all(waiting.map((each) => untilRun(each, 'RUNNING')));
  return waiting;
}

/** undefined while there is no run. */
const runState = async (id: string) =>
  temporal.workflow
    .getHandle(`transfer/${id}`)
    .describe()
    .then(
      ({ status }) => status.name,
      (error: unknown) => {
        if (error instanceof WorkflowNotFoundError) {
          return undefined;
        }
        throw error;
      },
    );

const untilRun = (id: string, state: string) =>
  until(`the run of ${id} is ${state}`, async () => (await runState(id)) === state, LONG_MS);

async function listed(query: string): Promise<string[]> {
  const ids: string[] = [];
  for await (const { workflowId } of temporal.workflow.list({ query })) {
    ids.push(workflowId.replace('transfer/', ''));
  }
  return ids.sort();
}

const countsOf = ({ job }: SettlementReport) => job.counts;

test(
  'a settlement’s unpaid winners are cancelled: their runs close as canceled and the job completes',
  async () => {
    const waiting = await givenWaiting('all', 4, 1);
    const report = await bed.json<CancelReport>('cancel', '--settlement', 'all', ...WHY);
    expect({ ...report, cancelled: [...report.cancelled].sort() }).toEqual({
      cancelled: [...waiting].sort(),
      requested: [],
      unchanged: [],
      refused: [],
    });
    for (const id of waiting) {
      await untilRun(id, 'CANCELLED');
    }
    const status = await bed.completed('all');
    expect(status.job).toMatchObject({ outcome: 'partially_paid', counts: { cancelled: 3 } });
    expect(timesPaid(status, await bed.oracle())).toEqual([1, 0]);
    const text = await bed.run(['status', 'all']);
    expect(text.stdout).toContain('cancelled: still owed');
    await until('Temporal lists them', async () => {
      const cancelled = await listed(cancelledTransfersQuery('contest-all'));
      return cancelled.join() === [...waiting].sort().join();
    });
    expect(await listed(unpaidTransfersQuery('contest-all'))).toEqual([]);
    expect(await bed.json<CancelReport>('cancel', '--settlement', 'all', ...WHY)).toMatchObject({
      cancelled: [],
      unchanged: expect.arrayContaining(waiting),
    });
    expect(await bed.json('verify', 'all')).toMatchObject({ ok: true });
  },
  LONG_MS,
);

test(
  'restored winners are paid once; voided ones never, and the books agree',
  async () => {
    const [restored, voided] = (await givenWaiting('back', 2, 0)) as [string, string];
    await bed.json<CancelReport>('cancel', '--settlement', 'back', ...WHY);
    await bed.completed('back');
    await bed.json(
      'accounts',
      'import',
      bed.file('back-accounts.json', accountsOf(settlementOf('back', 2))),
    );
    expect(await bed.json<VoidReport>('void', voided, ...WHY)).toEqual({
      voided: [voided],
      unchanged: [],
      refused: [],
    });
    expect(await bed.json('verify', 'back')).toMatchObject({ ok: true });
    expect(await bed.json<RestoreReport>('restore', restored, ...WHY)).toEqual({
      restored: [restored],
      refused: [],
    });
    await untilRun(restored, 'COMPLETED');
    const status = await bed.completed('back');
    expect(countsOf(status)).toMatchObject({ completed: 1, voided: 1 });
    const oracle = await bed.oracle();
    expect(oracle.byPayoutTransferId[restored]?.count).toBe(1);
    expect(oracle.byPayoutTransferId[voided]).toBeUndefined();
    const refused = await bed.run(['restore', voided, ...WHY, '--json']);
    expect(refused.code).toBe(1);
    expect(JSON.parse(refused.stdout)).toMatchObject({
      refused: [{ id: voided, code: 'already_voided' }],
    });
    const paid = await bed.run(['cancel', restored, ...WHY]);
    expect(paid).toMatchObject({ code: 1 });
    expect(paid.stdout).toContain('reverse it instead');
    expect(await bed.json('verify', 'back')).toMatchObject({ ok: true });
  },
  LONG_MS,
);

test(
  'a run that was cancelled in the Web UI goes on, and pays when the account comes',
  async () => {
    const [id] = (await givenWaiting('ui', 1, 0)) as [string];
    await temporal.workflow.getHandle(`transfer/${id}`).cancel();
    await bed.json(
      'accounts',
      'import',
      bed.file('ui-accounts.json', accountsOf(settlementOf('ui', 1))),
    );
    await untilRun(id, 'COMPLETED');
    expect(timesPaid(await bed.completed('ui'), await bed.oracle())).toEqual([1]);
  },
  LONG_MS,
);

test(
  'cancelled without Temporal: it stands in the database, and the same command closes the run',
  async () => {
    const [id] = (await givenWaiting('untold', 1, 0)) as [string];
    const away = await bed.run(['cancel', id, ...WHY], { TEMPORAL_ADDRESS: '127.0.0.1:1' });
    expect(away).toMatchObject({ code: 3, stdout: '' });
    expect(away.stderr).toContain('it stands in the database');
    expect(await bed.count('payout_transfers', `id = '${id}' and status = 'cancelled'`)).toBe(1);
    expect(await runState(id)).toBe('RUNNING');
    expect(await bed.json<CancelReport>('cancel', id, ...WHY)).toMatchObject({ unchanged: [id] });
    await untilRun(id, 'CANCELLED');
  },
  LONG_MS,
);

test(
  'restored without Temporal: the same command again is refused, and a sweep sends it',
  async () => {
    const [id] = (await givenWaiting('unstarted', 1, 0)) as [string];
    await bed.json<CancelReport>('cancel', id, ...WHY);
    await untilRun(id, 'CANCELLED');
    await bed.completed('unstarted');
    const accounts = accountsOf(settlementOf('unstarted', 1));
    await bed.json('accounts', 'import', bed.file('unstarted-accounts.json', accounts));
    const away = await bed.run(['restore', id, ...WHY], { TEMPORAL_ADDRESS: '127.0.0.1:1' });
    expect(away).toMatchObject({ code: 3, stdout: '' });
    expect(away.stderr).toContain('`payouts sweep` does it when Temporal is there again');
    expect(away.stderr).toContain('the same command again finds nobody to restore (not_cancelled)');
    const again = await bed.run(['restore', id, ...WHY, '--json']);
    expect(JSON.parse(again.stdout)).toMatchObject({ refused: [{ id, code: 'not_cancelled' }] });
    expect(await runState(id)).toBe('CANCELLED');
    await until('a sweep sends it', async () => {
      await bed.json('sweep');
      return (await runState(id)) === 'COMPLETED';
    });
    expect(timesPaid(await bed.completed('unstarted'), await bed.oracle())).toEqual([1]);
  },
  LONG_MS,
);

test(
  'a pause waits for the answer that is on its way and says how it ended',
  async () => {
    await bed.control('faults', {
      match: { method: 'POST', path: '/v1/transfers' },
      fault: { kind: 'delay', afterMs: 5_000 },
      times: 1,
    });
    const settlement = settlementOf('late', 1);
    await bed.json('accounts', 'import', bed.file('late-accounts.json', accountsOf(settlement)));
    await bed.json('settle', bed.file('late.json', settlement));
    await until('a send has begun', async () => {
      const begun = await bed.count(
        'payout_attempts',
        `answered_at is null and transfer_id in (select id from payout_transfers where settlement_id = 'late')`,
      );
      return begun === 1;
    });
    const paused = await bed.run(['pause', 'late', ...WHY, '--json']);
    expect(paused).toMatchObject({ code: 0 });
    expect(paused.stderr).toContain('waiting for 1 answers');
    expect(JSON.parse(paused.stdout) as PauseReport).toMatchObject({
      scope: 'late',
      paused: true,
      inFlight: [{ end: 'paid', attemptNumber: 1, stripeTransferId: expect.any(String) }],
    });
  },
  LONG_MS,
);

test.each([
  [['cancel', ...WHY], 'either one transfer'],
  [['void', 'x', '--settlement', 'all', ...WHY], 'either one transfer'],
  [['restore', 'x', ...WHY], 'transfer: found "x"'],
  [['cancel', 'x', '--reason', 'a\u0007b'], '--reason'],
  [['void', 'x', '--reason', ' '], '--reason'],
  [['cancel', 'x'], '--reason'],
])('payouts %p is wrong use', async (args, said) => {
  const { code, stderr, stdout } = await bed.run(args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(said);
});

test.each([['cancel'], ['restore'], ['void']])(
  'payouts %s names what is not recorded',
  async (command) => {
    const { code, stderr } = await bed.run([command, '--settlement', 'nowhere', ...WHY]);
    expect(code).toBe(1);
    expect(stderr).toContain('is not recorded here');
  },
);

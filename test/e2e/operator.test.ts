/**
 * Goal: an operator steers payments that are under way or over, from the command line and from a client of Temporal.
 * Method: the built command, a worker and a namespace of this file's own; the sandbox's own count says what was paid.
 */
import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';

import { freePort } from '../../local/free-port';
import type { RetryReport } from '../../src/client/retry';
import type { PauseReport } from '../../src/client/show-pauses';
import type { SettlementReport, TransferStatusRow } from '../../src/client/read-status';
import { transferIdOf } from '../../src/db/transfer-id';
import { DEFAULT_AWARD, transferGroup } from '../../src/domain/ids';
import { retryTransferUpdate } from '../../src/workflows/messages';
import {
  accountOf,
  accountsOf,
  API_KEY,
  type Bed,
  settlementOf,
  timesPaid,
  until,
  userOf,
} from './bed';
import { startWorkerStack, type WorkerStack } from './worker-stack';

const LONG_MS = 300_000;
const WHY = ['--reason', 'looked at it'] as const;

let stack: WorkerStack;
let bed: Bed;
let temporal: Client;

beforeAll(async () => {
  stack = await startWorkerStack('operator');
  ({ bed, temporal } = stack);
}, LONG_MS);
afterAll(() => stack.close(), LONG_MS);

/** A settlement whose winners have accounts, its job started. */
async function settle(id: string, winners: number): Promise<void> {
  const settlement = settlementOf(id, winners);
  await bed.json('accounts', 'import', bed.file(`${id}-accounts.json`, accountsOf(settlement)));
  await bed.json('settle', bed.file(`${id}.json`, settlement));
}

const refuseOnce = () =>
  bed.control('faults', {
    match: { method: 'POST', path: '/v1/transfers' },
    fault: { kind: 'status', status: 400, code: 'transfers_not_allowed' },
    times: 1,
  });

/** A transfer at Stripe that the product did not make. @returns its id */
async function payByHand(form: Readonly<Record<string, string>>): Promise<string> {
  const response = await fetch(`${bed.addresses.stripeApiBase}/v1/transfers`, {
    method: 'POST',
    headers: { authorization: `Bearer ${API_KEY}`, 'idempotency-key': randomUUID() },
    body: new URLSearchParams(form),
  });
  expect(response.status).toBe(200);
  return ((await response.json()) as { id: string }).id;
}

function theOne(status: SettlementReport, state: TransferStatusRow['status']): TransferStatusRow {
  const [row, second] = status.transfers.filter((transfer) => transfer.status === state);
  if (row === undefined || second !== undefined) {
    throw new Error(`not exactly one transfer is ${state}`);
  }
  return row;
}

async function untilStatus(id: string, state: string): Promise<void> {
  await until(
    `${id} is ${state}`,
    async () => (await bed.count('payout_transfers', `id = '${id}' and status = '${state}'`)) === 1,
    LONG_MS,
  );
}

test(
  'a winner who failed is paid after the run has failed and the job is complete; two clicks pay once',
  async () => {
    await refuseOnce();
    await settle('failed', 3);
    const before = await bed.completed('failed');
    const { id } = theOne(before, 'failed_terminal');
    const run = temporal.workflow.getHandle(`transfer/${id}`);
    await until('the run has failed', async () => (await run.describe()).status.name === 'FAILED');

    const clicks = await Promise.all([1, 2].map(() => bed.run(['retry', id, ...WHY, '--json'])));
    const reports = clicks.map(({ stdout }) => JSON.parse(stdout) as RetryReport);
    // The second finds it waiting for its turn, being sent or paid.
    expect(clicks.map(({ code }) => code)).toContain(0);
    expect(reports.flatMap(({ retried }) => retried)).toEqual([id]);

    const after = await bed.completed('failed');
    await untilStatus(id, 'completed');
    expect(timesPaid(after, await bed.oracle())).toEqual([1]);
    await until('it ran again', async () => (await run.describe()).status.name === 'COMPLETED');
    await bed.completed('failed');
    expect(await bed.count('operator_actions', `action = 'retry'`)).toBe(1);

    const refused = await bed.run(['retry', id, ...WHY]);
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.stdout).toContain('it is paid');
    const known = await bed.run(['resolve', id, '--unpaid', ...WHY]);
    expect(known).toMatchObject({ code: 1 });
    expect(known.stdout).toContain('reverse that one at Stripe');
  },
  LONG_MS,
);

test(
  'a retry without Temporal stands in the database and says so; settling again sends it',
  async () => {
    await refuseOnce();
    await settle('untold', 1);
    const { id } = theOne(await bed.completed('untold'), 'failed_terminal');
    const address = `127.0.0.1:${(await freePort()).toString()}`;
    const retried = await bed.run(['retry', id, ...WHY, '--json'], { TEMPORAL_ADDRESS: address });
    expect(retried).toMatchObject({ code: 3, stdout: '' });
    expect(retried.stderr).toContain(
      '1 wait for their turn in the database. Temporal was not told',
    );
    expect(retried.stderr).toContain(address);
    await bed.json('settle', bed.file('untold.json', settlementOf('untold', 1)));
    await untilStatus(id, 'completed');
    expect(timesPaid(await bed.completed('untold'), await bed.oracle())).toEqual([1]);
  },
  LONG_MS,
);

test(
  'two transfers at Stripe for one debt: nobody is paid again, and a person says which one paid',
  async () => {
    const { contestId, winners } = settlementOf('stated', 1);
    const [{ userId, amountMinor }] = winners as [(typeof winners)[0]];
    const award = DEFAULT_AWARD;
    const id = transferIdOf({ installationId: 'local', contestId, userId, award });
    const form = {
      amount: amountMinor.toString(),
      currency: 'usd',
      destination: accountOf(userId),
      transfer_group: transferGroup('stated'),
      'metadata[payout_transfer_id]': id,
      'metadata[settlement_id]': 'stated',
      'metadata[installation_id]': 'local',
    };
    const [stripeTransferId] = [await payByHand(form), await payByHand(form)];
    await settle('stated', 1);
    await untilStatus(id, 'unknown');
    const { posts } = await bed.oracle();
    expect(await bed.json('resolve', id, '--paid', stripeTransferId, ...WHY)).toEqual({
      id,
      status: 'completed',
    });
    expect(theOne(await bed.completed('stated'), 'completed')).toMatchObject({ stripeTransferId });
    expect((await bed.oracle()).posts).toBe(posts);
    // The alarm about the second transfer stays until a person lifts it.
    expect(await bed.json<PauseReport>('resume', 'stated', ...WHY)).toMatchObject({
      changed: true,
      paused: false,
    });
  },
  LONG_MS,
);

test(
  'every failed winner of a settlement is retried at once',
  async () => {
    await refuseOnce();
    await refuseOnce();
    await settle('many', 4);
    await bed.completed('many');
    const report = await bed.json<RetryReport>('retry', '--settlement', 'many', '--failed', ...WHY);
    expect(report).toMatchObject({
      retried: [expect.any(String), expect.any(String)],
      refused: [],
    });
    await Promise.all(report.retried.map((id) => untilStatus(id, 'completed')));
    const status = await bed.completed('many');
    expect(timesPaid(status, await bed.oracle())).toEqual([1]);
  },
  LONG_MS,
);

describe('a retry that ends between the database and Temporal', () => {
  /** One of three winners has no account, one is paid, and one failed, whose job goes on after it has passed all. */
  const givenRetryUntold = async (id: string): Promise<string> => {
    const settlement = settlementOf(id, 3);
    const [, ...connected] = accountsOf(settlement);
    await bed.json('accounts', 'import', bed.file(`${id}-accounts.json`, connected));
    await refuseOnce();
    await bed.json('settle', bed.file(`${id}.json`, settlement));
    await until('one failed, one is paid, one waits', async () => {
      const states = (await bed.look(id)).transfers.map(({ status }) => status).sort();
      return states.join() === 'blocked,completed,failed_terminal';
    });
    const failed = theOne(await bed.look(id), 'failed_terminal');
    const run = temporal.workflow.getHandle(`transfer/${failed.id}`);
    await until('the run has failed', async () => (await run.describe()).status.name === 'FAILED');
    const open = `PayoutSettlementId="${id}" AND ExecutionStatus="Running"`;
    // The job and the winner who waits.
    await until(
      'Temporal lists it so',
      async () => (await temporal.workflow.count(open)).count === 2,
    );
    const job = temporal.workflow.getHandle(`payout-job/${id}`);
    await until(
      'the job has passed all',
      async () => (await job.query<{ phase: string }>('cursor')).phase === 'done',
    );

    const away = await bed.run(['retry', failed.id, ...WHY], { TEMPORAL_ADDRESS: '127.0.0.1:1' });
    expect(away.code).not.toBe(0);
    expect(away.stderr).toContain('`payouts sweep` does it when Temporal is there again');
    await untilStatus(failed.id, 'retryable');
    return failed.id;
  };

  const expectPaidOnce = async (settlementId: string, id: string): Promise<void> => {
    await untilStatus(id, 'completed');
    const paid = timesPaid(await bed.status(settlementId), await bed.oracle());
    // The winner without an account is not paid.
    expect(paid).toEqual([1, 0]);
  };

  test(
    'the same command again sends it',
    async () => {
      const id = await givenRetryUntold('untold-one');
      const again = await bed.run(['retry', id, ...WHY, '--json']);
      expect(again.code).toBe(0);
      expect(JSON.parse(again.stdout)).toEqual({ retried: [], toldAgain: [id], refused: [] });
      await expectPaidOnce('untold-one', id);
    },
    LONG_MS,
  );

  test(
    'retrying every failed winner of the settlement sends it too',
    async () => {
      const id = await givenRetryUntold('untold-all');
      const again = await bed.run(['retry', '--settlement', 'untold-all', '--failed', ...WHY]);
      expect(again).toMatchObject({ code: 0 });
      expect(again.stdout).toContain(`told again: ${id}`);
      await expectPaidOnce('untold-all', id);
    },
    LONG_MS,
  );

  test(
    'the same settlement file again sends it, and is answered as before',
    async () => {
      const id = await givenRetryUntold('untold-file');
      const file = bed.file('untold-file.json', settlementOf('untold-file', 3));
      expect(await bed.json('settle', file)).toEqual({
        settlementId: 'untold-file',
        workflowId: 'payout-job/untold-file',
        runId: expect.any(String),
        created: false,
        transfers: 3,
        totalMinor: 3_003,
        currency: 'usd',
      });
      await expectPaidOnce('untold-file', id);
    },
    LONG_MS,
  );
});

test(
  'a waiting winner is retried by an update from a client, and refused malformed ones',
  async () => {
    const account = accountOf(userOf('waiting', 0));
    await bed.control('accounts', { id: account, state: 'inactive' });
    await settle('waiting', 1);
    const [{ id } = { id: '' }] = (await bed.status('waiting')).transfers;
    await untilStatus(id, 'blocked');
    await bed.control('accounts', { id: account, state: 'active' });
    const [row] = (await bed.status('waiting')).transfers;
    const run = temporal.workflow.getHandle(`transfer/${id}`);
    const request = {
      actor: 'alex',
      reason: 'ticket-17',
      seenStatus: row!.status,
      seenAttemptCount: row!.attemptCount,
      seenReason: row!.failureReason,
    };
    const update = (wish: object) =>
      run.executeUpdate(retryTransferUpdate, { args: [{ ...request, ...wish }] });
    await expect(update({ reason: '' })).rejects.toMatchObject({
      cause: { message: 'malformed: reason' },
    });
    expect(await update({ seenAttemptCount: 7 })).toBe('moved_since');
    expect(await update({})).toBe('retried');
    await bed.completed('waiting');
    expect(timesPaid(await bed.status('waiting'), await bed.oracle())).toEqual([1]);
  },
  LONG_MS,
);

test(
  'under a pause nobody is paid; resuming pays everybody; each says what stands',
  async () => {
    const paused = await bed.json<PauseReport>('pause', ...WHY);
    expect(paused).toMatchObject({
      scope: 'everything',
      paused: true,
      changed: true,
      inFlight: [],
    });
    expect(await bed.json<PauseReport>('pause', ...WHY)).toMatchObject({ changed: false });
    const { posts } = await bed.oracle();
    await settle('paused', 5);
    expect(await bed.json<PauseReport>('pause', 'paused', ...WHY)).toMatchObject({
      scope: 'paused',
      paused: true,
      changed: true,
    });
    // Paused for itself and with everything: its own being lifted does not let it go.
    expect(await bed.json<PauseReport>('resume', 'paused', ...WHY)).toMatchObject({
      scope: 'paused',
      paused: true,
      inForce: [{ scope: 'everything' }],
    });
    await bed.json<PauseReport>('pause', 'paused', ...WHY);
    expect(await bed.json<PauseReport>('resume', ...WHY)).toMatchObject({
      scope: 'everything',
      paused: false,
      inForce: [{ scope: 'paused', cause: 'operator', reason: 'looked at it' }],
    });
    expect((await bed.oracle()).posts).toBe(posts);
    expect(await bed.json<PauseReport>('resume', 'paused', ...WHY)).toMatchObject({
      scope: 'paused',
      paused: false,
      inFlight: [],
    });
    const status = await bed.completed('paused');
    expect(timesPaid(status, await bed.oracle())).toEqual([1]);
  },
  LONG_MS,
);

test.each([
  [['pause'], '--reason'],
  [['pause', '--reason', ' '], '--reason'],
  [['pause', '--reason', 'a\nb'], '--reason'],
  [['pause', 'no id', ...WHY], 'settlement: found "no id"'],
  [['retry', ...WHY], 'either one transfer'],
  [['retry', 'tr_1', ...WHY], 'transfer: found "tr_1"'],
  [['retry', '--settlement', 'failed', ...WHY], 'either one transfer'],
  [['resolve', '00000000-0000-5000-8000-000000000000', ...WHY], '--paid'],
  [['resolve', 'x', '--paid', 'ch_1', ...WHY], '--paid: found "ch_1"'],
])('payouts %p is wrong use', async (args, said) => {
  const { code, stderr, stdout } = await bed.run(args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(said);
});

test.each([
  [['status', 'nowhere']],
  [['verify', 'nowhere']],
  [['pause', 'nowhere', ...WHY]],
  [['resume', 'nowhere', ...WHY]],
  [['retry', '--settlement', 'nowhere', '--failed', ...WHY]],
  [['retry', '00000000-0000-5000-8000-000000000000', ...WHY]],
  [['resolve', '00000000-0000-5000-8000-000000000000', '--unpaid', ...WHY]],
])('payouts %p names what is not recorded', async (args) => {
  const { code, stderr, stdout } = await bed.run(args);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain('is not recorded here');
});

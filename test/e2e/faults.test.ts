/**
 * Goal: trouble at Stripe, with payees and with workers pays nobody twice, and says of nobody that he is paid who is not.
 * Method: one stack with faults from the sandbox and workers that are killed or stopped in the middle of a run.
 */
import { SWEEP_ID } from '../../src/domain/ids';
import { unpaidTransfersQuery } from '../../src/client/saved-queries';
import { Client, Connection } from '@temporalio/client';

import { startLocalStack, type LocalStack } from '../../local/stack';
import type { SettlementReport } from '../../src/client/read-status';
import { STRIPE_LIST_TRIES_MAX } from '../../src/domain/limits';
import type { TestProcess } from '../support/processes';
import {
  accountOf,
  accountsOf,
  API_KEY,
  Bed,
  falselyPaid,
  settlementOf,
  TEMPORAL_KIND,
  timesPaid,
  until,
  userOf,
} from './bed';

const LONG_MS = 300_000;
/** There is a middle of a settlement for seconds, also for a test that is kept from running meanwhile. */
const SLOWLY = { STRIPE_REQUESTS_PER_SECOND: '15' };

let stack: LocalStack;
let bed: Bed;
let temporal: Client;
let connection: Connection;
/** The worker that runs now; tests that end it start the next one. */
let worker: TestProcess;

/** A settlement whose winners all have accounts, except those named. */
async function settle(id: string, count: number, without: readonly string[] = []): Promise<void> {
  const settlement = settlementOf(id, count);
  const accounts = accountsOf(settlement).filter(({ userId }) => !without.includes(userId));
  await bed.json('accounts', 'import', bed.file(`${id}-accounts.json`, accounts));
  await bed.json('settle', bed.file(`${id}.json`, settlement));
}

/** Waits until the sandbox has paid this many winners of a settlement. */
async function untilPaid(id: string, count: number): Promise<void> {
  const transfers = await bed.rows<{ id: string }>(
    'select id from payout_transfers where settlement_id = $1',
    [id],
  );
  await until(`${count.toString()} winners of ${id} are paid`, async () => {
    const { byPayoutTransferId } = await bed.oracle();
    return transfers.filter((row) => byPayoutTransferId[row.id] !== undefined).length >= count;
  });
}

function transferOf(status: SettlementReport, userId: string) {
  const transfer = status.transfers.find((row) => row.userId === userId);
  if (transfer === undefined) {
    throw new Error(`${userId} has no transfer`);
  }
  return transfer;
}

const KILLED_WINNERS = 60;

/**
 * The first thing that happens is the worst: a worker is killed in the middle of sixty payments. Temporal notices it
 * only when the activities time out, so the other tests go on meanwhile and the last one looks at the result.
 */
async function killWorkerInTheMiddle(): Promise<void> {
  // Answers take a moment, so that some are on their way whenever the worker dies.
  await bed.control('faults', {
    match: { method: 'POST', transferGroup: 'settlement:killed' },
    fault: { kind: 'delay', afterMs: 250 },
    times: KILLED_WINNERS,
  });
  await settle('killed', KILLED_WINNERS);
  await untilPaid('killed', 15);
  worker.signal('SIGKILL');
  await worker.ended;
}

beforeAll(async () => {
  stack = await startLocalStack({ stripe: true, fsync: false, temporal: TEMPORAL_KIND });
  const { databaseUrl, temporalAddress, stripeApiBase = '' } = stack;
  bed = new Bed({ databaseUrl, temporalAddress, stripeApiBase }, SLOWLY);
  connection = await Connection.connect({ address: temporalAddress });
  temporal = new Client({ connection });
  await bed.json('setup');
  worker = await bed.worker();
  await killWorkerInTheMiddle();
}, LONG_MS);

afterAll(async () => {
  await connection.close();
  await bed.close();
  await stack.stop();
}, LONG_MS);

test('a worker that is killed leaves winners unpaid, and none is called paid who is not', async () => {
  const status = await bed.status('killed');
  expect(falselyPaid(status, await bed.oracle())).toEqual([]);
  expect(status.job.counts.completed).toBeLessThan(KILLED_WINNERS);
  expect(status.job.status).toBe('processing');
  const onTheirWay = await bed.count('payout_attempts', 'answered_at is null');
  expect(onTheirWay).toBeGreaterThan(0);
  worker = await bed.worker();
});

describe('five incidents in one settlement', () => {
  const ID = 'incidents';
  const [lost, slowDown, unavailable, missing, closed] = [0, 1, 2, 3, 4].map((index) =>
    userOf(ID, index),
  ) as [string, string, string, string, string];
  const WINNERS = 12;

  beforeAll(async () => {
    const faultOf = (userId: string, fault: object) =>
      bed.control('faults', {
        match: { method: 'POST', path: '/v1/transfers', destination: accountOf(userId) },
        fault,
      });
    await faultOf(lost, { kind: 'drop_after' });
    await faultOf(slowDown, { kind: 'status', status: 429, code: 'rate_limit' });
    await faultOf(unavailable, { kind: 'status', status: 503 });
    await bed.control('accounts', { id: accountOf(closed), state: 'closed' });
    await settle(ID, WINNERS, [missing]);
  });

  test(
    'the trouble heals or is explained, and nobody is called paid before',
    async () => {
      const status = await until(
        'ten paid, one waits, one failed',
        async () => {
          const now = await bed.look(ID);
          // The oracle is asked after the rows: who is completed in them must be paid in it.
          expect(falselyPaid(now, await bed.oracle())).toEqual([]);
          const { completed, blocked, failed_terminal: failed } = now.job.counts;
          return completed === 10 && blocked === 1 && failed === 1 && now;
        },
        LONG_MS,
      );
      expect(status.job).toMatchObject({ status: 'processing', outcome: 'partially_paid' });
      for (const userId of [lost, slowDown, unavailable]) {
        expect(transferOf(status, userId)).toMatchObject({ status: 'completed', attemptCount: 2 });
      }
      expect(transferOf(status, missing)).toMatchObject({
        status: 'blocked',
        failureClass: 'payee',
        failureReason: 'payee_account_missing',
        attemptCount: 0,
        stripeTransferId: null,
      });
      expect(transferOf(status, closed)).toMatchObject({
        status: 'failed_terminal',
        failureClass: 'payee',
        failureReason: 'payee_account_closed',
        attemptCount: 1,
        stripeTransferId: null,
      });
      const { byPayoutTransferId } = await bed.oracle();
      expect(byPayoutTransferId[transferOf(status, lost).id]?.count).toBe(1);
      expect(byPayoutTransferId[transferOf(status, closed).id]).toBeUndefined();
    },
    LONG_MS,
  );

  test('status says to a person who is not paid and why', async () => {
    const { code, stdout } = await bed.run(['status', ID]);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`${missing}.*10\\.03 USD.*blocked.*payee_account_missing`));
    expect(stdout).toMatch(
      new RegExp(`${closed}.*10\\.04 USD.*failed_terminal.*payee_account_closed`),
    );
    expect(stdout).toContain('import it and the payment goes on');
    expect(stdout).toContain(
      `${ID}: job processing, partially_paid; 1 blocked, 10 completed, 1 failed_terminal of 12`,
    );
  });

  async function listed(query: string): Promise<string[]> {
    const ids: string[] = [];
    for await (const { workflowId } of temporal.workflow.list({ query })) {
      ids.push(workflowId);
    }
    return ids;
  }

  test('the saved queries find exactly the one who waits and the one who failed', async () => {
    const status = await bed.status(ID);
    const inContest = `PayoutContestId="contest-${ID}" AND WorkflowType="TransferWorkflow"`;
    const workflowOf = (userId: string) => `transfer/${transferOf(status, userId).id}`;
    await until('the closed run is listed', async () => {
      return (await listed(`${inContest} AND ExecutionStatus="Failed"`)).length > 0;
    });
    const unpaid = await listed(unpaidTransfersQuery(`contest-${ID}`));
    expect(unpaid.sort()).toEqual([workflowOf(missing), workflowOf(closed)].sort());
    const waiting = `${inContest} AND ExecutionStatus="Running" AND PayoutState="blocked"`;
    expect(await listed(waiting)).toEqual([workflowOf(missing)]);
    expect(await listed(`${inContest} AND ExecutionStatus="Failed"`)).toEqual([workflowOf(closed)]);
    expect(await listed(`${inContest} AND PayoutFailureClass="payee"`)).toHaveLength(2);
    expect(
      await listed(
        `PayoutSettlementId="${ID}" AND PayoutFailedCount=1 AND PayoutState="processing"`,
      ),
    ).toEqual([`payout-job/${ID}`]);
  });

  test.each([
    ['missing', 'payee_account_missing', '10.03 USD', 'RUNNING'],
    ['closed', 'payee_account_closed', '10.04 USD', 'FAILED'],
  ] as const)('the run of the %s account shows reason and amount', async (who, ...expected) => {
    const [reason, amount, runStatus] = expected;
    const status = await bed.status(ID);
    const { id } = transferOf(status, who === 'missing' ? missing : closed);
    const handle = temporal.workflow.getHandle(`transfer/${id}`);
    const description = await handle.describe();
    expect(description.status.name).toBe(runStatus);
    expect(description.memo).toEqual({ reason });
    const metadata: unknown = await handle.query('__temporal_workflow_metadata');
    const details = JSON.stringify(metadata);
    expect(details).toContain(reason);
    expect(details).toContain(amount);
    if (runStatus === 'FAILED') {
      await expect(handle.result()).rejects.toMatchObject({ cause: { message: reason } });
    }
  });

  test('an imported account frees the winner, who would look again in an hour, and the job completes', async () => {
    const file = bed.file('late.csv', `userId,stripeAccountId\n${missing},${accountOf(missing)}\n`);
    expect(await bed.json('accounts', 'import', file)).toMatchObject({ imported: 1 });
    const status = await bed.completed(ID);
    expect(status.job.outcome).toBe('partially_paid');
    expect(transferOf(status, missing)).toMatchObject({
      status: 'completed',
      failureReason: null,
      attemptCount: 1,
    });
    const oracle = await bed.oracle();
    expect(falselyPaid(status, oracle)).toEqual([]);
    expect(timesPaid(status, oracle)).toEqual([1, 0]);
  });
});

test(
  'SIGTERM in the middle drains: no send is cut, exit code 0, and the next worker finishes',
  async () => {
    await bed.control('faults', {
      match: { method: 'POST', transferGroup: 'settlement:drained' },
      fault: { kind: 'delay', afterMs: 300 },
      times: 40,
    });
    await settle('drained', 40);
    await untilPaid('drained', 8);
    const { code, stderr } = await worker.stop();
    expect({ code, drained: stderr.includes('worker has drained') }).toEqual({
      code: 0,
      drained: true,
    });
    const ofDrained = `transfer_id in (select id from payout_transfers where settlement_id = 'drained')`;
    const left = await bed.status('drained');
    expect(left.job.counts.completed).toBeGreaterThanOrEqual(8);
    expect(left.job.counts.completed).toBeLessThan(40);
    expect(await bed.count('payout_attempts', `answered_at is null and ${ofDrained}`)).toBe(0);

    worker = await bed.worker();
    const status = await bed.completed('drained');
    const oracle = await bed.oracle();
    expect(falselyPaid(status, oracle)).toEqual([]);
    expect(timesPaid(status, oracle)).toEqual([1]);
    expect(await bed.count('payout_attempts', ofDrained)).toBe(40);
  },
  LONG_MS,
);

test(
  'a list that Stripe does not give pauses its settlement, which says why and goes on by itself',
  async () => {
    await bed.control('faults', {
      match: { method: 'GET', path: '/v1/transfers', transferGroup: 'settlement:unlisted' },
      fault: { kind: 'status', status: 503 },
      times: STRIPE_LIST_TRIES_MAX,
    });
    await settle('unlisted', 3);
    const stopped = await until(
      'the pause',
      async () => {
        const status = await bed.look('unlisted');
        return status.pauses.length > 0 && status;
      },
      LONG_MS,
    );
    expect(stopped).toMatchObject({
      job: { counts: { pending: 3 } },
      pauses: [{ scope: 'unlisted', cause: 'stripe_list_unreadable', owner: 'automation' }],
    });
    const { stdout } = await bed.run(['status', 'unlisted']);
    expect(stdout).toContain('paused: unlisted, stripe_list_unreadable, since');
    const job = temporal.workflow.getHandle('payout-job/unlisted');
    await until('the job shows it', async () =>
      JSON.stringify(await job.query('__temporal_workflow_metadata')).includes(
        'stripe_list_unreadable',
      ),
    );
    // Not to wait out the minute after which it reads again.
    await job.signal('changed');
    const status = await bed.completed('unlisted');
    expect(status.pauses).toEqual([]);
    expect(timesPaid(status, await bed.oracle())).toEqual([1]);
  },
  LONG_MS,
);

test(
  'the winners of the killed worker are all paid once, also those whose answer it did not hear',
  async () => {
    const status = await bed.completed('killed', LONG_MS);
    const oracle = await bed.oracle();
    expect(status.job.outcome).toBe('paid');
    expect(falselyPaid(status, oracle)).toEqual([]);
    expect(timesPaid(status, oracle)).toEqual([1]);
    expect(status.transfers.some(({ attemptCount }) => attemptCount > 1)).toBe(true);
    const sums = await bed.rows<{ sum: string }>(
      'select sum(amount_minor) as sum from ledger_entries group by ledger_transaction_id, currency',
    );
    expect(new Set(sums.map(({ sum }) => sum))).toEqual(new Set(['0']));
  },
  LONG_MS,
);

/** All that a history says, with its payloads in clear: they are base64 in its JSON. */
function textOf(history: unknown): string {
  return JSON.stringify(history, (key, value: unknown) =>
    key === 'data' && typeof value === 'string'
      ? Buffer.from(value, 'base64').toString('utf8')
      : value,
  );
}

test('no key, password or account stands in any history, id, search attribute or memo', async () => {
  const secrets = [API_KEY, new URL(stack.databaseUrl).password, 'acct_'];
  let histories = 0;
  const found: string[] = [];
  for await (const execution of temporal.workflow.list()) {
    const { workflowId, runId, memo, typedSearchAttributes: attributes } = execution;
    const history = await temporal.workflow.getHandle(workflowId, runId).fetchHistory();
    const payloads = textOf(history);
    const text = `${workflowId} ${JSON.stringify({ memo, attributes })} ${payloads}`;
    histories += 1;
    found.push(...secrets.filter((secret) => text.includes(secret)).map(() => workflowId));
    // The look itself can see into payloads: every input names its contest, but that of the schedule's sweep its row.
    const isSweep = workflowId.startsWith(SWEEP_ID);
    const seen = isSweep ? SWEEP_ID : String.raw`\"contestId\":\"contest-`;
    expect(payloads.includes(seen)).toBe(true);
  }
  expect(found).toEqual([]);
  expect(histories).toBeGreaterThanOrEqual(KILLED_WINNERS + 12 + 40);
});

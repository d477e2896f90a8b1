/**
 * Goal: `payouts verify` says ok when Postgres, ledger, workflows and Stripe agree, and names what does not.
 * Method: settlements are paid by a real worker against the sandbox; then each disagreement is made by raw calls to the
 * sandbox, by SQL behind the triggers, or by ending a workflow; the built command looks.
 */
import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { sql } from 'drizzle-orm';

import { freePort } from '../../local/free-port';
import type { VerifyBreak, VerifyReport } from '../../src/client/verify/verify-report';
import { inTransaction } from '../../src/db/database';
import { postLedger } from '../../src/db/ledger';
import { overpaidLedgerKey, reversalLedgerKey } from '../../src/domain/ids';
import { overpaidPosting, reversalPosting } from '../../src/domain/ledger';
import { accountsOf, API_KEY, settlementOf, until, type Bed } from '../e2e/bed';
import { startWorkerStack, type WorkerStack } from '../e2e/worker-stack';
import type { TestProcess } from '../support/processes';

const LONG_MS = 300_000;
/** Each test breaks one of its own: `<name>-u000` is paid, `<name>-u001` waits for an account. */
const SETTLEMENTS = [
  'whole',
  'there',
  'here',
  'twice',
  'overpaid',
  'amount',
  'reversed',
  'stranger',
  'lostrun',
  'lostjob',
  'falserun',
  'endedrun',
  'passed',
  'tampered',
] as const;
type Name = (typeof SETTLEMENTS)[number];

interface Row {
  readonly id: string;
  readonly stripe_transfer_id: string | null;
}

let stack: WorkerStack;
let bed: Bed;
let temporal: Client;

beforeAll(async () => {
  stack = await startWorkerStack('verify');
  ({ bed, temporal } = stack);
  const settlements = SETTLEMENTS.map((name) => settlementOf(name, name === 'tampered' ? 1 : 2));
  const accounts = settlements.flatMap((settlement) => accountsOf(settlement).slice(0, 1));
  await bed.json('accounts', 'import', bed.file('accounts.json', accounts));
  for (const settlement of settlements) {
    await bed.json('settle', bed.file(`${settlement.settlementId}.json`, settlement));
  }
  await until(
    'who can be paid is paid',
    async () =>
      (await bed.count('payout_transfers', `status = 'completed'`)) === SETTLEMENTS.length &&
      (await bed.count('payout_transfers', `status = 'blocked'`)) === SETTLEMENTS.length - 1 &&
      (await bed.count('payout_jobs', `status = 'complete'`)) === 1,
    LONG_MS,
  );
  // Runs of paid transfers close a moment after their rows.
  await until('closed runs are listed', async () => {
    const { count } = await temporal.workflow.count(
      'ExecutionStatus="Completed" AND WorkflowType!="PayoutSweepWorkflow"',
    );
    return count === SETTLEMENTS.length + 1;
  });
  await stack.worker.stop();
  // Old enough that nothing is excused for being new.
  await bed.rows(`update payout_jobs set created_at = created_at - interval '1 hour'`);
}, LONG_MS);

afterAll(() => stack.close());

async function rowOf(name: Name, winner: 0 | 1): Promise<Row> {
  const [row] = await bed.rows<Row>(
    'select id, stripe_transfer_id from payout_transfers where user_id = $1',
    [`${name}-u00${winner.toString()}`],
  );
  return row!;
}

async function verifyBroken(name: Name): Promise<VerifyReport> {
  const { code, stdout, stderr } = await bed.run(['verify', name, '--json']);
  expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
  return JSON.parse(stdout) as VerifyReport;
}

function breaksOf(report: VerifyReport): VerifyBreak[] {
  return report.checks.flatMap(({ breaks }) => breaks);
}

async function post(path: string, form: Record<string, string>): Promise<string> {
  const response = await fetch(`${bed.addresses.stripeApiBase}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${API_KEY}`, 'idempotency-key': randomUUID() },
    body: new URLSearchParams(form),
  });
  expect(response.status).toBe(200);
  return ((await response.json()) as { id: string }).id;
}

/** A transfer at Stripe that says it is ours. */
function payByHand(
  name: Name | 'forgotten',
  transferId: string,
  installationId = 'local',
): Promise<string> {
  return post('/v1/transfers', {
    amount: '777',
    currency: 'usd',
    destination: 'acct_byHand',
    transfer_group: `settlement:${name}`,
    'metadata[payout_transfer_id]': transferId,
    'metadata[settlement_id]': name,
    'metadata[installation_id]': installationId,
  });
}

/** What only the owner of the tables can do. */
async function behindTheTriggers(table: string, statement: string): Promise<void> {
  await bed.rows(`alter table ${table} disable trigger user`);
  await bed.rows(statement);
  await bed.rows(`alter table ${table} enable trigger user`);
}

// First, while everything is whole.
test('everything agrees: all checks hold, the sums of both sides are equal, exit 0', async () => {
  await payByHand('whole', randomUUID(), 'another');
  const report = await bed.json<VerifyReport>('verify');
  expect(breaksOf(report)).toEqual([]);
  expect(report.ok).toBe(true);
  expect(report.checks.length).toBeGreaterThan(40);
  const paid = SETTLEMENTS.length * 1_000;
  const payable = (SETTLEMENTS.length - 1) * 1_001;
  expect(report.totals).toEqual({
    usd: {
      settledMinor: paid + payable,
      paidHereMinor: paid,
      paidAtStripeMinor: paid,
      reversedMinor: 0,
      payableMinor: payable,
    },
  });
  const one = await bed.run(['verify', 'whole']);
  expect(one).toMatchObject({ code: 0, stderr: '' });
  expect(one.stdout).toContain('checks hold');
  expect(one.stdout).toContain('what Stripe paid is in the ledger');
  expect(one.stdout).not.toContain('BROKEN');
});

// Also while everything else is whole.
test('paid at Stripe for a settlement that is not recorded: found without an argument', async () => {
  const transferId = randomUUID();
  const stripeTransferId = await payByHand('forgotten', transferId);
  const back = await payByHand('forgotten', randomUUID());
  await post(`/v1/transfers/${back}/reversals`, { amount: '777' });
  await payByHand('forgotten', randomUUID(), 'another');
  const { code, stdout } = await bed.run(['verify', '--json']);
  const report = JSON.parse(stdout) as VerifyReport;
  expect(breaksOf(report)).toEqual([
    {
      kind: 'paid_there_not_here',
      settlementId: 'forgotten',
      transferId,
      stripeTransferId,
      hereMinor: 0,
      stripeMinor: 777,
      currency: 'usd',
    },
  ]);
  expect({ code, ok: report.ok }).toEqual({ code: 1, ok: false });
  expect(report.totals['usd']).toMatchObject({
    paidHereMinor: SETTLEMENTS.length * 1_000,
    paidAtStripeMinor: SETTLEMENTS.length * 1_000 + 2 * 777,
    reversedMinor: 777,
  });
  expect((await bed.run(['verify', 'whole'])).code).toBe(0);
});

test('paid at Stripe and not here', async () => {
  const { id } = await rowOf('there', 1);
  const stripeTransferId = await payByHand('there', id);
  expect(breaksOf(await verifyBroken('there'))).toEqual([
    {
      kind: 'paid_there_not_here',
      settlementId: 'there',
      transferId: id,
      stripeTransferId,
      hereMinor: 0,
      stripeMinor: 777,
      currency: 'usd',
    },
  ]);
});

test('paid here and not at Stripe; the text names it too', async () => {
  const { id } = await rowOf('here', 0);
  await behindTheTriggers(
    'ledger_transactions',
    `update ledger_transactions set stripe_transfer_id = 'tr_neverMade' where transfer_id = '${id}'`,
  );
  const breaks = breaksOf(await verifyBroken('here'));
  expect(breaks).toContainEqual({
    kind: 'paid_here_not_there',
    settlementId: 'here',
    transferId: id,
    stripeTransferId: 'tr_neverMade',
    hereMinor: 1_000,
    stripeMinor: 0,
    currency: 'usd',
  });
  const { code, stdout } = await bed.run(['verify', 'here']);
  expect(code).toBe(1);
  expect(stdout).toMatch(/what the ledger says was paid, Stripe has paid +│ BROKEN/);
  expect(stdout).toMatch(new RegExp(`paid_here_not_there +here +${id} +tr_neverMade`));
});

test('paid twice at Stripe', async () => {
  const { id } = await rowOf('twice', 0);
  const stripeTransferId = await payByHand('twice', id);
  const breaks = breaksOf(await verifyBroken('twice'));
  expect(breaks.map(({ kind }) => kind).sort()).toEqual(['paid_there_not_here', 'paid_twice']);
  expect(breaks).toContainEqual(
    expect.objectContaining({ kind: 'paid_twice', transferId: id, stripeTransferId }),
  );
});

test('a second transfer of a debt, booked as overpaid, came back at Stripe and not here', async () => {
  const { id } = await rowOf('overpaid', 0);
  const stripeTransferId = await payByHand('overpaid', id);
  await inTransaction(bed.database, (executor) =>
    postLedger(executor, {
      idempotencyKey: overpaidLedgerKey(stripeTransferId),
      kind: 'overpaid',
      settlementId: 'overpaid',
      transferId: id,
      attemptNumber: 0,
      stripeTransferId,
      entries: overpaidPosting(777, 'usd'),
    }),
  );
  expect(breaksOf(await verifyBroken('overpaid'))).toMatchObject([{ kind: 'paid_twice' }]);
  await post(`/v1/transfers/${stripeTransferId}/reversals`, { amount: '777' });
  expect(breaksOf(await verifyBroken('overpaid'))).toEqual([
    {
      kind: 'reversed',
      settlementId: 'overpaid',
      transferId: id,
      stripeTransferId,
      hereMinor: 0,
      stripeMinor: 777,
      currency: 'usd',
    },
  ]);
});

test('another amount here than at Stripe', async () => {
  const { id, stripe_transfer_id: stripeTransferId } = await rowOf('amount', 0);
  await behindTheTriggers(
    'ledger_entries',
    `update ledger_entries set amount_minor = amount_minor * 2 where ledger_transaction_id =
     (select id from ledger_transactions where transfer_id = '${id}')`,
  );
  expect(breaksOf(await verifyBroken('amount'))).toContainEqual({
    kind: 'other_amount',
    settlementId: 'amount',
    transferId: id,
    stripeTransferId,
    hereMinor: 2_000,
    stripeMinor: 1_000,
    currency: 'usd',
  });
});

test('money came back at Stripe and not here', async () => {
  const { id, stripe_transfer_id: stripeTransferId } = await rowOf('reversed', 0);
  await post(`/v1/transfers/${stripeTransferId ?? ''}/reversals`, { amount: '300' });
  const report = await verifyBroken('reversed');
  expect(breaksOf(report)).toEqual([
    {
      kind: 'reversed',
      settlementId: 'reversed',
      transferId: id,
      stripeTransferId,
      hereMinor: 0,
      stripeMinor: 300,
      currency: 'usd',
    },
  ]);
  expect(report.totals['usd']).toMatchObject({ reversedMinor: 300 });
  // Booked it is no break any more; what only the ledger has is one again.
  await book('trr_true', 300);
  expect((await bed.json<VerifyReport>('verify', 'reversed')).ok).toBe(true);
  await book('trr_invented', 1);
  expect(breaksOf(await verifyBroken('reversed'))).toMatchObject([
    { kind: 'reversed', hereMinor: 301, stripeMinor: 300 },
  ]);

  async function book(reversalId: string, amountMinor: number): Promise<void> {
    await inTransaction(bed.database, async (executor) => {
      await postLedger(executor, {
        idempotencyKey: reversalLedgerKey(reversalId),
        kind: 'reversal',
        settlementId: 'reversed',
        transferId: id,
        stripeTransferId: stripeTransferId ?? '',
        entries: reversalPosting(amountMinor, 'usd'),
      });
      await executor.execute(
        sql`update payout_transfers set amount_reversed = amount_reversed + ${amountMinor} where id = ${id}`,
      );
    });
  }
});

test('our name on a transfer that is not ours; what is no id is not repeated', async () => {
  const transferId = randomUUID();
  await payByHand('stranger', transferId);
  await payByHand('stranger', 'Jane Doe');
  const breaks = breaksOf(await verifyBroken('stranger'));
  expect(breaks.map(({ kind, transferId: named }) => [kind, named])).toEqual([
    ['unknown_transfer', undefined],
    ['unknown_transfer', transferId],
  ]);
});

describe('workflows', () => {
  test('an open transfer without a running workflow', async () => {
    const { id } = await rowOf('lostrun', 1);
    await temporal.workflow.getHandle(`transfer/${id}`).terminate('lost');
    expect(breaksOf(await verifyBroken('lostrun'))).toEqual([
      { kind: 'open_without_run', settlementId: 'lostrun', transferId: id },
    ]);
  });

  test('an open job without a running workflow', async () => {
    await temporal.workflow.getHandle('payout-job/lostjob').terminate('lost');
    expect(breaksOf(await verifyBroken('lostjob'))).toEqual([
      { kind: 'job_without_run', settlementId: 'lostjob' },
    ]);
  });

  test('a completed workflow of an unpaid transfer', async () => {
    const { id } = await rowOf('falserun', 0);
    await behindTheTriggers(
      'payout_transfers',
      `update payout_transfers set status = 'pending', stripe_transfer_id = null, completed_at = null
       where id = '${id}'`,
    );
    expect(breaksOf(await verifyBroken('falserun'))).toContainEqual({
      kind: 'unpaid_with_completed_run',
      settlementId: 'falserun',
      transferId: id,
    });
  });

  test('a running workflow of a transfer at its end', async () => {
    const { id } = await rowOf('endedrun', 1);
    await bed.rows(
      `update payout_transfers set status = 'cancelled', updated_at = updated_at - interval '1 hour'
       where id = $1`,
      [id],
    );
    expect(breaksOf(await verifyBroken('endedrun'))).toEqual([
      { kind: 'ended_with_running_run', settlementId: 'endedrun', transferId: id },
    ]);
  });

  describe('an open transfer of which Temporal knows no run, while its job runs', () => {
    /** The only one here whose job a worker drives: jobs tell how far they are. */
    let worker: TestProcess;

    beforeAll(async () => {
      // Nobody is started or sent meanwhile.
      await bed.json('pause', '--reason', 'to look');
      worker = await bed.worker();
    });

    afterAll(() => worker.stop());

    test('is a break where the job has passed it', async () => {
      const { id } = await rowOf('passed', 1);
      const workflowExecution = { workflowId: `transfer/${id}` };
      await temporal.workflowService.deleteWorkflowExecution({
        namespace: stack.namespace,
        workflowExecution,
      });
      await until('its run is forgotten', async () => {
        const query = `WorkflowId="${workflowExecution.workflowId}"`;
        return (await temporal.workflow.count(query)).count === 0;
      });
      expect(breaksOf(await verifyBroken('passed'))).toEqual([
        { kind: 'open_without_run', settlementId: 'passed', transferId: id },
      ]);
    });

    test('is excused where the job has yet to come to it', async () => {
      await bed.json('settle', bed.file('tocome.json', settlementOf('tocome', 2)));
      await bed.rows(`update payout_jobs set created_at = created_at - interval '1 hour'`);
      await until('the job answers', () =>
        temporal.workflow.getHandle('payout-job/tocome').query('cursor'),
      );
      expect(await bed.json<VerifyReport>('verify', 'tocome')).toMatchObject({ ok: true });
    });
  });
});

test('a sealed ledger that was changed, and an invariant that does not hold', async () => {
  await behindTheTriggers(
    'ledger_transactions',
    `update ledger_transactions set posted_at = posted_at + interval '1 day' where settlement_id = 'tampered'`,
  );
  expect(breaksOf(await verifyBroken('tampered'))).toEqual([
    { kind: 'seal', settlementId: 'tampered' },
  ]);
  await bed.rows(
    `update payout_transfers set attempt_count = attempt_count + 1 where settlement_id = 'tampered'`,
  );
  const { id } = await rowOf('tampered', 0);
  expect(breaksOf(await verifyBroken('tampered'))).toContainEqual({
    kind: 'invariant',
    subject: id,
  });
});

describe('exit codes', () => {
  test.each<[string, number, () => Record<string, string> | Promise<Record<string, string>>]>([
    ['missing settings', 2, () => ({ STRIPE_API_KEY: '', TEMPORAL_ADDRESS: '' })],
    ['another installation', 2, () => ({ PAYOUT_INSTALLATION_ID: 'another' })],
    [
      'the key of another account',
      2,
      async () => {
        const key = 'sk_test_anotherPlatform0002';
        await bed.control('keys', { key, accountId: 'acct_anotherPlatform' });
        return { STRIPE_API_KEY: key };
      },
    ],
    [
      'no Postgres',
      3,
      async () => ({ DATABASE_URL: `postgres://u:p@127.0.0.1:${(await freePort()).toString()}/x` }),
    ],
    [
      'no Temporal',
      3,
      async () => ({ TEMPORAL_ADDRESS: `127.0.0.1:${(await freePort()).toString()}` }),
    ],
    [
      'no Stripe',
      3,
      async () => ({ STRIPE_API_BASE: `http://127.0.0.1:${(await freePort()).toString()}` }),
    ],
  ])('%s: %i', async (_what, code, settings) => {
    const result = await bed.run(['verify', '--json'], await settings());
    expect({ code: result.code, stdout: result.stdout }).toEqual({ code, stdout: '' });
    expect(result.stderr).not.toContain(API_KEY);
  });

  test('a settlement that is not recorded: 1', async () => {
    const result = await bed.run(['verify', 'nobody']);
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toContain('settlement nobody is not recorded here');
  });
});

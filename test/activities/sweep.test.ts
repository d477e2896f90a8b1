/**
 * Goal: a sweep's plan names exactly what is open in Postgres and does not run, bounded, and one settlement that cannot
 * be looked at costs the others nothing.
 * Method: real Postgres; Temporal is what each test says that it knows.
 */
import { settleCreatedTransfer } from '../../src/activities/settle-created-transfer';
import { findJoblessSettlements, planSettlementSweep, planSweep } from '../../src/activities/sweep';
import { beginSweep, endSweep } from '../../src/activities/sweep-registry';
import type { RunState, WorkflowRuns } from '../../src/activities/workflow-runs';
import { findAdminJob } from '../../src/db/admin-jobs';
import { inTransaction } from '../../src/db/database';
import { completeJobWhenTerminal, movePayoutJob } from '../../src/db/payout-jobs';
import { lockTransfer, markBlocked, markFailedTerminal } from '../../src/db/transfer-moves';
import type { TransferCursor } from '../../src/domain/contracts';
import {
  jobWorkflowId,
  reversalWorkflowId,
  SWEEP_ID,
  transferWorkflowId,
} from '../../src/domain/ids';
import {
  SWEEP_PAGE_SETTLEMENTS,
  SWEEP_REVERSALS_MAX,
  SWEEP_TRANSFERS_MAX,
} from '../../src/domain/limits';
import type { ReasonCode } from '../../src/domain/reasons';
import { insertSettlement } from '../../src/db/settlements';
import { findTransfersToWake } from '../../src/db/waiting-transfers';
import {
  givenScheduledSettlement,
  givenTransfer,
  openDatabaseBed,
  settlementOf,
  type DatabaseBed,
} from '../support/builders';

let bed: DatabaseBed;
const NEVER = () => undefined;
const DONE: TransferCursor = { phase: 'done', afterTransferId: null };

beforeEach(async () => {
  bed = await openDatabaseBed();
});
afterEach(() => bed.close());

/** Temporal, which knows these runs; what is listed may be less than what there is. */
function temporal(
  runs: Readonly<Record<string, RunState>>,
  {
    listed = runs,
    ill = {},
  }: {
    readonly listed?: Readonly<Record<string, RunState>>;
    /** What the list of a settlement does instead. */
    readonly ill?: Readonly<Record<string, () => Promise<never>>>;
  } = {},
): WorkflowRuns {
  return {
    ofSettlement: (settlementId) =>
      ill[settlementId]?.() ?? Promise.resolve(new Map(Object.entries(listed))),
    newestOf: (workflowId) => {
      const state = runs[workflowId];
      return Promise.resolve(
        state && { state, closedAtMs: state === 'RUNNING' ? null : Date.now() },
      );
    },
    cursorOf: () => Promise.resolve(DONE),
  };
}

const plan = (runs: WorkflowRuns, settlementMs?: number) =>
  planSweep({ database: bed.database }, runs, { afterJobId: null }, settlementMs);

async function settlements(count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let made = 0; made < count; made += 1) {
    const { job } = await givenScheduledSettlement(bed.database, { winners: 1 });
    ids.push(job.settlementId);
  }
  return ids;
}

test('more open reversals than a sweep asks about: the next one asks about the others', async () => {
  const winners = SWEEP_REVERSALS_MAX + 1;
  const { job } = await givenScheduledSettlement(bed.database, { winners });
  const orders = await bed.rows<{ id: string }>(
    `insert into payout_reversals (transfer_id, settlement_id, stripe_transfer_id, idempotency_key, amount_minor, currency,
       metadata, stripe_account_id, livemode, reversed_before_minor, requested_by, reason, created_at)
     select id, settlement_id, 'tr_' || id, 'reversal:' || id, 1, currency, '{}', 'acct_platform', false, 0, 'kim', 'wrong',
       payout_now() + row_number() over (order by id) * interval '1 second'
     from payout_transfers where payout_job_id = $1 order by id returning id`,
    [job.id],
  );
  const [lost, ...driven] = orders.map(({ id }) => id).reverse();
  const runs = Object.fromEntries(driven.map((id) => [reversalWorkflowId(id), 'RUNNING'] as const));
  expect((await plan(temporal(runs))).startReversals).toBeUndefined();
  expect((await plan(temporal(runs))).startReversals).toEqual([lost]);
});

test('a job without a run is started, also when nothing of it is known; one that the list does not show yet is not', async () => {
  const [lost, young, terminated] = await settlements(3);
  const runs = temporal(
    { [jobWorkflowId(young!)]: 'RUNNING', [jobWorkflowId(terminated!)]: 'OTHER' },
    { listed: { [jobWorkflowId(terminated!)]: 'OTHER' } },
  );
  const { startJobs, nextAfterJobId } = await plan(runs);
  expect(startJobs.map(({ settlementId }) => settlementId).sort()).toEqual(
    [lost!, terminated!].sort(),
  );
  expect(nextAfterJobId).toBeNull();
});

test('a settlement that hangs and one that cannot be read are named; the others are planned', async () => {
  const [hanging, refused, well] = await settlements(3);
  const runs = temporal(
    {},
    {
      ill: {
        [hanging!]: () => new Promise<never>(NEVER),
        [refused!]: () => Promise.reject(new RangeError('a text with somebody’s data')),
      },
    },
  );
  const { failed, startJobs } = await plan(runs, 300);
  expect(startJobs.map(({ settlementId }) => settlementId)).toEqual([well]);
  expect([...failed].sort((left, right) => left.reason.localeCompare(right.reason))).toEqual([
    { what: `settlement ${refused!}`, reason: 'RangeError' },
    { what: `settlement ${hanging!}`, reason: 'SweepTimeoutError' },
  ]);
});

describe('a transfer that was paid after its run had failed', () => {
  async function givenLatePayment(winners: number) {
    const { job, transfers } = await givenScheduledSettlement(bed.database, { winners });
    const [late] = transfers;
    await inTransaction(bed.database, async (executor) => {
      const row = await lockTransfer(executor, late!.id);
      const waiting = await markBlocked(executor, row, 'payee_account_missing');
      await markFailedTerminal(executor, waiting, 'payee_wait_over');
    });
    return { job, late: late! };
  }

  const pay = (transferId: string) =>
    inTransaction(bed.database, async (executor) =>
      settleCreatedTransfer(executor, await lockTransfer(executor, transferId), {
        stripeTransferId: `tr_${transferId.replaceAll('-', '')}`,
        attemptNumber: 0,
        generation: 0,
      }),
    );

  test.each<RunState>(['FAILED', 'CANCELLED'])(
    'and %s, of a complete job: another run tells it, once',
    async (state) => {
      const { job, late } = await givenLatePayment(1);
      await movePayoutJob(bed.database, job.id, 'processing');
      expect(await completeJobWhenTerminal(bed.database, job.id)).toBe(true);
      const run = { [transferWorkflowId(late.id)]: state };
      expect((await plan(temporal(run, { listed: {} }))).startTransfers).toEqual([]);
      await pay(late.id);
      expect((await plan(temporal(run, { listed: {} }))).startTransfers).toMatchObject([
        { transferId: late.id },
      ]);
      const told = { [transferWorkflowId(late.id)]: 'COMPLETED' as const };
      expect(await plan(temporal(told, { listed: {} }))).toMatchObject({
        startTransfers: [],
        paidRuns: [],
      });
    },
  );

  test('of an open job: beside what is missing, whether the job runs or not', async () => {
    const { job, late } = await givenLatePayment(2);
    await pay(late.id);
    const failed = { [transferWorkflowId(late.id)]: 'FAILED' as const };
    expect(await plan(temporal(failed))).toMatchObject({
      startJobs: [{ settlementId: job.settlementId }],
      startTransfers: [{ transferId: late.id }],
    });
    const running = { ...failed, [jobWorkflowId(job.settlementId)]: 'RUNNING' as const };
    const { startTransfers } = await plan(temporal(running));
    expect(startTransfers).toHaveLength(2);
    // The list lags behind: its other run has begun.
    const begun = { ...running, [transferWorkflowId(late.id)]: 'RUNNING' as const };
    expect((await plan(temporal(begun, { listed: running }))).startTransfers).toHaveLength(1);
  });
});

test('of 600 transfers without a run the first 500, and then the others', async () => {
  const { job, transfers } = await givenScheduledSettlement(bed.database, { winners: 600 });
  const jobRuns = { [jobWorkflowId(job.settlementId)]: 'RUNNING' } as const;
  const first = await plan(temporal(jobRuns));
  expect(first.startTransfers).toHaveLength(SWEEP_TRANSFERS_MAX);
  const started = Object.fromEntries(
    first.startTransfers.map(({ transferId }) => [
      transferWorkflowId(transferId),
      'RUNNING' as const,
    ]),
  );
  const second = await plan(temporal({ ...jobRuns, ...started }));
  expect(second.startTransfers).toHaveLength(100);
  const ids = [...first.startTransfers, ...second.startTransfers].map(
    ({ transferId }) => transferId,
  );
  expect(ids.sort()).toEqual(transfers.map(({ id }) => id).sort());
});

test('a page ends when it is full, and the next one goes on behind it, to the end', async () => {
  const big = await givenScheduledSettlement(bed.database, { winners: 510 });
  const others = await settlements(SWEEP_PAGE_SETTLEMENTS + 5);
  const runs = temporal({ [jobWorkflowId(big.job.settlementId)]: 'RUNNING' });
  const started: string[] = [];
  const transfers: string[] = [];
  let pages = 0;
  let afterJobId: string | null = null;
  do {
    const page = await planSweep({ database: bed.database }, runs, { afterJobId });
    started.push(...page.startJobs.map(({ settlementId }) => settlementId));
    transfers.push(...page.startTransfers.map(({ transferId }) => transferId));
    expect(page.startJobs.length + page.startTransfers.length).toBeLessThan(
      2 * SWEEP_TRANSFERS_MAX,
    );
    afterJobId = page.nextAfterJobId;
    pages += 1;
  } while (afterJobId !== null);
  expect(started.sort()).toEqual([...others].sort());
  expect(transfers).toHaveLength(SWEEP_TRANSFERS_MAX);
  expect(pages).toBeGreaterThan(1);
});

test('of one settlement the same; nothing where there is none', async () => {
  const [lost] = await settlements(2);
  const dependencies = { database: bed.database };
  const own = await planSettlementSweep(dependencies, temporal({}), { settlementId: lost! });
  expect(own.startJobs.map(({ settlementId }) => settlementId)).toEqual([lost]);
  const none = await planSettlementSweep(dependencies, temporal({}), { settlementId: 'nobody' });
  expect(none.startJobs).toEqual([]);
});

test('a settlement that says accepted and has no job was not checked: it is named, and not started', async () => {
  const find = () => findJoblessSettlements({ database: bed.database }, { settlementsMax: 10 });
  await settlements(1);
  expect(await find()).toEqual([]);
  const accepted = settlementOf({ winners: 2 });
  await insertSettlement(bed.database, accepted);
  await bed.rows(
    `insert into settlements (settlement_id, contest_id, currency, status, total_minor, winner_count, content_hash)
     values ('a person’s name', 'c', 'usd', 'accepted', 1, 1, 'x')`,
  );
  const reason = 'accepted_without_job';
  expect((await find()).sort((left, right) => left.what.localeCompare(right.what))).toEqual([
    { what: 'settlement (not an id)', reason },
    { what: `settlement ${accepted.settlementId}`, reason },
  ]);
  expect((await plan(temporal({}))).startJobs).toHaveLength(1);
});

test('a job that is open and does not answer is named: nobody else would say that it stands still', async () => {
  const [silent, answering] = await settlements(2);
  const runs = temporal({
    [jobWorkflowId(silent!)]: 'RUNNING',
    [jobWorkflowId(answering!)]: 'RUNNING',
  });
  const cursorOf = (settlementId: string) =>
    Promise.resolve(settlementId === silent ? undefined : DONE);
  const { failed, startTransfers } = await plan({ ...runs, cursorOf });
  expect(failed).toEqual([{ what: `settlement ${silent!}`, reason: 'job_does_not_answer' }]);
  expect(startTransfers).toMatchObject([{ settlementId: answering }]);
});

test.each<[ReasonCode, boolean]>([
  ['platform_paused', true],
  ['platform_balance_insufficient', true],
  ['platform_key_rejected', true],
  ['platform_risk_control', false],
  ['payee_account_missing', false],
  ['payee_bank_refused', false],
])('blocked as %s, with no pause in force and no account: woken %s', async (reason, isWoken) => {
  const transfer = await givenTransfer(bed.database, {});
  await inTransaction(bed.database, async (executor) =>
    markBlocked(executor, await lockTransfer(executor, transfer.id), reason),
  );
  const query = { afterTransferId: null, transfersMax: 10 };
  const woken = isWoken ? [transfer.id] : [];
  for (const scope of [null, transfer.settlementId]) {
    expect(await findTransfersToWake(bed.database, scope, query)).toEqual(woken);
  }
  expect(await findTransfersToWake(bed.database, 'another', query)).toEqual([]);
  const behind = { afterTransferId: transfer.id, transfersMax: 10 };
  expect(await findTransfersToWake(bed.database, null, behind)).toEqual([]);
});

test('the registry: both sweeps are there from the first on, and the next goes on where one has left off', async () => {
  const dependencies = { database: bed.database };
  const run = { registeredAs: SWEEP_ID, runId: 'run-1' };
  expect(await beginSweep(dependencies, run)).toEqual({ afterJobId: null });
  const end = { failure: null, counts: { started: 3 }, resumeAfter: 'job-7' };
  await endSweep(dependencies, { ...run, ...end });
  expect(await findAdminJob(bed.database, SWEEP_ID)).toMatchObject({
    status: 'succeeded',
    schedule: 'every 5 minutes',
    counts: { started: 3 },
  });
  expect(await findAdminJob(bed.database, 'payout-sweep/now')).toMatchObject({
    status: 'registered',
  });
  expect(await beginSweep(dependencies, { ...run, runId: 'run-2' })).toEqual({
    afterJobId: 'job-7',
  });
});

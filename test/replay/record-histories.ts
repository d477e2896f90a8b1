/**
 * Goal: histories of today's workflows, against which every later change of their code is replayed.
 * Method: `npm run replay:record` runs each path once on a real server with fake activities, and keeps what it wrote.
 */
import { rmSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/activity';
import { FAILURE_TYPES } from '../../src/domain/contracts';
import { startReversal } from '../../src/client/reverse';
import { startSweepNow } from '../../src/client/start-workflows';
import { jobWorkflowId, reversalWorkflowId, transferWorkflowId } from '../../src/domain/ids';
import { JOB_CHILDREN_PER_RUN } from '../../src/domain/limits';
import {
  inTurn,
  reversalViewWith,
  sendAnswer,
  viewWith,
  type ActivityScript,
} from '../support/fake-activities';
import { FakeSettlement } from '../workflows/fake-settlement';
import { NOTHING_TO_DO, scriptSweeps } from '../workflows/fake-sweep';
import {
  eventsOf,
  eventsOfChain,
  eventsWith,
  eventually,
  Gate,
  jobInput,
  startJob,
  startTransfer,
  transferInput,
} from '../workflows/harness';
import { useDevServer } from '../workflows/servers';
import { writeHistory } from './histories';

const server = useDevServer('recorder');
const HOUR_MS = 3_600_000;
const LIMIT_MS = 120_000;

beforeAll(() => {
  const directory = join(__dirname, 'histories');
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
});

async function recordTransfer(
  transferId: string,
  script: ActivityScript,
  wakeUps: number,
): Promise<void> {
  server.activities.script(transferId, script);
  const handle = await startTransfer(server.client, transferInput(transferId, 'no-such-job'));
  for (let waits = 1; waits <= wakeUps; waits += 1) {
    await eventually(async () => {
      const events = await eventsOf(server.client, handle.workflowId);
      return eventsWith(events, 'timerStartedEventAttributes').length === waits;
    });
    await handle.signal('payeeReady');
  }
  await handle.result().catch(() => undefined);
  writeHistory(transferId, await eventsOf(server.client, transferWorkflowId(transferId)));
}

test('transfer-paid', () =>
  recordTransfer(
    'transfer-paid',
    {
      claimTransfer: inTurn(sendAnswer('transfer-paid')),
      createStripeTransfer: inTurn({ stripeTransferId: 'tr_paid' }),
      recordOutcome: inTurn(viewWith('transfer-paid', 'completed')),
    },
    0,
  ));

test('transfer-blocked-then-paid', () => {
  const id = 'transfer-blocked-then-paid';
  const view = viewWith(id, 'blocked', { reason: 'payee_account_missing', waitMs: HOUR_MS });
  return recordTransfer(
    id,
    {
      claimTransfer: inTurn({ next: 'rest' as const, view }, sendAnswer(id)),
      createStripeTransfer: inTurn({ stripeTransferId: 'tr_blocked' }),
      recordOutcome: inTurn(viewWith(id, 'completed')),
    },
    1,
  );
});

test('transfer-failed-terminal', () => {
  const id = 'transfer-failed-terminal';
  return recordTransfer(
    id,
    {
      claimTransfer: inTurn(sendAnswer(id)),
      createStripeTransfer: () =>
        Promise.reject(
          ApplicationFailure.nonRetryable('request_amount_refused', FAILURE_TYPES.request),
        ),
      recordOutcome: inTurn(viewWith(id, 'failed_terminal', { reason: 'request_amount_refused' })),
    },
    0,
  );
});

test('transfer-unknown-reconciled', () => {
  const id = 'transfer-unknown-reconciled';
  const view = viewWith(id, 'unknown', { reason: 'unknown_deadline' });
  return recordTransfer(
    id,
    {
      claimTransfer: inTurn(sendAnswer(id), { next: 'reconcile' as const, view }),
      createStripeTransfer: () =>
        Promise.reject(ApplicationFailure.nonRetryable('unknown_deadline', FAILURE_TYPES.unknown)),
      recordOutcome: inTurn(view),
      reconcileTransfer: inTurn(viewWith(id, 'completed')),
    },
    1,
  );
});

async function recordReversal(reversalId: string, script: ActivityScript, wakeUps: number) {
  server.activities.script(reversalId, script);
  await startReversal(server.client, reversalId);
  const workflowId = reversalWorkflowId(reversalId);
  const handle = server.client.workflow.getHandle(workflowId);
  for (let waits = 1; waits <= wakeUps; waits += 1) {
    await eventually(async () => {
      const events = await eventsOf(server.client, workflowId);
      return eventsWith(events, 'timerStartedEventAttributes').length === waits;
    });
    await handle.signal('changed');
  }
  await handle.result().catch(() => undefined);
  writeHistory(reversalId, await eventsOf(server.client, workflowId));
}

test('reversal-unknown-then-back', () => {
  const id = 'reversal-unknown-then-back';
  const unknown = reversalViewWith(id, 'unknown', 'unknown_deadline');
  return recordReversal(
    id,
    {
      claimReversal: inTurn(
        { next: 'look' as const, view: reversalViewWith(id, 'pending') },
        { next: 'send' as const, view: reversalViewWith(id, 'processing') },
        { next: 'look' as const, view: unknown },
      ),
      lookAtReversal: inTurn(
        { ...reversalViewWith(id, 'pending'), waitMs: 0 },
        reversalViewWith(id, 'completed'),
      ),
      createStripeReversal: inTurn(unknown),
    },
    1,
  );
});

test('reversal-refused', () => {
  const id = 'reversal-refused';
  return recordReversal(
    id,
    {
      claimReversal: inTurn(
        { next: 'send' as const, view: reversalViewWith(id, 'processing') },
        {
          next: 'rest' as const,
          view: reversalViewWith(id, 'refused', 'reversal_balance_insufficient'),
        },
      ),
      // Its worker dies; the claim after it finds what became of it.
      createStripeReversal: () =>
        Promise.reject(ApplicationFailure.nonRetryable('gone', FAILURE_TYPES.postgres)),
    },
    1,
  );
});

test('job-small', async () => {
  const settlement = new FakeSettlement('job-small', { transfers: 3 }).register(server.activities);
  await (await startJob(server.client, jobInput('job-small'))).result();
  expect(settlement.with('completed')).toHaveLength(3);
  writeHistory('job-small', await eventsOf(server.client, jobWorkflowId('job-small')));
});

test(
  'job-continued, both runs',
  async () => {
    const gate = new Gate();
    const settlement = new FakeSettlement('job-continued', {
      transfers: 2,
      beforePaid: () => gate.pass(),
    }).register(server.activities);
    // One child asked for often enough makes the run long, in a history that stays small.
    settlement.repeatPage(JOB_CHILDREN_PER_RUN / 2);
    const handle = await startJob(server.client, jobInput('job-continued'));
    await eventually(() => settlement.rows.every((row) => row.sends === 1));
    // Its winners are paid, but the settlement is not over: the run continues as new.
    settlement.heldOpen = true;
    gate.release();
    await eventually(
      async () => (await eventsOfChain(server.client, handle.workflowId)).length === 2,
    );
    settlement.heldOpen = false;
    await handle.signal('changed');
    await handle.result();
    const runs = (await eventsOfChain(server.client, handle.workflowId)).reverse();
    expect(runs).toHaveLength(2);
    runs.forEach((events, run) => {
      writeHistory(`job-continued-run-${run + 1}`, events);
    });
  },
  LIMIT_MS,
);

test('sweep', async () => {
  const lost = transferInput('swept', 'swept-job');
  const view = viewWith('swept', 'completed');
  server.activities.script('swept', { claimTransfer: inTurn({ next: 'rest' as const, view }) });
  new FakeSettlement('swept-job', { transfers: 1 }).register(server.activities);
  const job = { ...jobInput('swept-job'), winnerCount: 1, totalMinor: 12_50, currency: 'eur' };
  scriptSweeps(server.activities, {
    planSweep: inTurn(
      { ...NOTHING_TO_DO, startJobs: [job], nextAfterJobId: 'job' },
      { ...NOTHING_TO_DO, startTransfers: [lost], wake: ['sleeper'] },
    ),
  });
  const handle = await startSweepNow(server.client);
  expect((await handle.result()).counts).toMatchObject({ started: 2, resumed: 1, failed: 0 });
  writeHistory('sweep', await eventsOf(server.client, handle.workflowId));
});

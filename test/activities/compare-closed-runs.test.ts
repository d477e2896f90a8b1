/**
 * Goal: a database from before a cancel pays nobody whose run says canceled before a person has decided; whoever was
 * restored, or decided about, is started, and other closed runs are too (M11).
 * Method: real Postgres with the commands' own transactions; Temporal is what each test says that it knows.
 */
import { cancelTransfer, restoreTransfer } from '../../src/activities/cancel-transfer';
import { compareClosedRuns } from '../../src/activities/compare-closed-runs';
import { resumeSending } from '../../src/activities/pause-sending';
import type { RunState, WorkflowRuns } from '../../src/activities/workflow-runs';
import { readPayoutClock } from '../../src/db/payout-clock';
import { findPausesInForce } from '../../src/db/payout-controls';
import { findTransferById, type PayoutTransfer } from '../../src/db/payout-transfers';
import { transferWorkflowId } from '../../src/domain/ids';
import { CANCELLED_RUNS_NAMED_MAX } from '../../src/domain/limits';
import {
  givenScheduledSettlement,
  givenTransfer,
  MAX_ATTEMPTS,
  openDatabaseBed,
  type DatabaseBed,
} from '../support/builders';

const OPERATOR = { actor: 'alex', reason: 'a test' };

let bed: DatabaseBed;

beforeAll(async () => {
  bed = await openDatabaseBed();
});

afterAll(() => bed.close());

/** Temporal, where the newest run of each of these stands so; runs that are closed were closed at this moment. */
function temporal(
  transfers: readonly Pick<PayoutTransfer, 'id'>[],
  state: RunState,
  closedAtMs: number | null = null,
): WorkflowRuns {
  const known = new Set(transfers.map(({ id }) => transferWorkflowId(id)));
  return {
    ofSettlement: () => Promise.reject(new Error('nobody lists runs here')),
    newestOf: (workflowId) =>
      Promise.resolve(known.has(workflowId) ? { state, closedAtMs } : undefined),
    cursorOf: () => Promise.resolve(undefined),
  };
}

const now = async () => (await readPayoutClock(bed.database)).getTime();

function compare(runs: WorkflowRuns, transfers: readonly Pick<PayoutTransfer, 'id'>[]) {
  return compareClosedRuns({ database: bed.database }, runs, {
    transferIds: transfers.map(({ id }) => id),
  });
}

async function causesOf({ settlementId }: PayoutTransfer): Promise<string[]> {
  const pauses = await findPausesInForce(bed.database, settlementId);
  return pauses.map(({ cause }) => cause);
}

async function orderFor({ id }: PayoutTransfer) {
  const seen = (await findTransferById(bed.database, id))!;
  return {
    ...OPERATOR,
    transferId: id,
    seenStatus: seen.status,
    seenAttemptCount: seen.attemptCount,
    seenReason: seen.failureReason,
    seenUpdatedAtMs: seen.updatedAt.getTime(),
  };
}

const cancel = async (transfer: PayoutTransfer) =>
  cancelTransfer(bed.database, await orderFor(transfer));
const restore = async (transfer: PayoutTransfer) =>
  restoreTransfer({ database: bed.database, maxAttempts: MAX_ATTEMPTS }, await orderFor(transfer));

test('a canceled run beside a row that knows of no cancel is an alarm, once however often it is seen', async () => {
  const transfer = await givenTransfer(bed.database, {});
  const runs = temporal([transfer], 'CANCELLED', await now());
  for (let look = 0; look < 2; look += 1) {
    expect(await compare(runs, [transfer])).toEqual({
      paid: [],
      startable: [],
      undecided: [transfer.id],
    });
  }
  expect(await causesOf(transfer)).toEqual([`cancelled_run:${transfer.id}`]);
});

test('the resume of a person is a decision: it is started then, until another cancel is forgotten', async () => {
  const transfer = await givenTransfer(bed.database, {});
  const closed = temporal([transfer], 'CANCELLED', await now());
  await compare(closed, [transfer]);
  await resumeSending(bed.database, transfer.settlementId, OPERATOR);
  expect(await compare(closed, [transfer])).toMatchObject({
    startable: [{ transferId: transfer.id }],
    undecided: [],
  });
  expect(await causesOf(transfer)).toEqual([]);
  const later = temporal([transfer], 'CANCELLED', (await now()) + 1);
  expect(await compare(later, [transfer])).toMatchObject({ undecided: [transfer.id] });
});

test('one that was cancelled and restored is started; one cancelled again after that, and forgotten, is not', async () => {
  const transfer = await givenTransfer(bed.database, {});
  expect(await cancel(transfer)).toBe('cancelled');
  const closed = temporal([transfer], 'CANCELLED', await now());
  expect(await restore(transfer)).toBe('restored');
  expect(await compare(closed, [transfer])).toMatchObject({
    startable: [{ transferId: transfer.id }],
    undecided: [],
  });
  const again = temporal([transfer], 'CANCELLED', (await now()) + 1);
  expect(await compare(again, [transfer])).toMatchObject({ undecided: [transfer.id] });
});

test('the decision about one winner decides nothing about another', async () => {
  const { transfers } = await givenScheduledSettlement(bed.database, { winners: 2 });
  const [one, other] = transfers;
  await cancel(one!);
  const closed = temporal(transfers, 'CANCELLED', await now());
  await restore(one!);
  expect(await compare(closed, transfers)).toMatchObject({
    startable: [{ transferId: one!.id }],
    undecided: [other!.id],
  });
});

test('one that is cancelled again is left alone', async () => {
  const transfer = await givenTransfer(bed.database, {});
  const closed = temporal([transfer], 'CANCELLED', await now());
  await compare(closed, [transfer]);
  await cancel(transfer);
  expect(await compare(closed, [transfer])).toEqual({ paid: [], startable: [], undecided: [] });
});

test('of a settlement that was cancelled whole some are named at a time, and nobody is started before he was', async () => {
  const winners = CANCELLED_RUNS_NAMED_MAX + 3;
  const { transfers } = await givenScheduledSettlement(bed.database, { winners });
  const [first] = transfers;
  const closed = temporal(transfers, 'CANCELLED', await now());
  expect((await compare(closed, transfers)).undecided).toHaveLength(winners);
  expect(await causesOf(first!)).toHaveLength(CANCELLED_RUNS_NAMED_MAX);
  await resumeSending(bed.database, first!.settlementId, OPERATOR);
  const next = await compare(closed, transfers);
  expect([next.startable.length, next.undecided.length]).toEqual([CANCELLED_RUNS_NAMED_MAX, 3]);
});

test.each<RunState>(['FAILED', 'OTHER'])(
  'a run that is closed as %s gets another',
  async (state) => {
    const transfer = await givenTransfer(bed.database, {});
    const runs = temporal([transfer], state, await now());
    expect(await compare(runs, [transfer])).toMatchObject({
      startable: [{ transferId: transfer.id }],
      undecided: [],
    });
  },
);

test('one that runs gets none, one that nobody knows gets one, and a paid one is doubted first', async () => {
  const [open, lost, paid] = [
    await givenTransfer(bed.database, {}),
    await givenTransfer(bed.database, {}),
    await givenTransfer(bed.database, {}),
  ];
  expect(await compare(temporal([open], 'RUNNING'), [open, lost])).toMatchObject({
    paid: [],
    startable: [{ transferId: lost.id }],
  });
  expect(await compare(temporal([paid], 'COMPLETED', await now()), [paid])).toMatchObject({
    paid: [{ transferId: paid.id }],
    startable: [],
  });
  expect(await findTransferById(bed.database, paid.id)).toMatchObject({
    failureReason: 'unknown_paid_run',
  });
});

/**
 * Goal: the seed's transfer repository (S7-S15, S25, S46, S47, S56-S58) on real Postgres, with its locks.
 * Method: each operation once, again, with changed content, and from two transactions of which one has to wait.
 */
import {
  AwardAlreadySettledError,
  findSendingTransfers,
  findTransferById,
  findTransfersByJob,
  findTransfersByStatus,
  findWaitingTransfersOfUsers,
  insertTransfers,
  summarizeTransfers,
  type NewPayoutTransfer,
  type PayoutTransfer,
} from '../../src/db/payout-transfers';
import {
  blockTransfersWithoutAccount,
  lockTransfer,
  markBlocked,
  markCompleted,
  markFailedTerminal,
  markPending,
  markProcessing,
  markRetryable,
  markUnknown,
} from '../../src/db/transfer-moves';
import { transferIdOf } from '../../src/db/transfer-id';
import { DEFAULT_AWARD } from '../../src/domain/ids';
import {
  givenScheduledSettlement,
  givenTransfer,
  newId,
  openDatabaseBed,
  PLATFORM,
  refusalOf,
  untilSomebodyWaitsForLock,
  type DatabaseBed,
} from '../support/builders';
import { movePayoutClock } from '../support/clock';

let bed: DatabaseBed;

beforeAll(async () => {
  bed = await openDatabaseBed();
});

afterEach(() => movePayoutClock(bed, { ms: 0 }));

afterAll(() => bed.close());

function rowOf(transfer: PayoutTransfer): NewPayoutTransfer {
  const { id, payoutJobId, settlementId, contestId, userId, award, amountMinor, currency } =
    transfer;
  const { maxAttempts } = transfer;
  return {
    id,
    payoutJobId,
    settlementId,
    contestId,
    userId,
    award,
    amountMinor,
    currency,
    maxAttempts,
  };
}

function claimed(transfer: PayoutTransfer, runId = 'run-1'): Promise<PayoutTransfer> {
  return markProcessing(bed.database, transfer, { runId, generation: 1 });
}

describe('S7 and S57 insertTransfers', () => {
  test('S7 the same rows again are a no-op', async () => {
    const { transfers } = await givenScheduledSettlement(bed.database, { winners: 3 });
    expect(await insertTransfers(bed.database, transfers.map(rowOf))).toBe(0);
    const { payoutJobId } = transfers[0]!;
    const page = { afterTransferId: null, transfersMax: 10 };
    expect(await findTransfersByJob(bed.database, payoutJobId, page)).toEqual(transfers);
  });

  test.each([
    ['amount', { amountMinor: 5 }],
    ['currency', { currency: 'eur' }],
    ['transfer id', { id: '00000000-0000-5000-8000-000000000001' }],
  ])('S7 a changed %s is refused, not dropped', async (_what, change) => {
    const transfer = await givenTransfer(bed.database, {});
    const again = insertTransfers(bed.database, [{ ...rowOf(transfer), ...change }]);
    await expect(again).rejects.toThrow(AwardAlreadySettledError);
    expect(await findTransferById(bed.database, transfer.id)).toEqual(transfer);
  });

  test('S47 an award belongs to one settlement; another award of the same winner is another debt', async () => {
    const userId = newId('user');
    const contestId = newId('contest');
    const [first] = (
      await givenScheduledSettlement(bed.database, { contestId, winners: [{ userId }] })
    ).transfers;
    const same = givenScheduledSettlement(bed.database, { contestId, winners: [{ userId }] });
    await expect(same).rejects.toMatchObject({
      name: 'AwardAlreadySettledError',
      contestId,
      userId,
      award: DEFAULT_AWARD,
      settlementId: first!.settlementId,
    });
    const other = await givenScheduledSettlement(bed.database, {
      contestId,
      winners: [{ userId, award: 'best-photo' }],
    });
    expect(other.transfers[0]!.id).not.toBe(first!.id);
  });

  test('S47 Postgres itself refuses a second transfer for an award', async () => {
    const transfer = await givenTransfer(bed.database, {});
    const twin = bed.rows(
      `insert into payout_transfers
         (id, payout_job_id, settlement_id, contest_id, user_id, award, amount_minor, currency, max_attempts)
       select gen_random_uuid(), payout_job_id, settlement_id, contest_id, user_id, award, amount_minor,
         currency, max_attempts from payout_transfers where id = $1`,
      [transfer.id],
    );
    expect(await refusalOf(twin)).toBe('payout_transfers_one_per_award');
  });

  test('S46 Postgres itself refuses a second job for a settlement', async () => {
    const { settlement } = await givenScheduledSettlement(bed.database);
    const twin = bed.rows(
      `insert into payout_jobs (settlement_id, contest_id, currency, total_minor)
       select settlement_id, contest_id, currency, total_minor from payout_jobs
       where settlement_id = $1`,
      [settlement.settlementId],
    );
    expect(await refusalOf(twin)).toBe('payout_jobs_settlement_id_unique');
  });

  test('S7 two racing settlements of one award: the second waits and is refused', async () => {
    const userId = newId('user');
    const contestId = newId('contest');
    const other = bed.connect();
    const [one, two] = [newId('settlement'), newId('settlement')];
    const { transfers } = await givenScheduledSettlement(bed.database, { winners: 1 });
    const base = rowOf(transfers[0]!);
    const identity = { installationId: PLATFORM.installationId, contestId, userId };
    const row = (settlementId: string) => ({
      ...base,
      id: transferIdOf({ ...identity, award: DEFAULT_AWARD }),
      settlementId,
      contestId,
      userId,
      amountMinor: settlementId === one ? 100 : 200,
    });
    let second: Promise<number> | undefined;
    await bed.database.transaction(async (transaction) => {
      await insertTransfers(transaction, [row(one)]);
      second = insertTransfers(other.database, [row(two)]);
      second.catch(() => undefined);
      await untilSomebodyWaitsForLock(bed);
    });
    await expect(second).rejects.toThrow(AwardAlreadySettledError);
  });

  test('S7 more rows than one statement takes are all inserted', async () => {
    const { transfers } = await givenScheduledSettlement(bed.database, { winners: 5_001 });
    expect(transfers).toHaveLength(5_001);
  });
});

test('S8 and S9 transfers of a job come by id in pages, all or by state', async () => {
  const { job, transfers } = await givenScheduledSettlement(bed.database, { winners: 5 });
  await claimed(transfers[1]!);
  const all: PayoutTransfer[] = [];
  for (let afterTransferId: string | null = null; ; afterTransferId = all.at(-1)!.id) {
    const page = await findTransfersByJob(bed.database, job.id, {
      afterTransferId,
      transfersMax: 2,
    });
    all.push(...page);
    if (page.length < 2) {
      break;
    }
  }
  expect(all.map((transfer) => transfer.id)).toEqual(transfers.map((transfer) => transfer.id));
  const pending = await findTransfersByStatus(bed.database, job.id, {
    statuses: ['pending'],
    afterTransferId: transfers[0]!.id,
    transfersMax: 10,
  });
  expect(pending.map((transfer) => transfer.id)).toEqual(
    transfers.slice(2).map((transfer) => transfer.id),
  );
});

describe('S10, S25 and S56 lockTransfer', () => {
  test('S25 the second of two transactions waits for the first and sees what it decided', async () => {
    const transfer = await givenTransfer(bed.database, {});
    const other = bed.connect();
    const order: string[] = [];
    let second: Promise<void> | undefined;
    await bed.database.transaction(async (transaction) => {
      const locked = await lockTransfer(transaction, transfer.id);
      second = other.database.transaction(async (waiting) => {
        const seen = await lockTransfer(waiting, transfer.id);
        order.push(`second saw ${seen.status}`);
      });
      await untilSomebodyWaitsForLock(bed);
      await markProcessing(transaction, locked, { runId: 'run-1', generation: 1 });
      order.push('first decided');
    });
    await second;
    expect(order).toEqual(['first decided', 'second saw processing']);
  });

  test('S25 nobody else may write a locked row, and another transfer is not held up', async () => {
    const { transfers } = await givenScheduledSettlement(bed.database, { winners: 2 });
    const other = bed.connect();
    await bed.database.transaction(async (transaction) => {
      await lockTransfer(transaction, transfers[0]!.id);
      await other.database.transaction(async (free) => {
        expect(await lockTransfer(free, transfers[1]!.id)).toMatchObject({ status: 'pending' });
      });
      await expect(
        bed.inTransaction(
          `select from payout_transfers where id = '${transfers[0]!.id}' for update nowait`,
        ),
      ).rejects.toMatchObject({ code: '55P03' });
    });
  });

  test('S10 a decision about a row that moved meanwhile is refused', async () => {
    const transfer = await givenTransfer(bed.database, {});
    await claimed(transfer);
    await expect(claimed(transfer)).rejects.toThrow('moved away from pending');
  });

  test('S10 a transfer that does not exist is an error, not a silence', async () => {
    const missing = '00000000-0000-4000-8000-000000000000';
    await expect(lockTransfer(bed.database, missing)).rejects.toThrow('does not exist');
  });
});

describe('the moves of a transfer', () => {
  test('S11 processing names run and generation and counts the claim, not the attempt', async () => {
    const pending = await givenTransfer(bed.database, {});
    const first = await claimed(pending);
    expect(first).toMatchObject({
      status: 'processing',
      claimRunId: 'run-1',
      claimNumber: 1,
      generation: 1,
      attemptCount: 0,
    });
    const retryable = await markRetryable(bed.database, first, 'transient_rate_limited');
    const second = await claimed(retryable, 'run-2');
    expect(second).toMatchObject({ claimRunId: 'run-2', claimNumber: 2, failureReason: null });
  });

  test('S12 completed keeps the Stripe id, which no other transfer may have', async () => {
    const [one, two] = (await givenScheduledSettlement(bed.database, { winners: 2 })).transfers;
    const paid = await markCompleted(bed.database, await claimed(one!), 'tr_s12');
    expect(paid).toMatchObject({ status: 'completed', stripeTransferId: 'tr_s12' });
    expect(paid.completedAt).toBeInstanceOf(Date);
    const twice = markCompleted(bed.database, await claimed(two!), 'tr_s12');
    expect(await refusalOf(twice)).toBe('payout_transfers_stripe_transfer_id_unique');
  });

  test('S13 a transfer that was not paid keeps the reason and whose turn it is', async () => {
    const transfer = await claimed(await givenTransfer(bed.database, {}));
    const retryable = await markRetryable(bed.database, transfer, 'transient_conflict');
    expect(retryable).toMatchObject({
      status: 'retryable',
      failureReason: 'transient_conflict',
      failureClass: 'transient',
    });
    const unknown = await markUnknown(
      bed.database,
      await claimed(retryable),
      'unknown_connection_lost',
    );
    expect(unknown).toMatchObject({ status: 'unknown', failureClass: 'unknown' });
  });

  test('S13 the wait for a payee is counted from its first day', async () => {
    const transfer = await givenTransfer(bed.database, {});
    const first = await markBlocked(bed.database, transfer, 'payee_account_missing');
    await movePayoutClock(bed, { days: 3 });
    const ready = await markPending(bed.database, first);
    expect(ready).toMatchObject({ status: 'pending', failureReason: null, failureClass: null });
    const again = await markBlocked(bed.database, ready, 'payee_capability_inactive');
    expect(again.payeeWaitSince).toEqual(first.payeeWaitSince);
    expect(first.payeeWaitSince).not.toBeNull();
  });

  test('S13 waiting for the platform starts no wait for the payee', async () => {
    const transfer = await givenTransfer(bed.database, {});
    const blocked = await markBlocked(bed.database, transfer, 'platform_paused');
    expect(blocked).toMatchObject({ failureClass: 'platform', payeeWaitSince: null });
  });

  test('S14 failed_terminal keeps its reason', async () => {
    const transfer = await claimed(await givenTransfer(bed.database, {}));
    expect(await markFailedTerminal(bed.database, transfer, 'request_refused')).toMatchObject({
      status: 'failed_terminal',
      failureClass: 'request',
      failureReason: 'request_refused',
    });
  });
});

test('S15 and S58 counts and sums of every state, also of those nobody is in', async () => {
  const { job, transfers } = await givenScheduledSettlement(bed.database, { winners: 3 });
  await markCompleted(bed.database, await claimed(transfers[0]!), 'tr_s15');
  const { counts, sumsMinor } = await summarizeTransfers(bed.database, job.id);
  expect(counts).toEqual({
    pending: 2,
    processing: 0,
    retryable: 0,
    blocked: 0,
    unknown: 0,
    completed: 1,
    failed_terminal: 0,
    cancelled: 0,
    voided: 0,
  });
  expect(sumsMinor.completed).toBe(transfers[0]!.amountMinor);
  expect(sumsMinor.pending).toBe(transfers[1]!.amountMinor + transfers[2]!.amountMinor);
});

test('winners without an account are blocked in one statement, once', async () => {
  const ready = await givenTransfer(bed.database, { account: 'acct_ready' });
  const { job, transfers } = await givenScheduledSettlement(bed.database, {
    winners: [{ userId: ready.userId }, {}, {}],
  });
  expect(await blockTransfersWithoutAccount(bed.database, job.id)).toBe(2);
  expect(await blockTransfersWithoutAccount(bed.database, job.id)).toBe(0);
  const rows = await findTransfersByJob(bed.database, job.id, {
    afterTransferId: null,
    transfersMax: 10,
  });
  expect(rows.map((row) => [row.userId === ready.userId, row.status, row.failureReason])).toEqual(
    transfers.map(({ userId }) =>
      userId === ready.userId
        ? [true, 'pending', null]
        : [false, 'blocked', 'payee_account_missing'],
    ),
  );
});

test('who is still sending, and whom an import of accounts may free', async () => {
  const { transfers } = await givenScheduledSettlement(bed.database, { winners: 3 });
  const [sending, paid, blocked] = transfers;
  await claimed(sending!);
  await markCompleted(bed.database, await claimed(paid!), 'tr_waiting');
  await markBlocked(bed.database, blocked!, 'payee_account_missing');
  const ids = transfers.map((transfer) => transfer.id);
  expect(await findSendingTransfers(bed.database, ids)).toEqual([sending!.id]);
  expect(await findSendingTransfers(bed.database, [])).toEqual([]);
  const users = transfers.map((transfer) => transfer.userId);
  const waiting = await findWaitingTransfersOfUsers(bed.database, users);
  expect(waiting.map((transfer) => transfer.id).sort()).toEqual([sending!.id, blocked!.id].sort());
  expect(await findWaitingTransfersOfUsers(bed.database, [])).toEqual([]);
});

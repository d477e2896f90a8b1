/**
 * Goal: an order about many transfers is carried out in full: who moved since it was listed is looked at again.
 * Method: lists are made stale by hand; the orders are those of the commands, on a real database.
 */
import { sql } from 'drizzle-orm';

import { CANCELLED, cancelTransfers, restoreTransfers } from '../../src/client/cancellation';
import { seenPagesOf } from '../../src/client/operator-orders';
import { FAILED, retryTransfers } from '../../src/client/retry';
import { inTransaction } from '../../src/db/database';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import {
  givenPayable,
  givenPayableSettlement,
  openActivityBed,
  type ActivityBed,
} from '../activities/activity-bed';
import { MAX_ATTEMPTS, untilSomebodyWaitsForLock } from '../support/builders';

let bed: ActivityBed;

beforeAll(async () => {
  bed = await openActivityBed();
});

afterAll(() => bed.close());

const ordering = () => ({
  database: bed.database,
  maxAttempts: MAX_ATTEMPTS,
  operator: { actor: 'alex', reason: 'mended' },
});

async function givenFailed(): Promise<PayoutTransfer> {
  const transfer = await givenPayable(bed);
  await bed.fault({ kind: 'status', status: 400, code: 'transfers_not_allowed' });
  await bed.step(transfer);
  return bed.rowOf(transfer);
}

/** As it was listed before it moved. */
const stale = (transfer: PayoutTransfer): PayoutTransfer => ({
  ...transfer,
  updatedAt: new Date(0),
});

test('a transfer that moved since it was listed is retried, and its run is to be told', async () => {
  const failed = await givenFailed();
  const { report, toTell } = await retryTransfers(ordering(), [[stale(failed)]]);
  expect(report).toEqual({ retried: [failed.id], toldAgain: [], refused: [] });
  expect(toTell).toMatchObject([{ transferId: failed.id, settlementId: failed.settlementId }]);
  const again = await retryTransfers(ordering(), [[failed]]);
  expect(again).toMatchObject({ report: { retried: [], toldAgain: [failed.id], refused: [] } });
});

test('one that moved is cancelled and restored too; what is refused says why', async () => {
  const failed = await givenFailed();
  const { report } = await cancelTransfers(ordering(), [[stale(failed)]]);
  expect(report).toMatchObject({ cancelled: [failed.id], refused: [] });
  const cancelled = await bed.rowOf(failed);
  expect(await restoreTransfers(ordering(), [[stale(cancelled)]])).toMatchObject({
    report: { restored: [failed.id], refused: [] },
  });
  expect(await restoreTransfers(ordering(), [[cancelled]])).toMatchObject({
    report: { restored: [], refused: [{ id: failed.id, code: 'not_cancelled', reason: null }] },
    toTell: [],
  });
});

test('an order that is stopped reaches nobody of the next page, and says whom it has reached', async () => {
  const [first, second] = [await givenFailed(), await givenFailed()];
  const stop = new AbortController();
  const stopping = {
    ...ordering(),
    signal: stop.signal,
    onProgress: () => stop.abort(),
  };
  const { report, toTell } = await retryTransfers(stopping, [[first], [second]]);
  expect(report).toMatchObject({ retried: [first.id], refused: [] });
  expect(toTell).toHaveLength(1);
  expect(await bed.rowOf(second)).toEqual(second);
});

test('of a settlement only those are listed who are meant', async () => {
  const failed = await givenFailed();
  const listed: string[] = [];
  for await (const page of seenPagesOf(bed.database, failed.payoutJobId, FAILED)) {
    listed.push(...page.map(({ id }) => id));
  }
  expect(listed).toEqual([failed.id]);
  const nobody = { ...FAILED, isMeant: () => false };
  for await (const page of seenPagesOf(bed.database, failed.payoutJobId, nobody)) {
    expect(page).toEqual([]);
  }
});

test('who is cancelled after an order about all who are cancelled began is not among them', async () => {
  const transfers = await givenPayableSettlement(bed, { winners: 2 });
  const [before, after] = transfers;
  await cancelTransfers(ordering(), [[before!]]);
  const pages = seenPagesOf(bed.database, before!.payoutJobId, CANCELLED);
  const first = await inTransaction(bed.database, async (executor) => {
    await executor.execute(sql`lock table payout_transfers in access exclusive mode`);
    const next = pages.next();
    await untilSomebodyWaitsForLock(bed);
    await executor.execute(sql`
      update payout_transfers set status = 'cancelled', cancel_requested_at = payout_now() where id = ${after!.id}`);
    return { next };
  });
  expect(await first.next).toMatchObject({ value: [{ id: before!.id }] });
  const now = seenPagesOf(bed.database, before!.payoutJobId, CANCELLED);
  expect((await now.next()).value).toHaveLength(2);
});

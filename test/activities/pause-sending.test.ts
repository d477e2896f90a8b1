/**
 * Goal: a pause that is reported stops every later POST, and names every earlier one that has no answer yet (M13).
 * Method: a send is held at the row's lock while the pause is set; the actions are read back from Postgres.
 */
import { pauseSending, resumeSending, sendsBehindPause } from '../../src/activities/pause-sending';
import { wakeAfterPause } from '../../src/activities/wake-after-pause';
import { inTransaction } from '../../src/db/database';
import { beginSend } from '../../src/db/payout-attempts';
import { pauseByAutomation } from '../../src/db/payout-controls';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { waitForBegunSends } from '../../src/db/sends-under-way';
import { untilSomebodyWaitsForLock } from '../support/builders';
import { givenPayable } from './activity-bed';
import { checkedBedOfFile } from './checked-bed';
import { holdRow } from './hold-row';
import { recordingClient } from './recording-client';
import { Gate } from '../workflows/harness';

const OPERATOR = { actor: 'alex', reason: 'the sums look wrong' };

const bed = checkedBedOfFile();

const pause = (scope: string | null) => pauseSending(bed.database, scope, OPERATOR);
const resume = (scope: string | null) => resumeSending(bed.database, scope, OPERATOR);

async function actionsOn(settlementId: string | null): Promise<string[]> {
  const actions = await bed.rows<{ said: string }>(
    `select concat_ws(' ', action, actor, reason) as said from operator_actions
     where subject->>'settlementId' is not distinct from $1 order by id`,
    [settlementId],
  );
  return actions.map(({ said }) => said);
}

describe('what is on its way when the pause comes', () => {
  test('a send that was let through before the pause and is not written yet is in the list', async () => {
    const transfer = await givenPayable(bed);
    const claim = await bed.claimToSend(transfer);
    const { gate, held } = await holdRow(bed, transfer);
    const sending = beginSend(bed.database, claim, bed.platform);
    await untilSomebodyWaitsForLock(bed);
    await pause(transfer.settlementId);
    const underWay = sendsBehindPause(bed.database, transfer.settlementId);
    await untilSomebodyWaitsForLock(bed, 2);
    gate.release();
    await held;
    // The gate was passed before the pause: its statement reads what was committed when it began.
    expect(await sending).toMatchObject({ attemptNumber: 1 });
    expect(await underWay).toEqual([
      { id: transfer.id, attemptNumber: 1, sentAt: expect.any(Date), ageMs: expect.any(Number) },
    ]);
    await bed.record(claim);
  });

  test('a send that comes while the list is read is refused', async () => {
    const transfer = await givenPayable(bed);
    const claim = await bed.claimToSend(transfer);
    await pause(transfer.settlementId);
    const [isReading, gate] = [new Gate(), new Gate()];
    const reading = inTransaction(bed.database, async (executor) => {
      await waitForBegunSends(executor);
      isReading.release();
      await gate.pass();
    });
    await isReading.pass();
    const sending = beginSend(bed.database, claim, bed.platform);
    await untilSomebodyWaitsForLock(bed);
    gate.release();
    await reading;
    expect(await sending).toBeUndefined();
    expect(await sendsBehindPause(bed.database, transfer.settlementId)).toEqual([]);
    await bed.record(claim);
  });

  test('an answered send and one of another settlement are not in the list of a settlement', async () => {
    const [paid, other] = [await givenPayable(bed), await givenPayable(bed)];
    await bed.step(paid);
    const claim = await bed.claimToSend(other);
    await bed.begin(claim);
    expect(await sendsBehindPause(bed.database, paid.settlementId)).toEqual([]);
    expect(await sendsBehindPause(bed.database, other.settlementId)).toHaveLength(1);
    const everywhere = await sendsBehindPause(bed.database, null);
    expect(everywhere.map(({ id }) => id)).toContain(other.id);
    await bed.record(claim);
  });
});

describe('the pauses of an operator', () => {
  test('twice is once; of twenty at a time one sets it, and one action says so', async () => {
    const { settlementId } = await givenPayable(bed);
    const set = await Promise.all(Array.from({ length: 20 }, () => pause(settlementId)));
    expect(set.filter(Boolean)).toHaveLength(1);
    expect(await pause(settlementId)).toBe(false);
    expect(await actionsOn(settlementId)).toEqual(['pause alex the sums look wrong']);
  });

  test('nothing is sent under it, and resuming sends', async () => {
    const transfer = await givenPayable(bed);
    await pause(transfer.settlementId);
    expect(await bed.claim(transfer)).toMatchObject({ view: { failureReason: 'platform_paused' } });
    await resume(transfer.settlementId);
    expect(await bed.step(transfer)).toMatchObject({ status: 'completed' });
    expect(await actionsOn(transfer.settlementId)).toEqual([
      'pause alex the sums look wrong',
      'resume alex the sums look wrong',
    ]);
    expect(await resume(transfer.settlementId)).toEqual({ lifted: [], inForce: [] });
    expect(await actionsOn(transfer.settlementId)).toHaveLength(2);
  });

  test('resuming a settlement lifts its pauses, automation’s too, and leaves those of everything', async () => {
    const { settlementId } = await givenPayable(bed);
    const cause = 'duplicate_stripe_transfer:x';
    await pauseByAutomation(bed.database, { settlementId, cause, isLiftedByItself: false });
    await pause(settlementId);
    await pause(null);
    const { inForce, lifted } = await resume(settlementId);
    expect(lifted.map((control) => control.cause).sort()).toEqual([cause, 'operator']);
    expect(lifted).toMatchObject([{ liftedBy: 'alex' }, { liftReason: OPERATOR.reason }]);
    expect(inForce).toMatchObject([{ settlementId: null, cause: 'operator' }]);
  });

  test('resuming everything leaves the pauses of settlements in force, and names them', async () => {
    const { settlementId } = await givenPayable(bed);
    await pause(settlementId);
    await pause(null);
    const { inForce, lifted } = await resume(null);
    expect(lifted).toMatchObject([{ settlementId: null }]);
    expect(inForce).toMatchObject([{ settlementId }]);
  });
});

describe('who is woken after a pause', () => {
  async function blockedByPause(): Promise<PayoutTransfer> {
    const transfer = await givenPayable(bed);
    await pause(transfer.settlementId);
    await bed.claim(transfer);
    return transfer;
  }

  test('the transfers that waited for it, and the jobs; nobody who is still paused', async () => {
    const [freed, stillPaused] = [await blockedByPause(), await blockedByPause()];
    const running = await givenPayable(bed);
    await resume(freed.settlementId);
    const { client, sent } = recordingClient();
    await wakeAfterPause({ client, database: bed.database }, null);
    expect(sent).toContain(`resume transfer/${freed.id}`);
    expect(sent).toContain(`resume payout-job/${freed.settlementId}`);
    expect(sent).toContain(`resume payout-job/${running.settlementId}`);
    expect(sent).not.toContain(`resume transfer/${stillPaused.id}`);
    expect(sent).not.toContain(`resume transfer/${running.id}`);
  });

  test('of one settlement its own only, also where a run is gone', async () => {
    const freed = await blockedByPause();
    await blockedByPause();
    await resume(freed.settlementId);
    const { client, sent } = recordingClient({ gone: `payout-job/${freed.settlementId}` });
    await wakeAfterPause({ client, database: bed.database }, freed.settlementId);
    expect(sent).toEqual([`resume transfer/${freed.id}`]);
  });
});

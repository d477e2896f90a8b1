/**
 * Goal: what has to wait for a decision that is under way meets one, for as long as a test wants.
 * Method: a transaction of its own that has locked the row before the test goes on.
 */
import { inTransaction } from '../../src/db/database';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { lockTransfer } from '../../src/db/transfer-moves';
import type { DatabaseBed } from '../support/builders';
import { Gate } from '../workflows/harness';

/** Holds the row's lock, as any decider does for a moment, until the gate is opened. */
export async function holdRow(
  { database }: Pick<DatabaseBed, 'database'>,
  transfer: PayoutTransfer,
): Promise<{ readonly gate: Gate; readonly held: Promise<void> }> {
  const [locked, gate] = [new Gate(), new Gate()];
  const held = inTransaction(database, async (executor) => {
    await lockTransfer(executor, transfer.id);
    locked.release();
    await gate.pass();
  });
  await locked.pass();
  return { gate, held };
}

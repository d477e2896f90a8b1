/**
 * Goal: what the knock-outs share: how an answer is lost, a database that comes back older, and who notices afterwards.
 * Method: the activity bed with the real Postgres and the real sandbox; the owner of the tables does what no code may.
 */
import { isPaused } from '../../src/db/payout-controls';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import type { ActivityBed } from '../activities/activity-bed';

/** Stripe pays and its answer never arrives. */
export const LOST = { kind: 'drop_after' };

/** Longer than any test moves its clocks. */
export const FOR_EVER_MS = 10_000 * 24 * 60 * 60 * 1_000;

/**
 * Keeps every row as it is now.
 * @returns brings them back, as a restore from a backup does: what was written since is gone
 */
export async function backUp(bed: ActivityBed): Promise<() => Promise<void>> {
  const tables = await bed.rows<{ name: string }>(
    `select tablename as name from pg_tables where schemaname = 'public'`,
  );
  await bed.inTransaction(
    'drop schema if exists backup cascade',
    'create schema backup',
    ...tables.map(({ name }) => `create table backup.${name} as table public.${name}`),
  );
  return () =>
    bed.inTransaction(
      // A restore is not stopped by triggers.
      'set local session_replication_role = replica',
      ...tables.flatMap(({ name }) => [
        `delete from public.${name}`,
        `insert into public.${name} select * from backup.${name}`,
      ]),
    );
}

/** Whether the next reading of Stripe's list, which every start of a job makes, stops the settlement for a person. */
export async function isNoticedByListReading(
  bed: ActivityBed,
  transfer: PayoutTransfer,
): Promise<boolean> {
  await bed.readList(transfer);
  return hasDuplicateAlarm(bed, transfer);
}

/** Whether the settlement is stopped because Stripe made, or may have made, two transfers for this debt. */
export async function hasDuplicateAlarm(
  bed: ActivityBed,
  { id, settlementId }: PayoutTransfer,
): Promise<boolean> {
  const alarms = await bed.rows(
    'select from payout_controls where settlement_id = $1 and cause = $2 and lifted_at is null',
    [settlementId, `duplicate_stripe_transfer:${id}`],
  );
  return alarms.length === 1 && (await isPaused(bed.database, settlementId));
}

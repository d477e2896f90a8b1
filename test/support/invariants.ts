/**
 * Goal: the statements about money that hold at every moment, whatever was done before.
 * Method: the product's own invariants and seals; all of them are asked after each test of an activity.
 */
import { checkInvariants } from '../../src/db/invariants';
import { findBrokenSeals } from '../../src/db/ledger-hash';
import type { DatabaseBed } from './builders';

/** The statements that do not hold, with what breaks them; empty when all hold. */
export async function brokenInvariants(
  bed: Pick<DatabaseBed, 'database'>,
  settlementId?: string,
): Promise<string[]> {
  const checked = await checkInvariants(bed.database, settlementId);
  const seals = await findBrokenSeals(bed.database, settlementId);
  return [...checked, { name: 'every sealed ledger is as it was', breaks: seals }].flatMap(
    ({ name, breaks }) => breaks.map((broken) => `${name}: ${broken}`),
  );
}

import { sql } from 'drizzle-orm';

import { inSnapshot, type Database } from '../../db/database';
import { checkDiligence, checkInvariants } from '../../db/invariants';
import { trialBalance, type TrialBalanceRow } from '../../db/ledger';
import { findBrokenSeals } from '../../db/ledger-hash';
import { checkOf, type VerifyBreak, type VerifyCheck } from './verify-report';

/** Whole tables are read, which takes longer than a statement of a worker may. */
const STATEMENT_TIMEOUT = '10min';

/** What Postgres alone can tell, in one snapshot: the invariants, the trial balance and the seals. */
export async function verifyBooks(
  database: Database,
  settlementId: string | undefined,
): Promise<{ readonly checks: VerifyCheck[]; readonly balances: readonly TrialBalanceRow[] }> {
  return inSnapshot(database, async (transaction) => {
    await transaction.execute(
      sql`set local statement_timeout = ${sql.raw(`'${STATEMENT_TIMEOUT}'`)}`,
    );
    const invariants = [
      ...(await checkInvariants(transaction, settlementId)),
      ...(await checkDiligence(transaction, settlementId)),
    ];
    const balances = await trialBalance(transaction, settlementId);
    const seals = await findBrokenSeals(transaction, settlementId);
    const checks = [
      ...invariants.map(({ name, breaks }) =>
        checkOf(
          name,
          breaks.map((subject) => ({ kind: 'invariant', subject })),
        ),
      ),
      checkOf('the trial balance sums to zero in every currency', unbalanced(balances)),
      checkOf(
        'every sealed ledger is as it was when its job completed',
        seals.map((sealed) => ({ kind: 'seal', settlementId: sealed })),
      ),
    ];
    return { checks, balances };
  });
}

function unbalanced(balances: readonly TrialBalanceRow[]): VerifyBreak[] {
  const sums = new Map<string, number>();
  for (const { balanceMinor, currency } of balances) {
    sums.set(currency, (sums.get(currency) ?? 0) + balanceMinor);
  }
  return [...sums]
    .filter(([, hereMinor]) => hereMinor !== 0)
    .map(([currency, hereMinor]) => ({ kind: 'trial_balance', hereMinor, currency }));
}

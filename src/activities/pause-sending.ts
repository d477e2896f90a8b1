import type { Operator } from '../domain/operator-reason';
import { inTransaction, type Database } from '../db/database';
import { recordOperatorAction } from '../db/operator-actions';
import {
  findPausesTouching,
  liftPausesByOperator,
  pauseByOperator,
  type PauseScope,
} from '../db/operator-pauses';
import type { PayoutControl } from '../db/payout-controls';
import { findSendsUnderWay, waitForBegunSends, type SendUnderWay } from '../db/sends-under-way';

/**
 * Pauses one settlement or everything (null) for an operator: committed when this returns, and asked by the SQL before
 * every POST (M13). Safe to repeat.
 * @returns whether this call set it; false when the operator's pause was in force already
 */
export async function pauseSending(
  database: Database,
  scope: PauseScope,
  operator: Operator,
): Promise<boolean> {
  return inTransaction(database, async (executor) => {
    const isSet = await pauseByOperator(executor, scope, operator);
    if (isSet) {
      await recordOperatorAction(executor, {
        action: 'pause',
        ...operator,
        subject: { settlementId: scope },
      });
    }
    return isSet;
  });
}

/**
 * What is still on its way to Stripe under a pause that is committed: every send that the pause came too late for is in
 * the answer, and none begins after it.
 */
export async function sendsBehindPause(
  database: Database,
  scope: PauseScope,
): Promise<readonly SendUnderWay[]> {
  return inTransaction(database, async (executor) => {
    await waitForBegunSends(executor);
    return findSendsUnderWay(executor, scope);
  });
}

export interface Resumption {
  readonly lifted: readonly PayoutControl[];
  /** What still stops the scope, or for everything a part of it. */
  readonly inForce: readonly PayoutControl[];
}

/**
 * Lifts every pause of exactly this scope, automation's too. Safe to repeat; who waited has to be woken after it.
 * @param seenIds only those that the person saw
 */
export async function resumeSending(
  database: Database,
  scope: PauseScope,
  operator: Operator,
  seenIds?: readonly number[],
): Promise<Resumption> {
  return inTransaction(database, async (executor) => {
    const lifted = await liftPausesByOperator(executor, scope, operator, seenIds);
    if (lifted.length > 0) {
      const causes = lifted.map(({ cause }) => cause).join(' ');
      await recordOperatorAction(executor, {
        action: 'resume',
        ...operator,
        subject: { settlementId: scope, causes },
      });
    }
    return { lifted, inForce: await findPausesTouching(executor, scope) };
  });
}

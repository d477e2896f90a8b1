import { desc, sql } from 'drizzle-orm';

import type { Executor } from './database';
import { operatorActions } from './schema';

export interface OperatorAction {
  readonly action: string;
  readonly actor: string;
  readonly reason: string;
  readonly subject: Readonly<Record<string, string | number | null>>;
}

/** Written in the transaction of what it describes, so that neither exists without the other. */
export async function recordOperatorAction(
  executor: Executor,
  action: OperatorAction,
): Promise<void> {
  await executor.insert(operatorActions).values({ ...action, subject: { ...action.subject } });
}

export type RecordedAction = typeof operatorActions.$inferSelect;

/** What operators did about one transfer, newest first. */
export async function findActionsOfTransfer(
  executor: Executor,
  transferId: string,
  actionsMax: number,
): Promise<RecordedAction[]> {
  return executor
    .select()
    .from(operatorActions)
    .where(sql`${operatorActions.subject}->>'transferId' = ${transferId}`)
    .orderBy(desc(operatorActions.id))
    .limit(actionsMax);
}

/** What operators did about a settlement and its transfers, newest first. */
export async function findActionsOfSettlement(
  executor: Executor,
  settlementId: string,
  actionsMax: number,
): Promise<RecordedAction[]> {
  return executor
    .select()
    .from(operatorActions)
    .where(sql`${operatorActions.subject}->>'settlementId' = ${settlementId}`)
    .orderBy(desc(operatorActions.id))
    .limit(actionsMax);
}

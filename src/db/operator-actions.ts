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

import { SIGNALS } from '../domain/contracts';
import { jobWorkflowId, transferWorkflowId } from '../domain/ids';
import { isTerminal } from '../domain/transfer-state';
import { findWaitingTransfersOfUsers } from '../db/payout-transfers';
import type { WakingConnections } from './wake-after-pause';
import { wakeWorkflows, type WakeUp } from './wake-workflows';

/**
 * Wakes the transfers that wait for these users, and their jobs, one signal each. A signal says only "look again", so
 * a lost or a doubled one changes nothing; who has no open run is left to the next start of the job.
 */
export async function wakeWaitingTransfers(
  connections: WakingConnections,
  userIds: readonly string[],
): Promise<number> {
  const waiting = await findWaitingTransfersOfUsers(connections.database, userIds);
  const open = waiting.filter(({ status }) => !isTerminal(status));
  const wakeUps: WakeUp[] = [
    ...open.map(({ id }) => ({ workflowId: transferWorkflowId(id), signal: SIGNALS.payeeReady })),
    ...[...new Set(open.map(({ settlementId }) => settlementId))].map((settlementId) => ({
      workflowId: jobWorkflowId(settlementId),
      signal: SIGNALS.changed,
    })),
  ];
  await wakeWorkflows(connections.client, wakeUps);
  return open.length;
}

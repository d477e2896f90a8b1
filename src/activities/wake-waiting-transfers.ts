import { SIGNALS } from '../domain/contracts';
import { isTerminal } from '../domain/transfer-state';
import { findWaitingTransfersOfUsers } from '../db/payout-transfers';
import type { WakingConnections } from './wake-after-pause';
import { wakeUpOfJob, wakeUpOfTransfer, wakeWorkflows } from './wake-workflows';

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
  const settlementIds = new Set(open.map(({ settlementId }) => settlementId));
  await wakeWorkflows(connections.client, [
    ...open.map(({ id }) => wakeUpOfTransfer(id, SIGNALS.payeeReady)),
    ...[...settlementIds].map((settlementId) => wakeUpOfJob(settlementId, SIGNALS.changed)),
  ]);
  return open.length;
}

import type { Client } from '@temporalio/client';

import { SIGNALS } from '../domain/contracts';
import type { Database } from '../db/database';
import { everyPage } from '../db/every-page';
import type { PauseScope } from '../db/operator-pauses';
import { findOpenJobs, type PayoutJob } from '../db/payout-jobs';
import { findTransfersToWake } from '../db/waiting-transfers';
import { wakeUpOfJob, wakeUpOfTransfer, wakeWorkflows } from './wake-workflows';

/** Reaches the runs that a pause concerns. */
export interface WakingConnections {
  readonly client: Client;
  readonly database: Database;
}

/** Wakes the transfers whose cause to wait is gone with a pause, and the jobs of its scope. Safe to repeat. */
export async function wakeAfterPause(
  connections: WakingConnections,
  scope: PauseScope,
): Promise<void> {
  await tellJobs(connections, scope, SIGNALS.resume);
  await wakeFreedTransfers(connections, scope, SIGNALS.resume);
}

/** Wakes the transfers of a scope whose cause to wait Postgres sees to be gone. Safe to repeat. */
export async function wakeFreedTransfers(
  { client, database }: WakingConnections,
  scope: PauseScope,
  signal: 'changed' | 'resume',
): Promise<void> {
  const read = (last: string | undefined, transfersMax: number) =>
    findTransfersToWake(database, scope, { afterTransferId: last ?? null, transfersMax });
  for await (const freed of everyPage(read)) {
    await wakeWorkflows(
      client,
      freed.map((id) => wakeUpOfTransfer(id, signal)),
    );
  }
}

/** Tells the open jobs of a scope to look at their pauses. */
export async function tellJobs(
  { client, database }: WakingConnections,
  scope: PauseScope,
  signal: 'pause' | 'resume',
): Promise<void> {
  const tell = (settlementIds: readonly string[]) =>
    wakeWorkflows(
      client,
      settlementIds.map((id) => wakeUpOfJob(id, signal)),
    );
  if (scope !== null) {
    await tell([scope]);
    return;
  }
  const read = (last: PayoutJob | undefined, jobsMax: number) =>
    findOpenJobs(database, { ...(last && { afterJobId: last.id }), jobsMax });
  for await (const page of everyPage(read)) {
    await tell(page.map(({ settlementId }) => settlementId));
  }
}

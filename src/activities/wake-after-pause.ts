import type { Client } from '@temporalio/client';

import { SIGNALS } from '../domain/contracts';
import type { Database } from '../db/database';
import type { PauseScope } from '../db/operator-pauses';
import { findOpenJobs } from '../db/payout-jobs';
import { findTransfersToWake } from '../db/waiting-transfers';
import { wakeUpOfJob, wakeUpOfTransfer, wakeWorkflows } from './wake-workflows';

/** Reaches the runs that a pause concerns. */
export interface WakingConnections {
  readonly client: Client;
  readonly database: Database;
}

const ROWS_PER_PAGE = 1_000;

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
  let afterTransferId: string | null = null;
  do {
    const freed: string[] = await findTransfersToWake(database, scope, {
      afterTransferId,
      transfersMax: ROWS_PER_PAGE,
    });
    await wakeWorkflows(
      client,
      freed.map((id) => wakeUpOfTransfer(id, signal)),
    );
    afterTransferId = freed.at(-1) ?? null;
  } while (afterTransferId !== null);
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
  let page = await findOpenJobs(database, { jobsMax: ROWS_PER_PAGE });
  for (let last = page.at(-1); last !== undefined; last = page.at(-1)) {
    await tell(page.map(({ settlementId }) => settlementId));
    page = await findOpenJobs(database, { afterJobId: last.id, jobsMax: ROWS_PER_PAGE });
  }
}

import type { Client } from '@temporalio/client';

import { isPassed } from '../../activities/read-transfer-page';
import {
  temporalRuns,
  type RunState,
  type WorkflowRun,
  type WorkflowRuns,
} from '../../activities/workflow-runs';
import { jobWorkflowId, reversalWorkflowId, transferWorkflowId } from '../../domain/ids';
import { isTerminal } from '../../domain/transfer-state';
import { findCancelDecisions, isForgottenCancel } from '../../db/cancel-decisions';
import type { Database } from '../../db/database';
import { readPayoutClock } from '../../db/payout-clock';
import { findOpenReversals } from '../../db/payout-reversals';
import { findOpenTransfers } from '../../db/payout-transfers';
import { readBookTransfers, type BookJob, type BookTransfer } from '../../db/settlement-books';
import type { VerifyBreak } from './verify-report';

/** A settlement or a row that changed less than this ago may be ahead of its run, or its run ahead of it. */
const RUN_GRACE_MS = 60_000;

/** Visibility lags behind by moments; that does not explain more than so many, so no more are asked about one by one. */
const DESCRIBED_MAX = 1_000;

export const RUN_STATEMENTS = {
  job_without_run: 'every job that is not complete has a running workflow',
  open_without_run:
    'every open transfer has a running workflow, or its running job has yet to start it',
  open_with_cancelled_run:
    'no workflow is closed as canceled for an open transfer that nobody has cancelled',
  unpaid_with_completed_run: 'no workflow is completed for a transfer that is not paid',
  ended_with_running_run: 'no workflow is running for a transfer that is at its end',
  reversal_without_run: 'every reversal that is not at its end has a running workflow',
} as const;

type RunBreakKind = keyof typeof RUN_STATEMENTS;

/** Compares the rows of a settlement to one visibility list; what looks broken is looked at again before it is told. */
export async function verifyRuns(
  { client, database }: { readonly client: Client; readonly database: Database },
  job: BookJob,
  transfers: ReadonlyMap<string, BookTransfer>,
): Promise<VerifyBreak[]> {
  const { settlementId } = job;
  const asked = temporalRuns(client);
  const runs = await asked.ofSettlement(settlementId);
  const jobRuns = runs.get(jobWorkflowId(settlementId)) === 'RUNNING';
  const isYoung = job.ageMs < RUN_GRACE_MS;
  const lacksRun = (transfer: BookTransfer) =>
    !isTerminal(transfer.status) && !runs.has(transferWorkflowId(transfer.id));
  // Asked before the runs are looked at again: whomever the job has passed by now has a run by then.
  const isToCome =
    jobRuns && [...transfers.values()].some(lacksRun)
      ? await whoIsToCome(asked, settlementId)
      : () => false;
  const isGraced = ({ kind }: Suspect) => isYoung && kind === 'open_without_run';
  const suspects = [...transfers.values()].flatMap((transfer) => {
    const kind = suspicion(transfer, runs.get(transferWorkflowId(transfer.id)), isToCome);
    return kind === undefined ? [] : [{ kind, transferId: transfer.id }];
  });
  const breaks = await confirmed(
    { asked, database },
    { settlementId, isToCome },
    suspects.filter((suspect) => !isGraced(suspect)),
  );
  const isJobLost =
    !job.isComplete &&
    !jobRuns &&
    !isYoung &&
    (await asked.newestOf(jobWorkflowId(settlementId)))?.state !== 'RUNNING';
  return [
    ...(isJobLost ? [{ kind: 'job_without_run', settlementId }] : []),
    ...breaks
      .filter((found) => !isGraced(found))
      .map(({ kind, transferId }) => ({ kind, settlementId, transferId })),
    ...(await verifyReversalRuns(database, asked, settlementId)),
  ];
}

/** The sweep starts those that nobody drives, so one that is young is none yet. */
async function verifyReversalRuns(
  database: Database,
  asked: WorkflowRuns,
  settlementId: string,
): Promise<VerifyBreak[]> {
  const open = await findOpenReversals(database, { settlementId, reversalsMax: DESCRIBED_MAX });
  const nowMs = (await readPayoutClock(database)).getTime();
  const breaks: VerifyBreak[] = [];
  for (const { id, transferId, updatedAt } of open) {
    const isYoung = nowMs - updatedAt.getTime() < RUN_GRACE_MS;
    if (!isYoung && (await asked.newestOf(reversalWorkflowId(id)))?.state !== 'RUNNING') {
      breaks.push({ kind: 'reversal_without_run', settlementId, transferId, subject: id });
    }
  }
  return breaks;
}

/** Whether a running job has yet to come to a transfer. Of one that does not answer nothing can be told: to everybody. */
type IsToCome = (transfer: BookTransfer) => boolean;

async function whoIsToCome(asked: WorkflowRuns, settlementId: string): Promise<IsToCome> {
  const cursor = await asked.cursorOf(settlementId);
  return (transfer) => cursor === undefined || !isPassed(cursor, transfer);
}

function suspicion(
  transfer: BookTransfer,
  run: RunState | undefined,
  isToCome: IsToCome,
): RunBreakKind | undefined {
  if (run === 'COMPLETED') {
    return transfer.status === 'completed' ? undefined : 'unpaid_with_completed_run';
  }
  if (run === 'RUNNING') {
    return !isTerminal(transfer.status) || transfer.unchangedMs < RUN_GRACE_MS
      ? undefined
      : 'ended_with_running_run';
  }
  if (run === 'CANCELLED') {
    return !isTerminal(transfer.status) ? 'open_with_cancelled_run' : undefined;
  }
  const isExcused = run === undefined && isToCome(transfer);
  return !isTerminal(transfer.status) && !isExcused ? 'open_without_run' : undefined;
}

interface Suspect {
  readonly kind: RunBreakKind;
  readonly transferId: string;
}

/** Asks Temporal itself, and Postgres once more: both may have moved since they were read. */
async function confirmed(
  { asked, database }: { readonly asked: WorkflowRuns; readonly database: Database },
  { settlementId, isToCome }: { readonly settlementId: string; readonly isToCome: IsToCome },
  suspects: readonly Suspect[],
): Promise<Suspect[]> {
  if (suspects.length === 0 || suspects.length > DESCRIBED_MAX) {
    return [...suspects];
  }
  const runs = new Map<string, WorkflowRun | undefined>();
  for (const { transferId } of suspects) {
    runs.set(transferId, await asked.newestOf(transferWorkflowId(transferId)));
  }
  const forgotten = await findForgotten(database, runs);
  const rows = await readBookTransfers(
    database,
    settlementId,
    suspects.map(({ transferId }) => transferId),
  );
  return suspects.flatMap(({ transferId }) => {
    const row = rows.get(transferId);
    const kind = row && suspicion(row, runs.get(transferId)?.state, isToCome);
    if (kind === undefined) {
      return [];
    }
    const isKnown = kind === 'open_with_cancelled_run' && !forgotten.has(transferId);
    return [{ kind: isKnown ? 'open_without_run' : kind, transferId }];
  });
}

/** Open transfers of whose cancel, which closed their runs, this database knows nothing. */
async function findForgotten(
  database: Database,
  runs: ReadonlyMap<string, WorkflowRun | undefined>,
): Promise<ReadonlySet<string>> {
  const cancelled = [...runs].flatMap(([id, run]) => (run?.state === 'CANCELLED' ? [id] : []));
  const open = await findOpenTransfers(database, cancelled);
  const decisions = await findCancelDecisions(database, cancelled);
  const forgotten = open.filter((transfer) =>
    isForgottenCancel(transfer, runs.get(transfer.id)?.closedAtMs ?? null, decisions),
  );
  return new Set(forgotten.map(({ id }) => id));
}

import {
  SEARCH_ATTRIBUTES,
  TASK_QUEUES,
  type JobStart,
  type PayoutJobInput,
  type ReversalInput,
  type TransferInput,
  type TransferStart,
} from './contracts';
import { jobWorkflowId, reversalWorkflowId, transferWorkflowId } from './ids';
import { markdownTable } from './markdown-table';
import { formatAmount } from './money';

/** What the run of a settlement's job is started with, whoever starts it. */
export function jobRun(start: JobStart) {
  const { contentHash, contestId, currency, settlementId, totalMinor, winnerCount } = start;
  const input: PayoutJobInput = { settlementId, contestId, contentHash };
  return {
    workflowId: jobWorkflowId(settlementId),
    taskQueue: TASK_QUEUES.payouts,
    args: [input] as [PayoutJobInput],
    staticSummary: `pay ${winnerCount.toString()} winners ${formatAmount(totalMinor, currency)}`,
    staticDetails: details(`payouts status ${settlementId}`, [
      ['settlement', settlementId],
      ['contest', contestId],
      ['winners', winnerCount.toString()],
      ['total', formatAmount(totalMinor, currency)],
      ['content hash', contentHash],
    ]),
    typedSearchAttributes: startAttributes(start),
  };
}

/** What the run of a transfer is started with by its job, which hears of its end as of a child's. */
export function transferRun(start: TransferStart) {
  const { amountMinor, contestId, currency, settlementId, transferId } = start;
  const input: TransferInput = { transferId, settlementId, contestId, amountMinor, currency };
  return {
    workflowId: transferWorkflowId(transferId),
    taskQueue: TASK_QUEUES.payouts,
    args: [input] as [TransferInput],
    staticSummary: `pay ${formatAmount(amountMinor, currency)}, settlement ${settlementId}`,
    staticDetails: details(`payouts why ${transferId}`, [
      ['transfer', transferId],
      ['settlement', settlementId],
      ['contest', contestId],
      ['amount', formatAmount(amountMinor, currency)],
    ]),
    typedSearchAttributes: startAttributes(start),
  };
}

/** The same where somebody else than the job starts it: as one that has waited, it tells the job of its end itself. */
export function loneTransferRun(start: TransferStart) {
  const run = transferRun(start);
  const [input] = run.args;
  return { ...run, args: [{ ...input, waits: 0 }] as [TransferInput] };
}

/** What the run of a reversal is started with, whoever starts it; everything else its row says. */
export function reversalRun(reversalId: string) {
  const input: ReversalInput = { reversalId };
  return {
    workflowId: reversalWorkflowId(reversalId),
    taskQueue: TASK_QUEUES.payouts,
    args: [input] as [ReversalInput],
    staticSummary: `take back a payment, reversal ${reversalId}`,
    staticDetails: markdownTable(['', ''], [['reversal', reversalId]]),
  };
}

/** What a run is for, as long as it is kept: ids and amounts only, as everybody who may see the Web UI reads it (M12). */
function details(command: string, rows: readonly (readonly string[])[]): string {
  return `${markdownTable(['', ''], rows)}\n\nHow it stands: \`${command}\``;
}

/** What every sweep is for, whoever starts it. */
export const SWEEP_DETAILS =
  'Compares open payouts in Postgres with their runs. Moves no money. By hand: `payouts sweep`.';

/** What a run carries from its first event, so that the list in the Web UI can be filtered by it. */
function startAttributes({ contestId, settlementId }: JobStart | TransferStart) {
  return [
    { key: SEARCH_ATTRIBUTES.settlementId, value: settlementId },
    { key: SEARCH_ATTRIBUTES.contestId, value: contestId },
    { key: SEARCH_ATTRIBUTES.state, value: 'pending' },
  ];
}

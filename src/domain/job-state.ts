import type { TransferStatus } from './transfer-state';

/** The states of a payout job (design §3). A job never fails: mixed results are complete, and the counts tell. */
export const JOB_STATUSES = [
  'pending',
  'awaiting_approval',
  'awaiting_funds',
  'processing',
  'complete',
] as const;

export type JobStatus = (typeof JOB_STATUSES)[number];

export const JOB_TRANSITIONS: Readonly<Record<JobStatus, readonly JobStatus[]>> = {
  pending: ['awaiting_approval', 'awaiting_funds', 'processing', 'complete'],
  awaiting_approval: ['awaiting_funds', 'processing', 'complete'],
  awaiting_funds: ['processing', 'complete'],
  processing: ['complete'],
  complete: ['processing'],
};

export type JobOutcome = 'paid' | 'partially_paid' | 'unpaid';

/** How many transfers of a job are in each state, and their sums in minor units of the job's one currency. */
export type TransferCounts = Readonly<Record<TransferStatus, number>>;

/** What a job has paid so far, derived from its transfers and never stored as a fact of its own. */
export function jobOutcome(counts: TransferCounts): JobOutcome {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  if (counts.completed === 0) {
    return 'unpaid';
  }
  return counts.completed === total ? 'paid' : 'partially_paid';
}

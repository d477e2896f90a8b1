/** The states of one reversal and every edge between them. The same table stands in SQL; a test compares. */
export const REVERSAL_STATUSES = [
  /** Written down, nothing sent. */
  'pending',
  /** Sent, or about to be. */
  'processing',
  /** Sent, and nothing proves what came of it. */
  'unknown',
  'completed',
  /** Proven not made; another try is another reversal with a key of its own. */
  'refused',
] as const;
export type ReversalStatus = (typeof REVERSAL_STATUSES)[number];

/** Money that came back is recorded from any state, also when it is learnt late (M9). */
export const REVERSAL_TRANSITIONS: Readonly<Record<ReversalStatus, readonly ReversalStatus[]>> = {
  pending: ['processing', 'completed', 'refused'],
  processing: ['unknown', 'completed', 'refused'],
  unknown: ['processing', 'completed', 'refused'],
  completed: [],
  refused: ['completed'],
};

/** Those that are not at their end; a transfer has at most one of them. */
export const OPEN_REVERSAL_STATUSES = [
  'pending',
  'processing',
  'unknown',
] as const satisfies readonly ReversalStatus[];

export function isReversalEnded(status: ReversalStatus): status is 'completed' | 'refused' {
  return status === 'completed' || status === 'refused';
}

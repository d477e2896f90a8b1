/** The states of one transfer and every edge between them (design §3). The same table stands in SQL; a test compares. */
export const TRANSFER_STATUSES = [
  'pending',
  'processing',
  'retryable',
  'blocked',
  'unknown',
  'completed',
  'failed_terminal',
  'cancelled',
  'voided',
] as const;

export type TransferStatus = (typeof TRANSFER_STATUSES)[number];

export const TRANSFER_TRANSITIONS: Readonly<Record<TransferStatus, readonly TransferStatus[]>> = {
  pending: ['processing', 'blocked', 'unknown', 'completed', 'cancelled'],
  retryable: ['processing', 'blocked', 'completed', 'cancelled'],
  processing: ['retryable', 'blocked', 'unknown', 'failed_terminal', 'completed'],
  blocked: ['pending', 'failed_terminal', 'completed', 'cancelled'],
  unknown: ['processing', 'retryable', 'blocked', 'completed'],
  failed_terminal: ['retryable', 'completed', 'cancelled'],
  cancelled: ['pending', 'voided', 'completed'],
  voided: ['completed'],
  completed: [],
};

const TERMINAL_STATUSES = [
  'completed',
  'failed_terminal',
  'cancelled',
  'voided',
] as const satisfies readonly TransferStatus[];

const TERMINAL: ReadonlySet<TransferStatus> = new Set<TransferStatus>(TERMINAL_STATUSES);

export function isTerminal(status: TransferStatus): boolean {
  return TERMINAL.has(status);
}

/** Those that are not at their end. */
export const OPEN_STATUSES: readonly TransferStatus[] = TRANSFER_STATUSES.filter(
  (status) => !isTerminal(status),
);

export function canTransition(from: TransferStatus, to: TransferStatus): boolean {
  return TRANSFER_TRANSITIONS[from].includes(to);
}

/** Whether an operator has given the debt up: for good, or until it is restored. */
export function isGivenUp(status: TransferStatus): boolean {
  return status === 'cancelled' || status === 'voided';
}

/** Neither paid nor given up: the payment goes on by itself, or once somebody retries it. */
export function isToBePaid(status: TransferStatus): boolean {
  return status !== 'completed' && !isGivenUp(status);
}

export const TO_BE_PAID_STATUSES: readonly TransferStatus[] = TRANSFER_STATUSES.filter(isToBePaid);

/** Neither paid nor voided: still a debt, of which `prizes_payable` is the sum. A cancelled one is. */
export function isOwed(status: TransferStatus): boolean {
  return status !== 'completed' && status !== 'voided';
}

export const OWED_STATUSES: readonly TransferStatus[] = TRANSFER_STATUSES.filter(isOwed);

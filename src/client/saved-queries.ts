import { CANCEL_REQUESTED } from '../domain/contracts';

const TRANSFER = 'WorkflowType="TransferWorkflow"';
const JOB = 'WorkflowType="PayoutJobWorkflow"';
const RUNNING = 'ExecutionStatus="Running"';
const FAILED = 'ExecutionStatus="Failed"';
const UNPAID = `${TRANSFER} AND (${RUNNING} OR ${FAILED})`;

/** What a query is about, where its question asks for it. */
export interface QuerySubject {
  readonly contestId: string;
  readonly settlementId: string;
  /** ISO 8601, such as `2026-01-31T00:00:00Z`: the list knows no "today". */
  readonly midnight: string;
  /** ISO 8601; likewise. */
  readonly aDayAgo: string;
}

/**
 * For the Temporal Web UI and its list: the winners of a contest who are not paid. Runs that continued as new are left
 * out, since they keep the search attributes of their end although their successor may have paid.
 */
export function unpaidTransfersQuery(contestId: string): string {
  return `PayoutContestId="${contestId}" AND ${UNPAID}`;
}

/**
 * The winners of a contest whose payments an operator has given up, and those who wait for it. One that was restored
 * has another run beside the closed one.
 */
export function cancelledTransfersQuery(contestId: string): string {
  return `PayoutContestId="${contestId}" AND ${TRANSFER} AND (ExecutionStatus="Canceled" OR (${RUNNING} AND PayoutState="${CANCEL_REQUESTED}"))`;
}

/** What operators ask the list, and the query that answers: docs/RUNBOOK.md shows all of them to copy, README.md some. */
export const SAVED_QUERIES: Readonly<Record<string, (subject: QuerySubject) => string>> = {
  'who of a contest is not paid?': ({ contestId }) => unpaidTransfersQuery(contestId),
  'who of a settlement is not paid?': ({ settlementId }) =>
    `PayoutSettlementId="${settlementId}" AND ${UNPAID}`,
  'who waits for a ready account?': () =>
    `${TRANSFER} AND ${RUNNING} AND PayoutFailureClass="payee"`,
  'who waits for us (money, key, pause, approval)?': () =>
    `${TRANSFER} AND ${RUNNING} AND PayoutFailureClass="platform"`,
  'whose outcome is unknown?': () =>
    `${TRANSFER} AND ${RUNNING} AND (PayoutState="unknown" OR PayoutState="${CANCEL_REQUESTED}")`,
  'who needs a person?': () => `${TRANSFER} AND ${FAILED}`,
  'who failed today?': ({ midnight }) => `${TRANSFER} AND ${FAILED} AND CloseTime>="${midnight}"`,
  'who is stuck longer than a day?': ({ aDayAgo }) =>
    `${TRANSFER} AND ${RUNNING} AND StartTime<"${aDayAgo}"`,
  'who of a contest is cancelled, or waits for it?': ({ contestId }) =>
    cancelledTransfersQuery(contestId),
  'which jobs wait for approval?': () =>
    `${JOB} AND ${RUNNING} AND PayoutState="awaiting_approval"`,
  'which jobs wait for money?': () => `${JOB} AND ${RUNNING} AND PayoutState="awaiting_funds"`,
  'which jobs are under way?': () => `${JOB} AND ${RUNNING}`,
  'which jobs have failed winners?': () => `${JOB} AND PayoutFailedCount>0`,
  'what did somebody terminate?': () => `${TRANSFER} AND ExecutionStatus="Terminated"`,
};

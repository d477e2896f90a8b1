import { CANCEL_REQUESTED } from '../domain/contracts';

/**
 * For the Temporal Web UI and its list: the winners of a contest who are not paid. Runs that continued as new are left
 * out, since they keep the search attributes of their end although their successor may have paid.
 */
export function unpaidTransfersQuery(contestId: string): string {
  return `PayoutContestId="${contestId}" AND WorkflowType="TransferWorkflow" AND (ExecutionStatus="Running" OR ExecutionStatus="Failed")`;
}

/**
 * The winners of a contest whose payments an operator has given up, and those who wait for it. One that was restored
 * has another run beside the closed one.
 */
export function cancelledTransfersQuery(contestId: string): string {
  return `PayoutContestId="${contestId}" AND WorkflowType="TransferWorkflow" AND (ExecutionStatus="Canceled" OR (ExecutionStatus="Running" AND PayoutState="${CANCEL_REQUESTED}"))`;
}

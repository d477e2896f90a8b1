import { activityInfo, Context, log } from '@temporalio/activity';

import type { TransferClaim } from '../domain/contracts';
import type { PauseScope } from '../db/operator-pauses';
import { forgetEndedEvents } from '../db/stripe-events';
import type { ReversalClaim } from '../db/payout-reversal-attempts';
import { FUNDS_TRIES_MAX } from '../domain/limits';
import { checkApproval, type CheckApprovalInput } from './check-approval';
import { checkFunds, type CheckFundsInput } from './check-funds';
import { checkJob, type CheckJobInput } from './check-job';
import { claimReversal } from './claim-reversal';
import { claimTransfer, type ClaimTransferInput } from './claim-transfer';
import { createStripeReversal } from './create-stripe-reversal';
import { createStripeTransfer } from './create-stripe-transfer';
import type { ActivityDependencies } from './dependencies';
import { codeOfFailure } from './failure-code';
import { discreetly } from './failures';
import { askPayeeReadiness } from './ask-payee-readiness';
import { lookAtReversal } from './look-at-reversal';
import { lookAtPauses, type LookAtPausesInput } from './look-at-pauses';
import type { OperatorOrder } from './operator-order';
import { readStripeList, type ReadStripeListInput } from './read-stripe-list';
import { readTransferPage, type ReadTransferPageInput } from './read-transfer-page';
import { reopenPaidRuns, type ReopenPaidRunsInput } from './reopen-paid-runs';
import { reconcileTransfer } from './reconcile-transfer';
import { recordOutcome } from './record-outcome';
import { requestOwnCancel, type RequestOwnCancelInput } from './request-own-cancel';
import {
  findJoblessSettlements,
  planSettlementSweep,
  planSweep,
  type SweepPageInput,
} from './sweep';
import { beginSweep, endSweep } from './sweep-registry';
import { temporalRuns, type WorkflowRuns } from './workflow-runs';
import { wakeAfterPause } from './wake-after-pause';
import { wakeTransfers } from './wake-workflows';
import { retryTransfer } from './retry-transfer';
import { scheduleJob, type ScheduleJobInput } from './schedule-job';
import { processStripeEvents } from './process-stripe-event';
import { takeSettlements } from './take-settlements';

/**
 * Activities that work on Postgres, and look at workflows; they run on the queue of the workflows.
 * @param runsOf the runs as the client of the activity's own worker sees them
 */
export function createPayoutActivities(
  dependencies: ActivityDependencies,
  runsOf: () => WorkflowRuns = () => temporalRuns(Context.current().client),
) {
  return {
    scheduleJob: discreetly((input: ScheduleJobInput) => scheduleJob(dependencies, input)),
    readTransferPage: discreetly((input: ReadTransferPageInput) =>
      readTransferPage(dependencies, input),
    ),
    checkJob: discreetly((input: CheckJobInput) => checkJob(dependencies, input)),
    checkApproval: discreetly((input: CheckApprovalInput) => checkApproval(dependencies, input)),
    claimTransfer: discreetly((input: ClaimTransferInput) => claimTransfer(dependencies, input)),
    reopenPaidRuns: discreetly((input: ReopenPaidRunsInput) =>
      reopenPaidRuns(dependencies, runsOf(), input),
    ),
    retryTransfer: discreetly((order: OperatorOrder) => retryTransfer(dependencies, order)),
    requestOwnCancel: (input: RequestOwnCancelInput) =>
      requestOwnCancel(Context.current().client, input),
    claimReversal: discreetly((claim: ReversalClaim) => claimReversal(dependencies, claim)),
    recordOutcome: discreetly((claim: TransferClaim) => recordOutcome(dependencies, claim)),
    beginSweep: discreetly((run: Parameters<typeof beginSweep>[1]) =>
      beginSweep(dependencies, run),
    ),
    takeSettlements: discreetly((input: { readonly settlementsMax: number }) =>
      takeSettlements(dependencies, input),
    ),
    findJoblessSettlements: discreetly((input: { readonly settlementsMax: number }) =>
      findJoblessSettlements(dependencies, input),
    ),
    planSweep: discreetly((input: SweepPageInput) => planSweep(dependencies, runsOf(), input)),
    planSettlementSweep: discreetly((input: { readonly settlementId: string }) =>
      planSettlementSweep(dependencies, runsOf(), input),
    ),
    wakeTransfers: discreetly((input: { readonly transferIds: readonly string[] }) =>
      wakeTransfers(Context.current().client, input.transferIds),
    ),
    endSweep: discreetly(async (end: Parameters<typeof endSweep>[1]) => {
      await endSweep(dependencies, end);
      // Tidying up: what fails is left to the next sweep, and this one has ended all the same.
      await forgetEndedEvents(dependencies.database).catch((error: unknown) => {
        log.warn('old events of Stripe are left to the next sweep', { code: codeOfFailure(error) });
      });
    }),
  };
}

/** Activities that call Stripe; they run on a queue of their own, whose rate is the fleet's limit. */
export function createStripeActivities(dependencies: ActivityDependencies) {
  const { database } = dependencies;
  const wake = (scope: PauseScope) =>
    wakeAfterPause({ client: Context.current().client, database }, scope);
  return {
    // The run that really asks, not the one that the claim names: a reset replays the claim of the run before it.
    createStripeTransfer: discreetly((claim: TransferClaim) => {
      const runId = activityInfo().workflowExecution?.runId;
      return createStripeTransfer(dependencies, { ...claim, runId: runId ?? 'no run' });
    }),
    createStripeReversal: discreetly(({ reversalId }: ReversalClaim) => {
      const runId = activityInfo().workflowExecution?.runId;
      return createStripeReversal(dependencies, { reversalId, runId: runId ?? 'no run' });
    }),
    lookAtReversal: discreetly((input: Pick<ReversalClaim, 'reversalId'>) =>
      lookAtReversal(dependencies, input),
    ),
    reconcileTransfer: discreetly((input: Pick<ClaimTransferInput, 'transferId' | 'runId'>) =>
      reconcileTransfer(dependencies, input),
    ),
    readStripeList: discreetly((input: ReadStripeListInput) =>
      readStripeList(dependencies, input, {
        tryNumber: activityInfo().attempt,
        wake,
        wakeTransfers: (transferIds) => wakeTransfers(Context.current().client, transferIds),
      }),
    ),
    lookAtPauses: discreetly((input: LookAtPausesInput) => lookAtPauses(dependencies, input, wake)),
    checkFunds: discreetly((input: CheckFundsInput) =>
      checkFunds(dependencies, input, {
        isLastTry: activityInfo().attempt >= FUNDS_TRIES_MAX,
        onUnreadable: (why) => {
          log.warn('the balance could not be read; the job begins all the same', { ...input, why });
        },
      }),
    ),
    processStripeEvents: discreetly((input: { readonly eventsMax: number }) =>
      processStripeEvents({ ...dependencies, client: Context.current().client }, input),
    ),
    askPayeeReadiness: discreetly((input: { readonly transferId: string }) =>
      askPayeeReadiness(dependencies, input),
    ),
  };
}

export type PayoutActivities = ReturnType<typeof createPayoutActivities>;
export type StripeActivities = ReturnType<typeof createStripeActivities>;

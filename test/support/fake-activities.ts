import { ApplicationFailure } from '@temporalio/activity';
import type { PayoutActivities, StripeActivities } from '../../src/activities/index';
import type { ClaimAnswer, TransferView } from '../../src/domain/contracts';
import { SWEEP_ID } from '../../src/domain/ids';
import { failureClassOf, type ReasonCode } from '../../src/domain/reasons';
import type { TransferStatus } from '../../src/domain/transfer-state';

export type Activities = PayoutActivities & StripeActivities;
export type ActivityName = keyof Activities;

/** The id under which a test writes what the activities of a sweep answer: it is about no transfer and no job. */
export const SWEEP = SWEEP_ID;

/** What the activities answer about one transfer, or about one job. */
export type ActivityScript = Partial<Activities>;

/**
 * Activities whose answers each test writes for its own ids, so that one pair of workers serves a whole file.
 *
 * An activity without a script fails for good: a workflow that asks what the test did not expect must not wait.
 */
export class FakeActivities {
  private readonly scripts = new Map<string, ActivityScript>();
  private readonly calls: { readonly name: ActivityName; readonly id: string }[] = [];

  readonly payout: PayoutActivities = {
    scheduleJob: async (input) => this.find('scheduleJob', input.settlementId)(input),
    readTransferPage: async (input) => this.find('readTransferPage', input.jobId)(input),
    checkApproval: async (input) => this.find('checkApproval', input.jobId)(input),
    checkJob: async (input) => this.find('checkJob', input.jobId)(input),
    reopenPaidRuns: async (input) => this.find('reopenPaidRuns', input.transferIds[0]!)(input),
    claimTransfer: async (input) => this.find('claimTransfer', input.transferId)(input),
    retryTransfer: async (order) => this.find('retryTransfer', order.transferId)(order),
    requestOwnCancel: async (input) => this.find('requestOwnCancel', input.transferId)(input),
    claimReversal: async (claim) => this.find('claimReversal', claim.reversalId)(claim),
    recordOutcome: async (claim) => this.find('recordOutcome', claim.transferId)(claim),
    beginSweep: async (run) => this.find('beginSweep', run.registeredAs)(run),
    takeSettlements: async (input) => this.find('takeSettlements', SWEEP)(input),
    findJoblessSettlements: async (input) => this.find('findJoblessSettlements', SWEEP)(input),
    planSweep: async (input) => this.find('planSweep', SWEEP)(input),
    planSettlementSweep: async (input) =>
      this.find('planSettlementSweep', input.settlementId)(input),
    wakeTransfers: async (input) => this.find('wakeTransfers', SWEEP)(input),
    endSweep: async (end) => this.find('endSweep', end.registeredAs)(end),
  };

  readonly stripe: StripeActivities = {
    createStripeTransfer: async (claim) =>
      this.find('createStripeTransfer', claim.transferId)(claim),
    createStripeReversal: async (claim) =>
      this.find('createStripeReversal', claim.reversalId)(claim),
    lookAtReversal: async (input) => this.find('lookAtReversal', input.reversalId)(input),
    reconcileTransfer: async (input) => this.find('reconcileTransfer', input.transferId)(input),
    askPayeeReadiness: async (input) => this.find('askPayeeReadiness', input.transferId)(input),
    readStripeList: async (input) => this.find('readStripeList', input.settlementId)(input),
    processStripeEvents: async (input) => this.find('processStripeEvents', SWEEP)(input),
    checkFunds: async (input) => this.find('checkFunds', input.jobId)(input),
    lookAtPauses: async (input) => this.find('lookAtPauses', input.settlementId)(input),
  };

  /** @param id a transfer's id, or a job's, which in these tests is the id of its settlement too */
  script(id: string, script: ActivityScript): void {
    this.scripts.set(id, script);
  }

  scriptOf(id: string): ActivityScript {
    return this.scripts.get(id) ?? {};
  }

  /** The names of the activities called for an id, in order, each try one entry. */
  callsOf(id: string): ActivityName[] {
    return this.calls.filter((call) => call.id === id).map((call) => call.name);
  }

  private find<Name extends ActivityName>(name: Name, id: string): Activities[Name] {
    this.calls.push({ name, id });
    const activity: Activities[Name] | undefined = this.scripts.get(id)?.[name];
    if (activity === undefined) {
      throw ApplicationFailure.nonRetryable(`the test has no ${name} for ${id}`, 'NotScripted');
    }
    return activity;
  }
}

/** A row as an activity would show it, with the Stripe id and the reason that belong to its state. */
export function viewWith(
  transferId: string,
  status: TransferStatus,
  options: { readonly reason?: ReasonCode; readonly waitMs?: number } = {},
): TransferView {
  const { reason, waitMs } = options;
  return {
    transferId,
    status,
    amountMinor: 12_50,
    currency: 'eur',
    generation: 1,
    attemptCount: status === 'pending' ? 0 : 1,
    stripeTransferId: status === 'completed' ? `tr_${transferId}` : null,
    failureClass: reason === undefined ? null : failureClassOf(reason),
    failureReason: reason ?? null,
    waitMs: waitMs ?? null,
  };
}

/** The claim's answer that lets a transfer be sent. */
export function sendAnswer(transferId: string): ClaimAnswer {
  return {
    next: 'send',
    claim: { transferId, generation: 1, claimNumber: 1, runId: 'run' },
    view: viewWith(transferId, 'processing'),
  };
}

/** Gives its answers one after the other; asked more often than it has any, it fails for good. */
export function inTurn<Answer>(...answers: readonly Answer[]): () => Promise<Answer> {
  let next = 0;
  return () => {
    const answer = answers[next];
    next += 1;
    return answer === undefined
      ? Promise.reject(ApplicationFailure.nonRetryable(`no answer number ${next}`, 'NotScripted'))
      : Promise.resolve(answer);
  };
}

import { ID_CHARACTERS_MAX } from './limits';

/** What settlement, contest, user and award ids look like; they become part of workflow ids, keys and metadata. */
export const ID_PATTERN = new RegExp(`^[A-Za-z0-9_.:-]{1,${ID_CHARACTERS_MAX.toString()}}$`);

/** The award of a winner whose settlement names none: one prize per user and contest, as in the seed. */
export const DEFAULT_AWARD = 'prize';

/** What makes two payments the same debt, whichever database they are read from. */
export interface TransferIdentity {
  readonly installationId: string;
  readonly contestId: string;
  readonly userId: string;
  readonly award: string;
}

/** What a transfer id looks like wherever it comes from outside: a UUID in lower case. */
export const TRANSFER_ID_PATTERN = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What the id of a connected account looks like wherever it comes from outside. */
export const STRIPE_ACCOUNT_ID_PATTERN = /^acct_[A-Za-z0-9_]{1,100}$/;

/** The UUID namespace of transfer ids. Changing it would give every debt a new Stripe key: never change it. */
export const TRANSFER_ID_NAMESPACE = '6f1e7f5a-3a43-5f0b-9d6e-0d2b7c1f4a58';
/** The UUID namespace of job ids. */
export const JOB_ID_NAMESPACE = '0b4f2c7e-9d51-5c3a-8e2f-7a16c4d9e053';

/**
 * The text whose UUIDv5 is the transfer id (M3). The separator cannot occur in an id, so two identities never
 * share a text.
 */
export function transferIdentityText(identity: TransferIdentity): string {
  return [identity.installationId, identity.contestId, identity.userId, identity.award].join('/');
}

export function jobWorkflowId(settlementId: string): string {
  return `payout-job/${settlementId}`;
}

export function transferWorkflowId(transferId: string): string {
  return `transfer/${transferId}`;
}

const TRANSFER_WORKFLOW = /^transfer\/(.+)$/;

/** The transfer of a workflow id; undefined when it is not a transfer's. */
export function transferIdOfWorkflow(workflowId: string): string | undefined {
  return TRANSFER_WORKFLOW.exec(workflowId)?.[1];
}

export function reversalWorkflowId(reversalId: string): string {
  return `reversal/${reversalId}`;
}

/** The schedule of the sweep, and what the workflow ids of its runs begin with; the server appends the time. */
export const SWEEP_ID = 'payout-sweep';
/** The sweep that somebody asks for; of two who ask at once, one run. */
export const SWEEP_NOW_ID = 'payout-sweep/now';

/** The sweep of one settlement. */
export function settlementSweepId(settlementId: string): string {
  return `payout-sweep/settlement/${settlementId}`;
}

export function transferGroup(settlementId: string): string {
  return `settlement:${settlementId}`;
}

const TRANSFER_GROUP = /^settlement:(.+)$/;

/** The settlement that a transfer group of ours names; undefined when it names none. */
export function settlementIdOfGroup(group: string | null): string | undefined {
  const settlementId = TRANSFER_GROUP.exec(group ?? '')?.[1];
  return settlementId !== undefined && ID_PATTERN.test(settlementId) ? settlementId : undefined;
}

/** The seed's key for the ledger record of one attempt (M8). */
export function attemptLedgerKey(transferId: string, attemptNumber: number): string {
  return `ledger:payout:${transferId}:${attemptNumber.toString()}`;
}

/** For a payment that is learnt after its attempt was booked as refused: the refusal stays, the payment stands beside it. */
export function lateAttemptLedgerKey(transferId: string, attemptNumber: number): string {
  return `${attemptLedgerKey(transferId, attemptNumber)}:late`;
}

export function settlementLedgerKey(settlementId: string): string {
  return `ledger:settlement:${settlementId}`;
}

/** A debt is voided once. */
export function voidLedgerKey(transferId: string): string {
  return `ledger:void:${transferId}`;
}

/** One record for each Stripe transfer that was not owed, by whichever way it is learnt. */
export function overpaidLedgerKey(stripeTransferId: string): string {
  return `ledger:overpaid:${stripeTransferId}`;
}

/** One record for each reversal at Stripe, however often it is told. */
export function reversalLedgerKey(stripeReversalId: string): string {
  return `${REVERSAL_LEDGER_PREFIX}${stripeReversalId}`;
}

/** What stands before Stripe's id in the ledger key of a reversal. */
export const REVERSAL_LEDGER_PREFIX = 'ledger:reversal:';

/** Stands for an id that is none. */
export const NO_ID = '(not an id)';

/** An id that another system has written: it may be anything, and histories and logs are read by many (M12). */
export function shownId(id: string): string {
  return ID_PATTERN.test(id) ? id : NO_ID;
}

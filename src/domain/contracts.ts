/**
 * What the floors above share with each other and with the outside: names of workflows, queues and messages, and
 * the JSON that crosses them. Changing a name here breaks runs that are open for weeks.
 */
import type { JobOutcome, JobStatus, TransferCounts } from './job-state';
import type { RetryRefusal } from './manual-retry';
import type { SeenTransfer } from './seen-transfer';
import type { FailureClass, ReasonCode } from './reasons';
import type { ReversalStatus } from './reversal-state';
import type { TransferStatus } from './transfer-state';

export const WORKFLOW_TYPES = {
  payoutJob: 'PayoutJobWorkflow',
  transfer: 'TransferWorkflow',
  payoutSweep: 'PayoutSweepWorkflow',
  reversal: 'ReversalWorkflow',
} as const;

export const TASK_QUEUES = {
  /** Workflows and database activities. */
  payouts: 'payouts',
  /** Every call of a worker to Stripe, one request an activity; its rate is the fleet's limit. */
  stripe: 'payouts-stripe',
} as const;

/** Signals carry nothing: the receiver reads Postgres again, so that a lost or doubled one changes nothing. */
export const SIGNALS = {
  /** Something about the job or the transfer changed in Postgres. */
  changed: 'changed',
  /** A child is going to wait and frees its place in the job's window. */
  parked: 'parked',
  /** The payee's account was imported or replaced. */
  payeeReady: 'payeeReady',
  /** Sending was stopped, or goes on, for the settlement or for everything. */
  pause: 'pause',
  resume: 'resume',
  /** An operator has retried the transfer in Postgres. */
  retryTransfer: 'retryTransfer',
} as const;

export const QUERIES = {
  progress: 'progress',
  /** How far a job has come in starting its transfers; what it has passed it does not start again. */
  cursor: 'cursor',
} as const;

/** Updates answer; each is checked before it is accepted, and again under the row's lock. */
export const UPDATES = { retryTransfer: 'retryTransfer' } as const;

/** Registered by `setup`; Keyword values hold ids and codes, never names or free text (M12). */
export const SEARCH_ATTRIBUTES = {
  settlementId: { name: 'PayoutSettlementId', type: 'KEYWORD' },
  contestId: { name: 'PayoutContestId', type: 'KEYWORD' },
  state: { name: 'PayoutState', type: 'KEYWORD' },
  failureClass: { name: 'PayoutFailureClass', type: 'KEYWORD' },
  failedCount: { name: 'PayoutFailedCount', type: 'INT' },
} as const;

/** `PayoutState` of a run whose transfer an operator wants cancelled while it is not known whether it is paid. */
export const CANCEL_REQUESTED = 'cancel_requested';

export interface PayoutJobInput {
  readonly settlementId: string;
  readonly contestId: string;
  /** Hash of the settlement's canonical content; a job refuses to run for other content under the same id (M10). */
  readonly contentHash: string;
  /** Set by continue-as-new: where the next page begins. */
  readonly cursor?: TransferCursor;
  /** Set by continue-as-new in the middle of a reading of Stripe's list: where it goes on. */
  readonly listReading?: ListReading | undefined;
}

/** A reading of Stripe's list of one settlement, page by page, newest transfer first. */
export interface ListReading {
  /** When it began, by Postgres's clock, in milliseconds since 1970; what is sent later it may not show. */
  readonly beganAtMs?: number;
  /** The wish in Postgres that it answers; it counts only where that one still stands at its end. */
  readonly wish?: string;
  /** Where the next page begins; absent before the first. */
  readonly afterStripeTransferId?: string;
}

/** One page further: where to go on, or null when the list was read to its end. */
export interface ListProgress {
  readonly next: ListReading | null;
  /** The page could not be read, try after try: what stops the settlement meanwhile. Absent where it was read. */
  readonly pause?: PauseInForce | null;
}

/** Where a job is in its list of transfers: payable ones first, then the blocked ones; each by id. */
export interface TransferCursor {
  readonly phase: 'payable' | 'blocked' | 'done';
  readonly afterTransferId: string | null;
}

export interface TransferInput {
  readonly transferId: string;
  readonly settlementId: string;
  readonly contestId: string;
  /** For titles in the Web UI. */
  readonly amountMinor: number;
  readonly currency: string;
  /** Set by continue-as-new: how many waits came before, so that backing off goes on where it was. */
  readonly waits?: number;
  /** Set by continue-as-new: the job knows already that this transfer waits. */
  readonly isParked?: boolean;
  /** Set by continue-as-new: what the run has seen of its row, so that an older row is noticed (M11). */
  readonly seen?: SeenSends | undefined;
}

/** How far a run has seen its transfer go. A row that tells less comes from an older database. */
export interface SeenSends {
  readonly generation: number;
  readonly attemptCount: number;
  /**
   * The newest claim that the run was given to send with: sends under it may have been made even when nobody came to
   * see the row after them. Runs that began before it was counted have none.
   */
  readonly claimNumber?: number;
}

export interface TransferResult {
  readonly transferId: string;
  readonly stripeTransferId: string;
}

/** One transfer as its row says; every transfer activity answers with it and the workflow shows it. */
export interface TransferView {
  readonly transferId: string;
  readonly status: TransferStatus;
  readonly amountMinor: number;
  readonly currency: string;
  readonly generation: number;
  readonly attemptCount: number;
  readonly stripeTransferId: string | null;
  readonly failureClass: FailureClass | null;
  readonly failureReason: ReasonCode | null;
  /** An operator wants it cancelled, or wanted it before it was paid; absent where nobody does. */
  readonly isCancelRequested?: true;
  /** How long to wait before the next look, in milliseconds; null when the workflow's own backoff decides. */
  readonly waitMs: number | null;
}

/** The permission of one run to send one generation of one transfer. */
export interface TransferClaim {
  readonly transferId: string;
  readonly generation: number;
  /** Counts the claims of a transfer; a write with an older number is fenced off (M9). */
  readonly claimNumber: number;
  /** The workflow run that holds it; an activity of another run, as a reset replays it, sends nothing. */
  readonly runId: string;
}

export interface PayoutProgress {
  readonly settlementId: string;
  readonly jobId: string;
  readonly status: JobStatus;
  readonly outcome: JobOutcome;
  readonly currency: string;
  readonly counts: TransferCounts;
  /** Sums in minor units, by state. */
  readonly sumsMinor: TransferCounts;
  /** Of a job that waits for money. */
  readonly missing?: MissingFunds;
  /** Of a job that waits for an approval, or for the end of its hold. */
  readonly gate?: ApprovalGate;
}

/** What a job waits for before it asks for its funds. */
export interface ApprovalGate {
  readonly isApprovalMissing: boolean;
  /** ISO 8601 text in UTC; null where the settlement is not held, or no longer. */
  readonly heldUntil: string | null;
}

/** What has to be available at Stripe before a job begins, and what was when it was last asked, in minor units. */
export interface MissingFunds {
  readonly neededMinor: number;
  readonly availableMinor: number;
}

/** `ApplicationFailure.type` of what activities and workflows fail with. */
export const FAILURE_TYPES = {
  transient: 'StripeTransient',
  payee: 'PayeeProblem',
  platform: 'PlatformProblem',
  request: 'RequestRefused',
  unknown: 'StripeOutcomeUnknown',
  /** The gate before a POST let nothing through; nothing was sent. */
  sendRefused: 'SendRefused',
  /** The end of a TransferWorkflow whose transfer needs a person; the message is the reason code. */
  transferFailed: 'TransferFailedTerminal',
  /** The update `retryTransfer` was not accepted; the message says why. */
  retryRefused: 'RetryRefused',
  /** The end of a ReversalWorkflow of which nothing came back; the message is the reason code. */
  reversalRefused: 'ReversalRefused',
  /** A statement failed or Postgres was away; retried. */
  postgres: 'PostgresFailure',
  /** A job was started for other content than the settlement has. */
  settlementConflict: 'SettlementConflict',
} as const;

/** What a claim answers: what the workflow does next. */
export type ClaimAnswer =
  /** Whether the payee's account can receive by now has to be asked. */
  | { readonly next: 'ask'; readonly view: TransferView }
  | { readonly next: 'send'; readonly claim: TransferClaim; readonly view: TransferView }
  /** Whether money moved has to be found out before anything is sent. */
  | { readonly next: 'reconcile'; readonly view: TransferView }
  /** Waiting, or at an end: the view says which. */
  | {
      readonly next: 'rest';
      readonly view: TransferView;
      /** The job has to read Stripe's list before this can be sent, and nobody has told it yet. */
      readonly tellJob?: boolean;
    };

export interface ScheduledJob {
  readonly jobId: string;
  readonly progress: PayoutProgress;
  /** Stripe's list has to be read before anything is started; answers recorded before this existed do not say. */
  readonly listIsWanted?: boolean;
  /** The job has not begun to send: Stripe's balance is asked first. Older answers do not say, and their job sends. */
  readonly fundsAreWanted?: boolean;
  /** An approval is missing or the settlement is held: nobody is started before. Older answers do not say. */
  readonly approvalIsWanted?: boolean;
  /** The pause in force as the run begins; nobody is started under it. */
  readonly pause?: PauseInForce | null;
}

/** A transfer that a job is going to start. */
export type TransferStart = Omit<TransferInput, 'waits' | 'isParked' | 'seen'>;

/** What is to become of transfers that have had a run. */
export interface ClosedRuns {
  /** Their runs say paid: another one, whatever the first's end, compares with Stripe. */
  readonly paid: readonly TransferStart[];
  readonly startable: readonly TransferStart[];
  /** The ids of those that a person has to decide about first; their settlement is paused. */
  readonly undecided: readonly string[];
}

/** A settlement whose job is going to be started. */
export interface JobStart {
  readonly settlementId: string;
  readonly contestId: string;
  readonly contentHash: string;
  /** For the title in the Web UI. */
  readonly winnerCount: number;
  readonly totalMinor: number;
  readonly currency: string;
}

export interface TransferPage {
  readonly transfers: readonly TransferStart[];
  readonly cursor: TransferCursor;
}

export interface JobCheck {
  readonly progress: PayoutProgress;
  /** Of the transfers that were asked about, those still on their way: not waiting and not ended. */
  readonly sending: readonly string[];
  /** Answers that were recorded before these two existed have neither. */
  readonly listIsWanted?: boolean;
  /** The pause in force, if there is one; nobody is started under it. */
  readonly pause?: PauseInForce | null;
}

export interface ApprovalCheck {
  readonly progress: PayoutProgress;
  /** When it is looked at again; null when the job may go on to its funds. */
  readonly lookAgainInMs: number | null;
}

export interface FundsCheck {
  readonly progress: PayoutProgress;
  /** When the balance is asked again; null when the job may begin. */
  readonly askAgainInMs: number | null;
}

export interface PauseInForce {
  /** How long until automation looks whether the cause is gone; null where only a person may lift it. */
  readonly lookInMs: number | null;
  /** Codes and ids (M12). Answers that were recorded before this existed do not say. */
  readonly causes?: readonly string[];
}

/** What an operator asks for when retrying one transfer (update `retryTransfer`), with what the operator saw. */
export interface RetryTransferRequest extends SeenTransfer {
  readonly actor: string;
  readonly reason: string;
}

/** Why a transfer was not retried, as a code; `retried` when it was. */
export type RetryAnswer = 'retried' | RetryRefusal;

export interface ReversalInput {
  readonly reversalId: string;
  /** Set by continue-as-new: how many waits came before, so that backing off goes on where it was. */
  readonly waits?: number;
}

export interface ReversalResult {
  readonly reversalId: string;
  readonly stripeReversalId: string;
}

/** One reversal as its row says; every activity of a reversal answers with it and the workflow shows it. */
export interface ReversalView {
  readonly reversalId: string;
  readonly transferId: string;
  readonly settlementId: string;
  readonly contestId: string;
  readonly stripeTransferId: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly status: ReversalStatus;
  readonly attemptCount: number;
  readonly stripeReversalId: string | null;
  readonly failureClass: FailureClass | null;
  readonly failureReason: ReasonCode | null;
  /** How long to wait before the next look, in milliseconds; null when the workflow's own backoff decides. */
  readonly waitMs: number | null;
}

/** What the claim of a reversal answers: what its workflow does next. */
export interface ReversalClaimAnswer {
  /** `look`: Stripe has to be looked at before anything is sent, or instead of it. `rest`: waiting, or at an end. */
  readonly next: 'send' | 'look' | 'rest';
  readonly view: ReversalView;
}

/** What a sweep looks at: everything, under the name that it is registered by, or one settlement. */
export type PayoutSweepInput =
  { readonly registeredAs: string } | { readonly settlementId: string };

/** What has to be done so that what is open in Postgres runs. Whoever carries it out may do so twice. */
export interface SweepPlan {
  readonly startJobs: readonly JobStart[];
  /** Transfers without a run that their job does not start by itself. */
  readonly startTransfers: readonly TransferStart[];
  /** Transfers whose closed run says paid: their new run needs a reuse policy that allows it. */
  readonly paidRuns: readonly TransferStart[];
  /** The ids of transfers that wait although the cause is gone. */
  readonly wake: readonly string[];
  /** Ids of reversals without a run. Answers that were recorded before this existed do not say. */
  readonly startReversals?: readonly string[];
  /** What could not be looked at. */
  readonly failed: readonly SweepFailure[];
}

/** The plan for some settlements, in the order of their jobs' ids. */
export interface SweepPage extends SweepPlan {
  /** The job after which the next page begins; null at the end. */
  readonly nextAfterJobId: string | null;
}

/** What a sweep could not look at. The others are looked at all the same. */
export interface SweepFailure {
  readonly what: string;
  /** A code, never a text of somebody else's (M12). */
  readonly reason: string;
}

/** Whom a sweep has told to look again. */
export interface WokenTransfers {
  /** The transfers that have an open run. */
  readonly woken: readonly string[];
  /** Runs that take no signal, for instance because they have had too many. */
  readonly failed: readonly SweepFailure[];
}

/** What became of the settlements that other systems have handed in as rows. */
export interface SettlementsTaken {
  /** Jobs that stand in Postgres and have to be started. */
  readonly accepted: readonly JobStart[];
  readonly rejected: readonly string[];
  readonly failed: readonly SweepFailure[];
}

/** What a sweep did. Lists are cut at `SWEEP_IDS_SHOWN_MAX`; the counts are whole. */
export interface SweepReport {
  /** The ids of the workflows that were started because nothing ran for an open payout. */
  readonly started: readonly string[];
  /** The transfers that were woken because what they waited for is there. */
  readonly resumed: readonly string[];
  /** The transfers whose closed run says paid while Postgres does not: a new run compares with Stripe. */
  readonly reconciling: readonly string[];
  /** Ids of settlements that were handed in and rejected; the reasons show what stands in foreign columns (M12). */
  readonly rejected: readonly string[];
  readonly failed: readonly SweepFailure[];
  readonly counts: SweepCounts;
  /** Whether it came to the end of the open jobs; if not, the next sweep goes on there. */
  readonly cameToEnd: boolean;
}

export type SweepCounts = Readonly<
  Record<'started' | 'resumed' | 'reconciling' | 'rejected' | 'failed', number>
>;

import type { MissingFunds } from './contracts';
import { doubledMs } from './doubling';
import type { JobStatus } from './job-state';
import { ASK_WAITS } from './limits';
import { formatAmount } from './money';
import type { FailureClass } from './reasons';
import type { TransferStatus } from './transfer-state';

/** What some transfers of an open job sum up to: those in one state, for one class of reasons. */
export interface OwedSum {
  readonly isOfThisJob: boolean;
  readonly jobStatus: JobStatus;
  /** The job stands before this one in the queue: made earlier, or of a lower id. */
  readonly isBefore: boolean;
  readonly status: TransferStatus;
  readonly failureClass: FailureClass | null;
  /** Minor units of this job's currency. */
  readonly sumMinor: number;
}

/** Whether a job has not begun to send, so that its funds are asked about first. */
export function isBeforeSending(status: JobStatus): boolean {
  return status === 'pending' || status === 'awaiting_approval' || status === 'awaiting_funds';
}

const SENT_SOON: readonly TransferStatus[] = ['pending', 'processing', 'retryable', 'unknown'];

/**
 * Whether a transfer may be sent soon, and its amount has to be there. Who waits for the payee may wait for weeks and
 * holds up nobody.
 */
export function mayBeSentSoon(status: TransferStatus, failureClass: FailureClass | null): boolean {
  return SENT_SOON.includes(status) || (status === 'blocked' && failureClass === 'platform');
}

/**
 * Whether another open job's money is not this one's to spend: it is sending, or it waits and stands before this one.
 * Of two jobs that wait, exactly one counts the other, so they never wait for each other.
 */
function isServedFirst({ isBefore, jobStatus }: OwedSum): boolean {
  return (
    jobStatus === 'processing' ||
    (isBefore && (jobStatus === 'pending' || jobStatus === 'awaiting_funds'))
  );
}

/** What has to be available before this job may begin, in minor units. */
export interface Owed {
  readonly byThisJob: number;
  /** Together with the open jobs that are served first. */
  readonly inAll: number;
}

export function owedSoon(sums: readonly OwedSum[]): Owed {
  const soon = sums.filter(({ failureClass, status }) => mayBeSentSoon(status, failureClass));
  const sumOf = (of: readonly OwedSum[]) =>
    // Of no use beyond it, and no number is exact there: nobody has that much.
    Math.min(
      of.reduce((sum, { sumMinor }) => sum + sumMinor, 0),
      Number.MAX_SAFE_INTEGER,
    );
  return {
    byThisJob: sumOf(soon.filter(({ isOfThisJob }) => isOfThisJob)),
    inAll: sumOf(soon.filter((sum) => sum.isOfThisJob || isServedFirst(sum))),
  };
}

export type FundsDecision =
  /** `unreadable`: Stripe did not say what there is; its refusal of a transfer remains the guard. */
  | { readonly do: 'begin'; readonly because: 'enough' | 'unreadable' }
  | { readonly do: 'wait'; readonly neededMinor: number; readonly availableMinor: number };

/**
 * Whether a job may begin to send (design §3). Advisory: between this look and a transfer the balance may change.
 * @param available what Stripe says can be transferred, by currency; undefined where it could not be read
 */
export function decideFunds(
  owed: Owed,
  currency: string,
  available: ReadonlyMap<string, number> | undefined,
): FundsDecision {
  if (available === undefined || available.size === 0) {
    return { do: 'begin', because: 'unreadable' };
  }
  const availableMinor = available.get(currency) ?? 0;
  return availableMinor >= owed.inAll
    ? { do: 'begin', because: 'enough' }
    : { do: 'wait', neededMinor: owed.inAll, availableMinor };
}

/** A job's wait for money, for an operator. */
export function missingFundsText(missing: MissingFunds, currency: string): string {
  const { availableMinor, neededMinor } = missing;
  const [needed, available] = [neededMinor, availableMinor].map((amount) =>
    formatAmount(amount, currency),
  );
  return (
    `Nobody is paid yet: ${needed ?? ''} is needed for this settlement and those served before it, and Stripe has ` +
    `${available ?? ''} available. Top up the platform’s Stripe balance; the payments then begin by themselves, unless they are paused.`
  );
}

/** How long until the next question, after so many: 1, 2, 4 … 60 minutes. */
export function fundsWaitMs(askCount: number): number {
  return doubledMs(Math.max(askCount - 1, 0), ASK_WAITS);
}

import type { Executor } from '../../db/database';
import { everyPage } from '../../db/every-page';
import type { Installation } from '../../db/installation';
import { trialBalance, type TrialBalanceRow } from '../../db/ledger';
import { hashLedger } from '../../db/ledger-hash';
import { findPausesInForce } from '../../db/payout-controls';
import { readPayoutClock } from '../../db/payout-clock';
import { findJobBySettlement, type PayoutJob } from '../../db/payout-jobs';
import { transfersOfJob, type PayoutTransfer } from '../../db/payout-transfers';
import { sumByReason, sumReversed } from '../../db/settlement-report';
import { findSettlementRow } from '../../db/settlements';
import { jobOutcome, type JobOutcome, type JobStatus } from '../../domain/job-state';
import { decimalAmount } from '../../domain/money';
import { failureClassOf, type FailureClass, type ReasonCode } from '../../domain/reasons';
import { shownText } from '../../domain/shown-value';
import { textsOf } from '../../domain/state-texts';
import { isOwed, TRANSFER_STATUSES, type TransferStatus } from '../../domain/transfer-state';
import { UnknownSettlementError } from '../read-status';
import { shownPause, type ShownPause } from '../show-pauses';

/** An amount of the settlement's currency: minor units, and digits as people write it (null where it has no such rule). */
export interface ShownAmount {
  readonly amountMinor: number;
  readonly amount: string | null;
}

export interface CountedAmount extends ShownAmount {
  readonly count: number;
}

/** Who is not paid and still may be, in one state for one reason. */
export interface OpenReason extends CountedAmount {
  readonly status: TransferStatus;
  readonly reason: ReasonCode | null;
  readonly failureClass: FailureClass | null;
  readonly operatorText: string;
  readonly winnerText: string;
}

/** What the ledger's records hash to, up to the newest of the moment. */
export interface ReportLedger {
  readonly hash: string | null;
  readonly lastRecordId: number | null;
  /** What was sealed when the job completed, and whether those records are still the same. */
  readonly seal: {
    readonly hash: string;
    readonly lastRecordId: number;
    readonly holds: boolean;
  } | null;
  readonly trialBalance: readonly TrialBalanceRow[];
}

/** A settlement as of one moment, without its winners. Times are ISO 8601 texts in UTC, amounts of its one currency. */
export interface ReportHead {
  readonly settlementId: string;
  readonly contestId: string;
  readonly currency: string;
  readonly madeAt: string;
  readonly installation: {
    readonly id: string;
    readonly stripeAccountId: string;
    readonly mode: 'test' | 'live';
  };
  readonly recordedAt: string;
  readonly recordedBy: string | null;
  readonly job: {
    readonly status: JobStatus;
    readonly outcome: JobOutcome;
    readonly completedAt: string | null;
  };
  readonly total: CountedAmount;
  /** Owed still: neither paid nor voided. */
  readonly unpaid: CountedAmount;
  readonly totals: Readonly<Record<TransferStatus, CountedAmount>>;
  readonly reversed: ShownAmount;
  readonly open: readonly OpenReason[];
  readonly pauses: readonly ShownPause[];
  readonly ledger: ReportLedger;
}

/** One winner's line. */
export interface ReportWinner extends ShownAmount {
  readonly transferId: string;
  readonly userId: string;
  readonly award: string;
  readonly currency: string;
  readonly status: TransferStatus;
  readonly stripeTransferId: string | null;
  readonly paidAt: string | null;
  readonly attempts: number;
  readonly reason: ReasonCode | null;
  readonly failureClass: FailureClass | null;
  readonly operatorText: string;
  readonly winnerText: string;
  readonly reversedMinor: number;
  readonly reversed: string | null;
}

/** The settlement was never accepted, so there are no payments to report. */
class NothingToReportError extends Error {
  override readonly name = 'NothingToReportError';
}

/**
 * The job that is reported.
 * @throws UnknownSettlementError, NothingToReportError
 */
export async function jobToReport(executor: Executor, settlementId: string): Promise<PayoutJob> {
  const settlement = await findSettlementRow(executor, settlementId);
  if (settlement === undefined) {
    throw new UnknownSettlementError(settlementId);
  }
  const job = await findJobBySettlement(executor, settlementId);
  if (job === undefined) {
    throw new NothingToReportError(
      `settlement ${shownText(settlementId)} is ${settlement.status} and not accepted: nobody of it is paid, and there is nothing to report; payouts status says more`,
    );
  }
  return job;
}

/** Reads everything but the winners, in the snapshot of the executor. */
export async function readReportHead(
  executor: Executor,
  job: PayoutJob,
  installation: Installation,
): Promise<ReportHead> {
  const { currency, settlementId } = job;
  const settlement = await findSettlementRow(executor, settlementId);
  const sums = await sumByReason(executor, job.id);
  const counted = (of: readonly CountedSum[]): CountedAmount => ({
    count: of.reduce((sum, { count }) => sum + count, 0),
    ...shownAmount(
      of.reduce((sum, { amountMinor }) => sum + amountMinor, 0),
      currency,
    ),
  });
  const totals = Object.fromEntries(
    TRANSFER_STATUSES.map((status) => [
      status,
      counted(sums.filter((sum) => sum.status === status)),
    ]),
  ) as Record<TransferStatus, CountedAmount>;
  const counts = Object.fromEntries(
    TRANSFER_STATUSES.map((status) => [status, totals[status].count]),
  ) as Record<TransferStatus, number>;
  const open = sums.filter(({ status }) => isOwed(status));
  const pauses = await findPausesInForce(executor, settlementId);
  return {
    settlementId,
    contestId: job.contestId,
    currency,
    madeAt: (await readPayoutClock(executor)).toISOString(),
    installation: {
      id: installation.installationId,
      stripeAccountId: installation.stripeAccountId,
      mode: installation.livemode ? 'live' : 'test',
    },
    recordedAt: (settlement?.recordedAt ?? job.createdAt).toISOString(),
    recordedBy: settlement?.recordedBy ?? null,
    job: {
      status: job.status,
      outcome: jobOutcome(counts),
      completedAt: job.status === 'complete' ? (job.completedAt?.toISOString() ?? null) : null,
    },
    total: counted(sums),
    unpaid: counted(open),
    totals,
    reversed: shownAmount(await sumReversed(executor, job.id), currency),
    open: open.map((sum) => ({
      ...sum,
      ...classAndTexts(sum.status, sum.reason),
      ...counted([sum]),
    })),
    pauses: pauses.map(shownPause),
    ledger: await readLedger(executor, job),
  };
}

interface CountedSum {
  readonly count: number;
  readonly amountMinor: number;
}

function shownAmount(amountMinor: number, currency: string): ShownAmount {
  return { amountMinor, amount: decimalAmount(amountMinor, currency) ?? null };
}

function classAndTexts(status: TransferStatus, reason: ReasonCode | null) {
  const { operatorText, winnerText } = textsOf({ status, failureReason: reason });
  const failureClass = reason === null ? null : failureClassOf(reason);
  return { failureClass, operatorText, winnerText };
}

async function readLedger(executor: Executor, job: PayoutJob): Promise<ReportLedger> {
  const { sealedLedgerHash, sealedLedgerId, settlementId } = job;
  const now = await hashLedger(executor, settlementId);
  const ledger = {
    hash: now?.hash ?? null,
    lastRecordId: now?.ledgerId ?? null,
    trialBalance: await trialBalance(executor, settlementId),
  };
  if (sealedLedgerHash === null || sealedLedgerId === null) {
    return { ...ledger, seal: null };
  }
  const found =
    now?.ledgerId === sealedLedgerId
      ? now
      : await hashLedger(executor, settlementId, sealedLedgerId);
  const holds = found?.hash === sealedLedgerHash && found.ledgerId === sealedLedgerId;
  return { ...ledger, seal: { hash: sealedLedgerHash, lastRecordId: sealedLedgerId, holds } };
}

/** Every winner by transfer id, a page at a time. */
export async function* readReportWinners(
  executor: Executor,
  job: PayoutJob,
): AsyncGenerator<ReportWinner[]> {
  for await (const page of everyPage(transfersOfJob(executor, job.id))) {
    yield page.map(reportWinner);
  }
}

export function reportWinner(transfer: PayoutTransfer): ReportWinner {
  const { amountMinor, amountReversedMinor, currency, failureReason, status } = transfer;
  return {
    transferId: transfer.id,
    userId: transfer.userId,
    award: transfer.award,
    ...shownAmount(amountMinor, currency),
    currency,
    status,
    stripeTransferId: transfer.stripeTransferId,
    paidAt: transfer.completedAt?.toISOString() ?? null,
    attempts: transfer.attemptCount,
    reason: failureReason,
    ...classAndTexts(status, failureReason),
    reversedMinor: amountReversedMinor,
    reversed: decimalAmount(amountReversedMinor, currency) ?? null,
  };
}

import { inSnapshot, type Database, type Executor } from '../db/database';
import { findPausesInForce } from '../db/payout-controls';
import { readPayoutClock } from '../db/payout-clock';
import { findJobById, type PayoutJob } from '../db/payout-jobs';
import type { PayoutTransfer } from '../db/payout-transfers';
import { readSurroundings, type TransferSurroundings } from '../db/transfer-surroundings';
import { isDistrusted } from '../domain/claim-rules';
import { explainTransfer, type Explanation } from '../domain/explanation';
import type { LookupFacts, SettlementGates, TransferFacts } from '../domain/explanation-facts';
import { EMPTY_LOOK_AFTER_SEND_MS, EMPTY_LOOKS_APART_MS, KEY_SENDABLE_MS } from '../domain/limits';
import type { FailureClass, ReasonCode } from '../domain/reasons';
import { isKeySendable } from '../domain/send-gate';
import type { TransferStatus } from '../domain/transfer-state';
import { transferNamed } from './operator';

/** Why one transfer stands as it does. */
export interface WhyReport {
  readonly transferId: string;
  readonly status: TransferStatus;
  readonly failureClass: FailureClass | null;
  readonly failureReason: ReasonCode | null;
  /** One paragraph each. */
  readonly operator: string;
  readonly winner: string;
}

/** What an explanation is told beside the rows. */
export interface ExplanationTerms {
  /** How long the installation waits for a payee (`PAYOUT_PAYEE_WAIT_DAYS`). */
  readonly payeeWaitMs: number;
}

/**
 * Explains one transfer, from Postgres alone and in one snapshot.
 * @throws UsageError when it is no id, UnknownTransferError when nothing of this id is recorded
 */
export async function readWhy(
  database: Database,
  transferId: string,
  terms: ExplanationTerms,
): Promise<WhyReport> {
  return inSnapshot(database, async (executor) => {
    const transfer = await transferNamed(executor, transferId);
    return {
      transferId: transfer.id,
      status: transfer.status,
      failureClass: transfer.failureClass,
      failureReason: transfer.failureReason,
      ...(await explainOne(executor, transfer, terms)),
    };
  });
}

/** Explains one transfer, to be used in the snapshot that it was read in. */
export async function explainOne(
  executor: Executor,
  transfer: PayoutTransfer,
  terms: ExplanationTerms,
): Promise<Explanation> {
  const job = await findJobById(executor, transfer.payoutJobId);
  if (job === undefined) {
    throw new Error(`the job of transfer ${transfer.id} is missing`);
  }
  const explain = await explainer(executor, job, terms);
  const [explanation] = await explain([transfer]);
  return { operator: explanation?.operator ?? '', winner: explanation?.winner ?? '' };
}

/** Explains transfers of one job, a page at a time; each page takes one statement. In the order of the page. */
export type Explainer = (transfers: readonly PayoutTransfer[]) => Promise<Explanation[]>;

/** Reads what touches all transfers of a job once. To be used in the snapshot that it was made in. */
async function explainer(
  executor: Executor,
  job: PayoutJob,
  { payeeWaitMs }: ExplanationTerms,
): Promise<Explainer> {
  const nowMs = (await readPayoutClock(executor)).getTime();
  const gates = await readGates(executor, job, nowMs);
  return async (transfers) => {
    const ids = transfers.map(({ id }) => id);
    const surroundings = await readSurroundings(executor, ids);
    return transfers.map((transfer) => {
      const around = surroundings.get(transfer.id) ?? NOTHING_AROUND;
      return explainTransfer(factsOf(transfer, around, { gates, nowMs, payeeWaitMs }));
    });
  };
}

const NOTHING_AROUND: TransferSurroundings = {
  lastAttempt: null,
  keySentAtMs: null,
  keyListReadAtMs: null,
  accountAskedAtMs: null,
  lastReversal: null,
};

async function readGates(
  executor: Executor,
  job: PayoutJob,
  nowMs: number,
): Promise<SettlementGates> {
  const pauses = await findPausesInForce(executor, job.settlementId);
  const { fundsAvailableMinor: availableMinor, fundsNeededMinor: neededMinor, heldUntil } = job;
  const waitsForFunds = job.status === 'awaiting_funds';
  return {
    pauses: pauses.map((pause) => ({
      scope: pause.settlementId === null ? 'everything' : 'settlement',
      cause: pause.cause,
      owner: pause.owner,
      actor: pause.actor,
      reason: pause.reason,
      setAt: pause.setAt.toISOString(),
      nextLookAt: pause.nextLookAt?.toISOString() ?? null,
    })),
    isApprovalMissing: job.approval === 'required',
    heldUntil: heldUntil !== null && heldUntil.getTime() > nowMs ? heldUntil.toISOString() : null,
    funds:
      waitsForFunds && neededMinor !== null && availableMinor !== null
        ? { neededMinor, availableMinor }
        : null,
  };
}

interface Moment extends ExplanationTerms {
  readonly gates: SettlementGates;
  readonly nowMs: number;
}

function factsOf(
  transfer: PayoutTransfer,
  around: TransferSurroundings,
  moment: Moment,
): TransferFacts {
  const { lastAttempt } = around;
  return {
    id: transfer.id,
    settlementId: transfer.settlementId,
    userId: transfer.userId,
    award: transfer.award,
    amountMinor: transfer.amountMinor,
    currency: transfer.currency,
    status: transfer.status,
    failureReason: transfer.failureReason,
    stripeTransferId: transfer.stripeTransferId,
    completedAt: transfer.completedAt?.toISOString() ?? null,
    changedAt: transfer.updatedAt.toISOString(),
    attemptCount: transfer.attemptCount,
    countedAttemptCount: transfer.countedAttemptCount,
    maxAttempts: transfer.maxAttempts,
    lastAttempt: lastAttempt && { ...lastAttempt, sentAt: isoOf(lastAttempt.sentAtMs) },
    cancelRequestedAt: transfer.cancelRequestedAt?.toISOString() ?? null,
    payeeWait: payeeWaitOf(transfer, moment.payeeWaitMs),
    accountAskedAt: isoOf(around.accountAskedAtMs),
    lookup: lookupOf(transfer, around, moment.nowMs),
    isApprovalMissing: transfer.approval === 'required',
    amountReversedMinor: transfer.amountReversedMinor,
    lastReversal: around.lastReversal,
    gates: moment.gates,
  };
}

function isoOf(instantMs: number): string;
function isoOf(instantMs: number | null): string | null;
function isoOf(instantMs: number | null): string | null {
  return instantMs === null ? null : new Date(instantMs).toISOString();
}

function payeeWaitOf(
  { failureClass, payeeWaitSince, status }: PayoutTransfer,
  payeeWaitMs: number,
): TransferFacts['payeeWait'] {
  return status === 'blocked' && failureClass === 'payee' && payeeWaitSince !== null
    ? {
        since: payeeWaitSince.toISOString(),
        until: isoOf(payeeWaitSince.getTime() + payeeWaitMs),
      }
    : null;
}

/** The times that `isKeySendable` and `isProvenAbsent` wait for. */
function lookupOf(
  { failureReason, notSeenSince }: PayoutTransfer,
  { keyListReadAtMs, keySentAtMs, lastAttempt }: TransferSurroundings,
  nowMs: number,
): LookupFacts {
  const mayHaveLostSends = isDistrusted(failureReason);
  const key = { firstSentAtMs: keySentAtMs, listReadAtMs: keyListReadAtMs };
  const isSendable = keySentAtMs !== null && !mayHaveLostSends && isKeySendable(key, nowMs);
  const firstLookMs = notSeenSince?.getTime() ?? null;
  const countsFromMs = (mayHaveLostSends ? null : lastAttempt?.sentAtMs) ?? firstLookMs;
  return {
    lastSentAt: isoOf(lastAttempt?.sentAtMs ?? null),
    notSeenSince: isoOf(firstLookMs),
    sameKeyUntil: isSendable ? isoOf((keyListReadAtMs ?? keySentAtMs) + KEY_SENDABLE_MS) : null,
    anotherKeyFrom:
      countsFromMs === null
        ? null
        : isoOf(
            Math.max(
              countsFromMs + EMPTY_LOOK_AFTER_SEND_MS,
              (firstLookMs ?? countsFromMs) + EMPTY_LOOKS_APART_MS,
            ),
          ),
  };
}

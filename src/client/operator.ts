import { userInfo } from 'node:os';

import { ID_PATTERN, TRANSFER_ID_PATTERN } from '../domain/ids';
import { operatorReason, REASON_EXPECTED, type Operator } from '../domain/operator-reason';
import { shownText, shownValue } from '../domain/shown-value';
import type { Executor } from '../db/database';
import { findJobBySettlement, type PayoutJob } from '../db/payout-jobs';
import { findTransferById, type PayoutTransfer } from '../db/payout-transfers';
import { UsageError } from './exit-codes';
import { UnknownSettlementError } from './read-status';

/** Who gives a command at a terminal: the user of the operating system, by number where there is no name. */
export function actorOfProcess(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a number that its list of users does not have.
    return `uid ${process.getuid?.().toString() ?? 'unknown'}`;
  }
}

/** The reason of an order is none: see `operatorReason`. */
export class RefusedReasonError extends UsageError {}

/** @throws RefusedReasonError when the reason is missing, too long or more than one line of text */
export function operatorOf(options: { readonly reason?: string }): Operator {
  const reason = operatorReason(options.reason ?? '');
  if (reason === undefined) {
    throw new RefusedReasonError(
      `--reason: found ${shownValue(options.reason)}, expected ${REASON_EXPECTED}`,
    );
  }
  return { actor: actorOfProcess(), reason };
}

/**
 * The job of a settlement that a command names.
 * @throws UsageError when it is no id
 * @throws UnknownSettlementError when nothing of this id is recorded
 */
export async function jobNamed(executor: Executor, settlementId: string): Promise<PayoutJob> {
  if (!ID_PATTERN.test(settlementId)) {
    throw new UsageError(
      `settlement: found ${shownValue(settlementId)}, expected 1 to 100 of A-Z a-z 0-9 _ . : -`,
    );
  }
  const job = await findJobBySettlement(executor, settlementId);
  if (job === undefined) {
    throw new UnknownSettlementError(settlementId);
  }
  return job;
}

/** No transfer of this id is recorded. */
class UnknownTransferError extends Error {
  override readonly name = 'UnknownTransferError';
  constructor(readonly transferId: string) {
    super(`transfer ${shownText(transferId)} is not recorded here`);
  }
}

/**
 * The transfer that a command names.
 * @throws UsageError when it is no id
 * @throws UnknownTransferError when nothing of this id is recorded
 */
export async function transferNamed(
  executor: Executor,
  transferId: string,
): Promise<PayoutTransfer> {
  const id = transferId.toLowerCase();
  if (!TRANSFER_ID_PATTERN.test(id)) {
    throw new UsageError(
      `transfer: found ${shownValue(transferId)}, expected an id as payouts status --json shows it`,
    );
  }
  const transfer = await findTransferById(executor, id);
  if (transfer === undefined) {
    throw new UnknownTransferError(id);
  }
  return transfer;
}

import type { Client } from '@temporalio/client';

import { wakeFreedTransfers } from '../activities/wake-after-pause';
import { wakeUpOfTransfer, wakeWorkflow, wakeWorkflows } from '../activities/wake-workflows';
import {
  APPROVAL_REFUSAL_TEXTS,
  CONFIRMATION_REFUSAL_TEXTS,
  decideApproval,
  decideConfirmation,
  type ApprovalRefusal,
  type ApprovalWish,
  type ConfirmationRefusal,
} from '../domain/approval';
import { SIGNALS } from '../domain/contracts';
import { jobWorkflowId } from '../domain/ids';
import type { Operator } from '../domain/operator-reason';
import { lockApprovalContent, markSettlementApproved } from '../db/approvals';
import { inTransaction, type Database, type Executor } from '../db/database';
import { recordOperatorAction } from '../db/operator-actions';
import { findJobBySettlement, lockJob } from '../db/payout-jobs';
import type { PayoutTransfer } from '../db/payout-transfers';
import { findReplacer, markAccountConfirmed } from '../db/replaced-accounts';
import { findSettlementRow } from '../db/settlements';
import { lockTransfer } from '../db/transfer-moves';
import { findUserStripeAccount } from '../db/user-stripe-accounts';
import { UnknownSettlementError } from './read-status';
import { noteRefusals } from './refusals';

/** Where an order is carried out, and who gives it: known by a token, or it is no second person's. */
export interface KnownOrdering {
  readonly database: Database;
  readonly operator: Operator;
}

interface Refused<Code extends string> {
  readonly result: 'refused';
  readonly code: Code;
  /** For a person. */
  readonly text: string;
}

export type ApprovalResult = { readonly settlementId: string } & (
  | {
      /** `unchanged`: it was approved before, all of it and with this hash. */
      readonly result: 'approved' | 'unchanged';
      readonly hash: string;
      /** How many transfers this approved, and their sum. */
      readonly transfers: number;
      readonly sumMinor: number;
      readonly currency: string;
    }
  | Refused<ApprovalRefusal>
);

/**
 * Approves what a hash of `previewSettlement` names, in one transaction under the locks of the job and its transfers:
 * nobody is cancelled or restored, and no account replaced, between the comparison and the approval. The runs have to be told after it
 * (`tellApproved`). Safe to repeat: the second time it is `unchanged`, and nothing is recorded twice.
 * @throws UnknownSettlementError
 */
export async function approveSettlement(
  { database, operator }: KnownOrdering,
  { settlementId, ...seen }: Omit<ApprovalWish, 'actor'> & { readonly settlementId: string },
): Promise<ApprovalResult> {
  const { hash } = seen;
  const answer = await inTransaction<ApprovalResult>(database, async (executor) => {
    const found = await findJobBySettlement(executor, settlementId);
    if (found === undefined) {
      throw new UnknownSettlementError(settlementId);
    }
    const content = await lockApprovalContent(executor, found);
    const job = await lockJob(executor, found.id);
    const recordedBy = (await findSettlementRow(executor, settlementId))?.recordedBy ?? null;
    const decision = decideApproval(
      { approval: job.approval, recordedBy, ...content },
      { actor: operator.actor, ...seen },
    );
    if (decision !== 'approve' && decision !== 'unchanged') {
      const text = APPROVAL_REFUSAL_TEXTS[decision];
      return { settlementId, result: 'refused', code: decision, text };
    }
    const { waitingCount: transfers, waitingMinor: sumMinor } = content;
    if (decision === 'approve') {
      await markSettlementApproved(executor, job.id, { approvedBy: operator.actor, hash });
      await recordOperatorAction(executor, {
        action: 'approve',
        ...operator,
        subject: { settlementId, hash, transfers, sumMinor, currency: job.currency },
      });
    }
    const result = decision === 'approve' ? 'approved' : 'unchanged';
    return { settlementId, result, hash, transfers, sumMinor, currency: job.currency };
  });
  return noteRefused(database, answer);
}

export type ConfirmationResult = { readonly transferId: string } & (
  | {
      /** `unchanged`: this account was approved or confirmed before. */
      readonly result: 'confirmed' | 'unchanged';
      readonly settlementId: string;
      readonly accountId: string;
    }
  | Refused<ConfirmationRefusal>
);

/**
 * Confirms the account that took the place of the approved one, for one transfer, in one transaction. Compared with the
 * account that the operator saw; the run has to be told after it (`tellConfirmed`). Safe to repeat.
 * @param order.transferId of a transfer that is recorded
 */
export async function confirmAccount(
  { database, operator }: KnownOrdering,
  { accountId, transferId }: { readonly transferId: string; readonly accountId: string },
): Promise<ConfirmationResult> {
  const answer = await inTransaction<ConfirmationResult>(database, async (executor) => {
    const transfer = await lockTransfer(executor, transferId);
    const account = await findUserStripeAccount(executor, transfer.userId);
    const replacedBy = account === undefined ? null : await findReplacer(executor, account);
    const decision = decideConfirmation(
      { ...transfer, account, replacedBy },
      { actor: operator.actor, accountId },
    );
    if (decision !== 'confirm' && decision !== 'unchanged') {
      const text = CONFIRMATION_REFUSAL_TEXTS[decision];
      return { transferId, result: 'refused', code: decision, text };
    }
    const { settlementId } = transfer;
    if (decision === 'confirm' && account !== undefined) {
      await keepConfirmation(executor, operator, { transfer, version: account.version, accountId });
      return { transferId, result: 'confirmed', settlementId, accountId };
    }
    return { transferId, result: 'unchanged', settlementId, accountId };
  });
  return noteRefused(database, answer);
}

/** After the transaction, whichever came of it: the count is no part of the order. */
async function noteRefused<Answer extends ApprovalResult | ConfirmationResult>(
  database: Database,
  answer: Answer,
): Promise<Answer> {
  if (answer.result === 'refused') {
    await noteRefusals(database, [answer.code]);
  }
  return answer;
}

async function keepConfirmation(
  executor: Executor,
  operator: Operator,
  confirmed: {
    readonly transfer: PayoutTransfer;
    readonly accountId: string;
    readonly version: number;
  },
): Promise<void> {
  const { accountId, transfer, version } = confirmed;
  await markAccountConfirmed(executor, transfer.id, version);
  await recordOperatorAction(executor, {
    action: 'confirm_account',
    ...operator,
    subject: {
      transferId: transfer.id,
      settlementId: transfer.settlementId,
      userId: transfer.userId,
      accountId,
      version,
      versionBefore: transfer.approvedAccountVersion,
    },
  });
}

interface Connections {
  readonly client: Client;
  readonly database: Database;
}

/** Tells the job, and the transfers that waited for nothing but the approval. Safe to repeat. */
export async function tellApproved(connections: Connections, settlementId: string): Promise<void> {
  await wakeWorkflow(connections.client, jobWorkflowId(settlementId), SIGNALS.changed);
  await wakeFreedTransfers(connections, settlementId, SIGNALS.changed);
}

/** Tells the run of a transfer whose account was confirmed. Safe to repeat. */
export async function tellConfirmed(client: Client, transferId: string): Promise<void> {
  await wakeWorkflows(client, [wakeUpOfTransfer(transferId, SIGNALS.changed)]);
}

import { compareText } from './compare-text';
import { isGivenUp, type TransferStatus } from './transfer-state';

/** The largest total that needs no approval, in minor units by lower-case currency. */
export type ApprovalLimits = Readonly<Record<string, number>>;

/** What a settlement is paid under, as the settings of the process that records it say. */
export interface PayoutTerms {
  readonly maxAttempts: number;
  /** undefined: nobody needs an approval. */
  readonly approvalAbove: ApprovalLimits | undefined;
  /** How long after it was recorded nothing of a settlement is sent, so that its result can be disputed. */
  readonly holdMs: number;
}

/**
 * Whether a second person has to approve a settlement before anything of it is sent. Where limits are set, a currency
 * that they do not name always needs it: one that was forgotten must not go out unseen.
 */
export function needsApproval(
  limits: ApprovalLimits | undefined,
  { currency, totalMinor }: { readonly currency: string; readonly totalMinor: number },
): boolean {
  if (limits === undefined) {
    return false;
  }
  const limit = Object.hasOwn(limits, currency) ? limits[currency] : undefined;
  return limit === undefined || totalMinor > limit;
}

export const APPROVALS = ['not_required', 'required', 'approved'] as const;
export type Approval = (typeof APPROVALS)[number];

/** One winner as an approval sees it: who gets how much, whatever account it goes to. */
export interface ApprovedWinner {
  readonly userId: string;
  readonly award: string;
  readonly amountMinor: number;
}

/**
 * Whether a transfer is part of what an approval names: what was approved once stays part of it, and who was given up
 * before it is not. So the hash changes with every winner who goes or comes back before it is given, and the hash of
 * what was approved can be made again at any time.
 */
export function isPartOfApproval(transfer: {
  readonly approval: Approval;
  readonly status: TransferStatus;
}): boolean {
  return transfer.approval === 'approved' || !isGivenUp(transfer.status);
}

/** The one text of what is approved, in whatever order the winners come. Two approvals are the same when their texts are. */
export function canonicalApprovalText(
  settlement: { readonly settlementId: string; readonly currency: string },
  winners: readonly ApprovedWinner[],
): string {
  const sorted = [...winners]
    .sort(
      (left, right) =>
        compareText(left.userId, right.userId) || compareText(left.award, right.award),
    )
    .map(({ amountMinor, award, userId }) => ({ userId, award, amountMinor }));
  const { currency, settlementId } = settlement;
  return JSON.stringify({ settlementId, currency, winners: sorted });
}

/** What an approval's hash looks like: SHA-256 in hex. */
export const APPROVAL_HASH_PATTERN = /^[0-9a-f]{64}$/;

/** What an approval finds, under the locks of its transaction. */
export interface ApprovalFacts {
  readonly approval: Approval;
  /** Who handed the settlement in; null where nobody said. */
  readonly recordedBy: string | null;
  /** The hash of what would be approved now. */
  readonly hash: string;
  /** How many transfers wait for an approval and are not given up. */
  readonly waitingCount: number;
  /** How often accounts of its winners took the place of others; it only grows, and first accounts do not count. */
  readonly accountReplacements: number;
}

/** What an approver names: what he saw. */
export interface ApprovalWish {
  readonly actor: string;
  readonly hash: string;
  /** undefined: he does not say which accounts he saw; those of the moment are approved. */
  readonly accountReplacements?: number | undefined;
}

export type ApprovalRefusal =
  | 'approval_not_needed'
  | 'nothing_to_approve'
  | 'approver_recorded_it'
  | 'approval_hash_changed'
  | 'approval_accounts_changed';

export const APPROVAL_REFUSAL_TEXTS: Readonly<Record<ApprovalRefusal, string>> = {
  approval_not_needed:
    'this settlement needs no approval: it was recorded under terms that ask for none',
  nothing_to_approve:
    'every winner of this settlement is cancelled or voided: there is nothing to approve',
  approver_recorded_it:
    'whoever recorded a settlement cannot approve it; a second person has to, with a token of their own',
  approval_hash_changed:
    'the hash is not that of what would be paid now: winners were cancelled or restored since; look at payouts preview again',
  approval_accounts_changed:
    'accounts of its winners were replaced since that preview; look at payouts preview again',
};

export type ApprovalDecision = 'approve' | 'unchanged' | ApprovalRefusal;

/** Decides about one approval. Pure; carried out in the transaction that read the facts. */
export function decideApproval(
  facts: ApprovalFacts,
  { accountReplacements, actor, hash }: ApprovalWish,
): ApprovalDecision {
  if (facts.approval === 'not_required') {
    return 'approval_not_needed';
  }
  if (facts.recordedBy === actor) {
    return 'approver_recorded_it';
  }
  if (facts.hash !== hash) {
    return 'approval_hash_changed';
  }
  if (facts.waitingCount > 0) {
    const isAsSeen =
      (accountReplacements ?? facts.accountReplacements) === facts.accountReplacements;
    return isAsSeen ? 'approve' : 'approval_accounts_changed';
  }
  return facts.approval === 'approved' ? 'unchanged' : 'nothing_to_approve';
}

/** What confirming an account finds. */
export interface AccountFacts {
  readonly approval: Approval;
  readonly status: TransferStatus;
  /** The version that was approved or confirmed last. */
  readonly approvedAccountVersion: number | null;
  /** The winner's account now; undefined where there is none. */
  readonly account: { readonly stripeAccountId: string; readonly version: number } | undefined;
  /** Who put this account in place of another; null where nobody is known to have. */
  readonly replacedBy: string | null;
}

export type ConfirmationRefusal =
  'confirmation_not_needed' | 'payment_has_ended' | 'account_is_another' | 'confirmer_replaced_it';

export const CONFIRMATION_REFUSAL_TEXTS: Readonly<Record<ConfirmationRefusal, string>> = {
  confirmation_not_needed: 'no approved account has to be confirmed for this transfer',
  payment_has_ended: 'this transfer is paid or voided; no account is used for it any more',
  account_is_another: 'the winner’s account is not the one that was named; look again',
  confirmer_replaced_it:
    'whoever replaced an account cannot confirm it; a second person has to, with a token of their own',
};

export type ConfirmationDecision = 'confirm' | 'unchanged' | ConfirmationRefusal;

/** Decides whether an account that came after the approval may be paid to. */
export function decideConfirmation(
  facts: AccountFacts,
  { accountId, actor }: { readonly actor: string; readonly accountId: string },
): ConfirmationDecision {
  const { account, approvedAccountVersion, status } = facts;
  if (facts.approval !== 'approved') {
    return 'confirmation_not_needed';
  }
  if (status === 'completed' || status === 'voided') {
    return 'payment_has_ended';
  }
  if (account?.stripeAccountId !== accountId) {
    return 'account_is_another';
  }
  if (account.version === approvedAccountVersion) {
    return 'unchanged';
  }
  return facts.replacedBy === actor ? 'confirmer_replaced_it' : 'confirm';
}

/**
 * Whether money may go to the account that the winner has now. The first account has version 1, which is what an
 * approval before it stands for; a replaced one has another.
 */
export function isAccountConfirmed(
  transfer: { readonly approval: Approval; readonly approvedAccountVersion: number | null },
  account: { readonly version: number } | undefined,
): boolean {
  return (
    transfer.approval !== 'approved' ||
    account === undefined ||
    account.version === transfer.approvedAccountVersion
  );
}

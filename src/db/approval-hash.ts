import { createHash } from 'node:crypto';

import { canonicalApprovalText, type ApprovedWinner } from '../domain/approval';

/** SHA-256, in hex, of what is approved: the same winners, awards and amounts give the same hash, in whatever order. */
export function approvalHash(
  settlement: { readonly settlementId: string; readonly currency: string },
  winners: readonly ApprovedWinner[],
): string {
  const text = canonicalApprovalText(settlement, winners);
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

import type { PayoutTerms } from '../domain/approval';
import { HOUR_MS } from '../domain/durations';
import type { Settings } from './settings';

/** What a settlement that is recorded with these settings is paid under. */
export function payoutTermsOf(
  settings: Pick<Settings, 'payoutMaxAttempts' | 'payoutApprovalAbove' | 'payoutHoldHours'>,
): PayoutTerms {
  return {
    maxAttempts: settings.payoutMaxAttempts,
    approvalAbove: settings.payoutApprovalAbove,
    holdMs: settings.payoutHoldHours * HOUR_MS,
  };
}

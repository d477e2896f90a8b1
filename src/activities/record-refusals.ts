import { attemptLedgerKey } from '../domain/ids';
import type { Executor } from '../db/database';
import { postLedger } from '../db/ledger';
import type { PayoutAttempt } from '../db/payout-attempts';
import type { PayoutTransfer } from '../db/payout-transfers';

/** One record without entries for each attempt that is proven to have paid nothing; written once, whoever repeats it. */
export async function recordRefusals(
  executor: Executor,
  transfer: Pick<PayoutTransfer, 'id' | 'settlementId'>,
  attempts: readonly Pick<PayoutAttempt, 'attemptNumber' | 'reason' | 'resolution'>[],
): Promise<void> {
  for (const attempt of attempts) {
    if (attempt.resolution === 'not_created') {
      await postLedger(executor, {
        idempotencyKey: attemptLedgerKey(transfer.id, attempt.attemptNumber),
        kind: 'refusal',
        settlementId: transfer.settlementId,
        transferId: transfer.id,
        attemptNumber: attempt.attemptNumber,
        ...(attempt.reason !== null && { reason: attempt.reason }),
        entries: [],
      });
    }
  }
}

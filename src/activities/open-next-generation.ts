import { freezeRequest } from '../domain/generation';
import type { Executor } from '../db/database';
import type { Installation } from '../db/installation';
import { openGeneration, type PayoutGeneration } from '../db/payout-generations';
import type { PayoutTransfer } from '../db/payout-transfers';

/** Opens a transfer's next key and freezes what is sent under it: the debt, to this account, for this platform (M1). */
export async function openNextGeneration(
  executor: Executor,
  transfer: PayoutTransfer,
  { installationId, livemode, stripeAccountId }: Installation,
  destination: string,
): Promise<PayoutGeneration> {
  const { id: transferId, generation } = transfer;
  return openGeneration(executor, {
    transferId,
    generation: generation + 1,
    request: freezeRequest({ ...transfer, installationId, transferId, destination }),
    stripeAccountId,
    livemode,
  });
}

import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';

import { inSnapshot, type Executor } from '../../db/database';
import { findTransferById, type PayoutTransfer } from '../../db/payout-transfers';
import { readTransferHistory } from '../../db/transfer-history';
import { ApiError } from '../api-error';
import { uiOf, type ConsoleContext } from './console-context';
import { WinnerPage } from './pages/winner-page';
import { winnerParams, type WinnerParams } from './params';

/** One winner of one settlement. */
export function winnerRoute(app: FastifyInstance, context: ConsoleContext): void {
  app
    .withTypeProvider<ZodTypeProvider>()
    .get(
      '/settlements/:settlementId/transfers/:transferId',
      { schema: { hide: true, params: winnerParams } },
      async (request, reply) => {
        const content = await inSnapshot(context.database, async (executor) => {
          const transfer = await findWinner(executor, request.params);
          const history = await readTransferHistory(executor, transfer);
          return (
            <WinnerPage transfer={transfer} history={history} ui={uiOf(context)} orders={null} />
          );
        });
        const page = { title: 'Winner', section: 'settlements', isLive: true } as const;
        return context.send(request, reply, page, content);
      },
    );
}

/** @throws ApiError 404 also for the transfer of another settlement */
export async function findWinner(
  executor: Executor,
  { settlementId, transferId }: WinnerParams,
): Promise<PayoutTransfer> {
  const transfer = await findTransferById(executor, transferId);
  if (transfer?.settlementId !== settlementId) {
    const message = 'this settlement has no such transfer';
    throw new ApiError(404, 'transfer_not_found', message);
  }
  return transfer;
}

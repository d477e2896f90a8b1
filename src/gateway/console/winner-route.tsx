import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';

import { explainOne } from '../../client/explain';
import { inSnapshot } from '../../db/database';
import { readTransferHistory } from '../../db/transfer-history';
import { isReversalEnded } from '../../domain/reversal-state';
import { uiOf, type ConsoleContext } from './console-context';
import { WinnerPage } from './pages/winner-page';
import { WINNER_ORDERS } from './order-places';
import { noteUnderWay, offered } from './order-routes';
import { winnerParams } from './params';
import { findWinner } from './winner';
import { winnerPath } from './local-path';

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
          const explanation = await explainOne(executor, transfer, context);
          const openReversal = history.reversals.find(({ status }) => !isReversalEnded(status));
          const target = { transfer, account: history.account, openReversal };
          const path = winnerPath(transfer);
          return (
            <WinnerPage
              transfer={transfer}
              history={history}
              explanation={explanation}
              ui={uiOf(context)}
              orders={
                <>
                  {noteUnderWay(context, path)}
                  {offered(WINNER_ORDERS, target, path)}
                </>
              }
            />
          );
        });
        const page = { title: 'Winner', section: 'settlements', isLive: true } as const;
        return context.send(request, reply, page, content);
      },
    );
}

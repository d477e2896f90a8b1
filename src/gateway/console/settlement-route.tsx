import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';

import { UnknownSettlementError } from '../../client/read-status';
import { inSnapshot, type Executor } from '../../db/database';
import { findActionsOfSettlement } from '../../db/operator-actions';
import { findPausesInForce } from '../../db/payout-controls';
import { findJobBySettlement, type PayoutJob } from '../../db/payout-jobs';
import { summarizeTransfers } from '../../db/payout-transfers';
import { findSettlementRow, type SettlementRow } from '../../db/settlements';
import {
  countReasons,
  findWinnerPage,
  totalOfWinners,
  type WinnerFilter,
} from '../../db/winner-pages';
import { TRANSFER_ID_PATTERN } from '../../domain/ids';
import { CONSOLE_PAGE_WINNERS } from '../../domain/limits';
import { TRANSFER_STATUSES } from '../../domain/transfer-state';
import { uiOf, type ConsoleContext } from './console-context';
import { HandedInPage } from './pages/handed-in-page';
import { SettlementPage, type SettlementFacts } from './pages/settlement-page';
import { FAILURE_CLASSES, REASON_CODES, type Winners } from './pages/winner-list';
import { PAUSE_ORDERS, SETTLEMENT_ORDERS } from './order-places';
import { noteUnderWay, offered } from './order-routes';
import { settlementPath } from './local-path';
import { settlementParams } from './params';
import { optional, searchText } from './read-form';

const winnersQuery = z.object({
  status: optional(z.enum(TRANSFER_STATUSES)),
  class: optional(z.enum(FAILURE_CLASSES)),
  reason: optional(z.enum(REASON_CODES)),
  user: optional(searchText),
  after: optional(z.string().regex(TRANSFER_ID_PATTERN, 'the id of a transfer')),
});

/** One settlement: accepted, with its winners, or as another system has written it. */
export function settlementRoute(app: FastifyInstance, context: ConsoleContext): void {
  app
    .withTypeProvider<ZodTypeProvider>()
    .get(
      '/settlements/:settlementId',
      { schema: { hide: true, params: settlementParams, querystring: winnersQuery } },
      async (request, reply) => {
        const { settlementId } = request.params;
        const { after, class: failureClass, user: userIdPrefix, reason, status } = request.query;
        const filter = { failureClass, reason, status, userIdPrefix };
        const content = await inSnapshot(context.database, async (executor) => {
          const settlement = await findSettlementRow(executor, settlementId);
          if (settlement === undefined) {
            throw new UnknownSettlementError(settlementId);
          }
          if (settlement.status !== 'accepted') {
            return <HandedInPage settlement={settlement} status={settlement.status} />;
          }
          const facts = await readFacts(executor, settlement, filter, after);
          const orders = ordersOf(context, facts);
          return <SettlementPage facts={facts} ui={uiOf(context)} orders={orders} />;
        });
        const page = { title: 'Settlement', section: 'settlements', isLive: true } as const;
        return context.send(request, reply, page, content);
      },
    );
}

function ordersOf(context: ConsoleContext, { job, pauses }: SettlementFacts) {
  const { settlementId: scope } = job;
  const path = settlementPath(scope);
  const own = pauses.filter(({ settlementId }) => settlementId === scope);
  return (
    <>
      {noteUnderWay(context, path)}
      {offered(SETTLEMENT_ORDERS, { job }, path)}
      {offered(PAUSE_ORDERS, { scope, pauses: own }, path)}
    </>
  );
}

const ACTIONS_SHOWN = 20;

async function readFacts(
  executor: Executor,
  settlement: SettlementRow,
  filter: WinnerFilter,
  after: string | undefined,
): Promise<SettlementFacts> {
  const { settlementId } = settlement;
  const job = await findJobBySettlement(executor, settlementId);
  if (job === undefined) {
    throw new UnknownSettlementError(settlementId);
  }
  return {
    settlement,
    job,
    summary: await summarizeTransfers(executor, job.id),
    pauses: await findPausesInForce(executor, settlementId),
    reasons: await countReasons(executor, job.id),
    actions: await findActionsOfSettlement(executor, settlementId, ACTIONS_SHOWN),
    winners: await readWinners(executor, job, filter, after),
  };
}

async function readWinners(
  executor: Executor,
  job: PayoutJob,
  filter: WinnerFilter,
  after: string | undefined,
): Promise<Winners> {
  const found = await findWinnerPage(executor, job.id, {
    ...filter,
    afterTransferId: after,
    winnersMax: CONSOLE_PAGE_WINNERS + 1,
  });
  const page = found.slice(0, CONSOLE_PAGE_WINNERS);
  return {
    filter,
    total: await totalOfWinners(executor, job.id, filter),
    isFirst: after === undefined,
    page,
    nextAfter: found.length > page.length ? page.at(-1)?.id : undefined,
  };
}

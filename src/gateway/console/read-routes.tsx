import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';

import { findAdminJob } from '../../db/admin-jobs';
import { inSnapshot } from '../../db/database';
import { readOperatingFigures } from '../../db/operating-figures';
import { findPausesTouching } from '../../db/operator-pauses';
import { findSendsUnderWay } from '../../db/sends-under-way';
import { findSettlementPage, SETTLEMENT_VIEWS } from '../../db/settlement-pages';
import { countUnsettledWinners } from '../../db/winner-pages';
import { SWEEP_ID } from '../../domain/ids';
import { CONSOLE_PAGE_SETTLEMENTS } from '../../domain/limits';
import type { ConsoleContext } from './console-context';
import { PAUSE_ORDERS } from './order-places';
import { noteUnderWay, offered } from './order-routes';
import { CONSOLE_ROOT } from './local-path';
import { OverviewPage } from './pages/overview-page';
import { PausesPage } from './pages/pauses-page';
import { SettlementsPage } from './pages/settlements-page';
import { anySettlementId } from './params';
import { optional, searchText } from './read-form';

const HIDDEN = { schema: { hide: true } };
const APPROVALS_SHOWN = 10;
const UNSETTLED_SHOWN = 20;

/** The pages about the whole installation. */
export function readRoutes(app: FastifyInstance, context: ConsoleContext): void {
  overviewRoute(app, context);
  settlementsRoute(app, context);
  pausesRoute(app, context);
}

function overviewRoute(app: FastifyInstance, { database, send }: ConsoleContext): void {
  app.get('/', HIDDEN, async (request, reply) => {
    const figures = await readOperatingFigures(database);
    const facts = await inSnapshot(database, async (executor) => ({
      figures,
      pauses: await findPausesTouching(executor, null),
      awaitingApproval: await findSettlementPage(executor, {
        view: 'awaiting_approval',
        settlementsMax: APPROVALS_SHOWN,
      }),
      unknownOutcomes: await countUnsettledWinners(executor, 'unknown', UNSETTLED_SHOWN),
      givenUp: await countUnsettledWinners(executor, 'failed_terminal', UNSETTLED_SHOWN),
      sweep: await findAdminJob(executor, SWEEP_ID),
    }));
    const page = { title: 'Overview', section: 'overview', isLive: true } as const;
    return send(request, reply, page, <OverviewPage facts={facts} />);
  });
}

const listQuery = z.object({
  view: optional(z.enum(SETTLEMENT_VIEWS)),
  q: optional(searchText),
  after: optional(anySettlementId),
});

function settlementsRoute(app: FastifyInstance, { database, send }: ConsoleContext): void {
  app
    .withTypeProvider<ZodTypeProvider>()
    .get(
      '/settlements',
      { schema: { hide: true, querystring: listQuery } },
      async (request, reply) => {
        const { after, q: idPrefix, view = 'all' } = request.query;
        const found = await inSnapshot(database, (executor) =>
          findSettlementPage(executor, {
            view,
            idPrefix,
            afterSettlementId: after,
            settlementsMax: CONSOLE_PAGE_SETTLEMENTS + 1,
          }),
        );
        const settlements = found.slice(0, CONSOLE_PAGE_SETTLEMENTS);
        const list = {
          view,
          idPrefix,
          isFirst: after === undefined,
          settlements,
          nextAfter:
            found.length > settlements.length ? settlements.at(-1)?.settlementId : undefined,
        };
        const page = { title: 'Settlements', section: 'settlements', isLive: true } as const;
        return send(request, reply, page, <SettlementsPage list={list} />);
      },
    );
}

function pausesRoute(app: FastifyInstance, context: ConsoleContext): void {
  const { database, send } = context;
  const path = `${CONSOLE_ROOT}/pauses`;
  app.get('/pauses', HIDDEN, async (request, reply) => {
    const { pauses, underWay } = await inSnapshot(database, async (executor) => ({
      pauses: await findPausesTouching(executor, null),
      underWay: await findSendsUnderWay(executor, null),
    }));
    const page = { title: 'Pauses', section: 'pauses', isLive: true } as const;
    const own = pauses.filter(({ settlementId }) => settlementId === null);
    const orders = (
      <>
        {noteUnderWay(context, path)}
        {offered(PAUSE_ORDERS, { scope: null, pauses: own }, path)}
      </>
    );
    return send(
      request,
      reply,
      page,
      <PausesPage pauses={pauses} underWay={underWay} orders={orders} />,
    );
  });
}

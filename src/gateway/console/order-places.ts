import type { FastifyInstance } from 'fastify';
import { z } from 'zod';

import { UnknownSettlementError } from '../../client/read-status';
import { findJobBySettlement, type PayoutJob } from '../../db/payout-jobs';
import { findOpenReversal } from '../../db/payout-reversals';
import { findUserStripeAccount } from '../../db/user-stripe-accounts';
import type { ConsoleContext } from './console-context';
import { CONSOLE_ROOT, settlementPath, winnerPath } from './local-path';
import { orderRoutes, type OrderPlace } from './order-routes';
import { approveOrder, confirmAccountOrder } from './orders/approval-orders';
import type { ConsoleOrder } from './orders/console-order';
import type { SettlementTarget } from './orders/many';
import { pauseOrder, pausesOf, resumeOrder, type PauseTarget } from './orders/pause-orders';
import { resolvePaidOrder, resolveUnpaidOrder } from './orders/resolve-orders';
import { resolveReversalOrder } from './orders/resolve-reversal-order';
import { reverseOrder } from './orders/reverse-order';
import {
  cancelAllOrder,
  restoreAllOrder,
  retryFailedOrder,
  voidAllOrder,
} from './orders/settlement-orders';
import {
  cancelOrder,
  restoreOrder,
  retryOrder,
  voidOrder,
  type WinnerTarget,
} from './orders/winner-orders';
import { settlementParams, winnerParams, type WinnerParams } from './params';
import { findWinner } from './winner';

export const WINNER_ORDERS: readonly ConsoleOrder<WinnerTarget>[] = [
  retryOrder,
  resolvePaidOrder,
  resolveUnpaidOrder,
  cancelOrder,
  restoreOrder,
  voidOrder,
  confirmAccountOrder,
  reverseOrder,
  resolveReversalOrder,
];

export const SETTLEMENT_ORDERS: readonly ConsoleOrder<SettlementTarget>[] = [
  approveOrder,
  retryFailedOrder,
  cancelAllOrder,
  restoreAllOrder,
  voidAllOrder,
];

export const PAUSE_ORDERS: readonly ConsoleOrder<PauseTarget>[] = [pauseOrder, resumeOrder];

type SettlementParams = z.output<typeof settlementParams>;

const WINNER: OrderPlace<WinnerParams, WinnerTarget> = {
  route: '/settlements/:settlementId/transfers/:transferId',
  params: winnerParams,
  section: 'settlements',
  read: async ({ database }, params) => {
    const transfer = await findWinner(database, params);
    return {
      transfer,
      account: await findUserStripeAccount(database, transfer.userId),
      openReversal: await findOpenReversal(database, transfer.id),
    };
  },
  pathOf: ({ transfer }) => winnerPath(transfer),
  turn: 'waits',
};

async function jobOf({ database }: ConsoleContext, settlementId: string): Promise<PayoutJob> {
  const job = await findJobBySettlement(database, settlementId);
  if (job === undefined) {
    throw new UnknownSettlementError(settlementId);
  }
  return job;
}

const SETTLEMENT: OrderPlace<SettlementParams, SettlementTarget> = {
  route: '/settlements/:settlementId',
  params: settlementParams,
  section: 'settlements',
  read: async (context, { settlementId }) => ({ job: await jobOf(context, settlementId) }),
  pathOf: ({ job }) => settlementPath(job.settlementId),
  turn: 'takes',
};

const SETTLEMENT_PAUSES: OrderPlace<SettlementParams, PauseTarget> = {
  ...SETTLEMENT,
  read: async (context, { settlementId }) => {
    const { settlementId: scope } = await jobOf(context, settlementId);
    return { scope, pauses: await pausesOf(context.database, scope) };
  },
  pathOf: ({ scope }) => settlementPath(scope ?? ''),
  turn: 'free',
};

const ALL_PAUSES: OrderPlace<object, PauseTarget> = {
  route: '/pauses',
  params: z.object({}),
  section: 'pauses',
  read: async ({ database }) => ({ scope: null, pauses: await pausesOf(database, null) }),
  pathOf: () => `${CONSOLE_ROOT}/pauses`,
  turn: 'free',
};

/** Every order of the console. */
export function allOrderRoutes(app: FastifyInstance, context: ConsoleContext): void {
  WINNER_ORDERS.forEach((order) => orderRoutes(app, context, WINNER, order));
  SETTLEMENT_ORDERS.forEach((order) => orderRoutes(app, context, SETTLEMENT, order));
  PAUSE_ORDERS.forEach((order) => orderRoutes(app, context, SETTLEMENT_PAUSES, order));
  PAUSE_ORDERS.forEach((order) => orderRoutes(app, context, ALL_PAUSES, order));
}

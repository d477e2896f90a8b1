/**
 * Goal: reversals run as in production, each step by itself: real Postgres, the real SDK over a socket to the sandbox.
 * Method: the bed of the activities, and what a ReversalWorkflow does between two waits.
 */
import { claimReversal } from '../../src/activities/claim-reversal';
import { createStripeReversal } from '../../src/activities/create-stripe-reversal';
import { lookAtReversal } from '../../src/activities/look-at-reversal';
import {
  recordReversalOrder,
  type ReversalOrder,
  type ReversalOrderAnswer,
} from '../../src/activities/order-reversal';
import {
  beginReversal,
  findReversalAttempts,
  type BegunReversal,
  type ReversalAttempt,
} from '../../src/db/payout-reversal-attempts';
import { findReversal, type PayoutReversal } from '../../src/db/payout-reversals';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import type { ReversalClaimAnswer } from '../../src/domain/contracts';
import { isReversalEnded } from '../../src/domain/reversal-state';
import { sendReversal } from '../../src/stripe/reversals';
import { givenTransfer, newAccountId } from '../support/builders';
import type { ActivityBed } from './activity-bed';

export const OPERATOR = { actor: 'alex', reason: 'the result was wrong' };

type Of = Pick<PayoutReversal, 'id'>;

export interface ReversalBed {
  order(order: ReversalOrder): Promise<ReversalOrderAnswer>;
  /** An order that is taken. */
  ordered(order: ReversalOrder): Promise<PayoutReversal>;
  claim(reversal: Of, runId?: string): Promise<ReversalClaimAnswer['next']>;
  look(reversal: Of): Promise<PayoutReversal>;
  send(reversal: Of, runId?: string): Promise<PayoutReversal>;
  /** Claims, and looks where it has to, until the run may send. */
  claimToSend(reversal: Of, runId?: string): Promise<void>;
  /** What a run does until its first wait that is longer than nothing, at most so many steps. */
  step(reversal: Of, runId?: string): Promise<PayoutReversal>;
  /** Steps until it is over. */
  drive(reversal: Of, runId?: string): Promise<PayoutReversal>;
  /** The gate alone, after which the process dies. */
  begin(reversal: Of, runId?: string): Promise<BegunReversal>;
  /** The gate and the POST, after which the process dies without having kept the answer. */
  post(reversal: Of, runId?: string): Promise<void>;
  rowOf(reversal: Of): Promise<PayoutReversal>;
  attemptsOf(reversal: Of): Promise<ReversalAttempt[]>;
  fault(fault: Readonly<Record<string, unknown>>, times?: number): Promise<unknown>;
  /** What came back at Stripe in all, of every payment of a debt. */
  reversedAtStripe(transfer: Pick<PayoutTransfer, 'id'>): Promise<number>;
  /** The amounts in the ledger that came back of a debt, oldest first. */
  postingsOf(transfer: Pick<PayoutTransfer, 'id'>): Promise<number[]>;
}

/** A paid debt; its money is on the winner's account at Stripe. */
export async function givenPaid(bed: ActivityBed, amountMinor = 1_000): Promise<PayoutTransfer> {
  const transfer = await givenTransfer(bed.database, { account: newAccountId(), amountMinor });
  return bed.step(transfer);
}

export function reversalBed(bed: ActivityBed): ReversalBed {
  const { dependencies } = bed;
  const ordering = {
    database: dependencies.database,
    platform: dependencies.platform,
    operator: OPERATOR,
  };
  const self: ReversalBed = {
    order: (order) => recordReversalOrder(ordering, order),
    ordered: async (order) => {
      const answer = await self.order(order);
      if (answer.is === 'refused') {
        throw new Error(`the order was refused: ${answer.code}`);
      }
      return answer.reversal;
    },
    claim: async ({ id: reversalId }, runId = 'run-1') =>
      (await claimReversal(dependencies, { reversalId, runId })).next,
    look: async ({ id: reversalId }) => {
      await lookAtReversal(dependencies, { reversalId });
      return self.rowOf({ id: reversalId });
    },
    send: async ({ id: reversalId }, runId = 'run-1') => {
      await createStripeReversal(dependencies, { reversalId, runId });
      return self.rowOf({ id: reversalId });
    },
    claimToSend: async (reversal, runId) => {
      const next = await self.claim(reversal, runId);
      if (next === 'look') {
        await self.look(reversal);
        return self.claimToSend(reversal, runId);
      }
      if (next !== 'send') {
        throw new Error(`claimed to ${next}`);
      }
    },
    step: async ({ id: reversalId }, runId = 'run-1') => {
      for (let looks = 0; looks < 4; looks += 1) {
        const claim = { reversalId, runId };
        const { next, view: claimed } = await claimReversal(dependencies, claim);
        const view =
          next === 'rest'
            ? claimed
            : next === 'look'
              ? await lookAtReversal(dependencies, claim)
              : await createStripeReversal(dependencies, claim);
        if (view.waitMs !== 0) {
          break;
        }
      }
      return self.rowOf({ id: reversalId });
    },
    drive: async (reversal, runId) => {
      for (let steps = 0; steps < 6; steps += 1) {
        if (isReversalEnded((await self.step(reversal, runId)).status)) {
          break;
        }
      }
      return self.rowOf(reversal);
    },
    begin: async ({ id: reversalId }, runId = 'run-1') => {
      await self.claimToSend({ id: reversalId }, runId);
      const begun = await beginReversal(bed.database, { reversalId, runId }, bed.platform);
      if (begun === undefined) {
        throw new Error('the gate let nothing through');
      }
      return begun;
    },
    post: async (reversal, runId) => {
      await sendReversal(dependencies.stripe, await self.begin(reversal, runId));
    },
    rowOf: async ({ id }) => {
      const row = await findReversal(bed.database, id);
      if (row === undefined) {
        throw new Error(`reversal ${id} does not exist`);
      }
      return row;
    },
    attemptsOf: ({ id }) => findReversalAttempts(bed.database, id),
    fault: (fault, times = 1) =>
      bed.sandbox.control('faults', {
        match: { method: 'POST', path: '/v1/transfers/*' },
        fault,
        times,
      }),
    reversedAtStripe: async ({ id }) =>
      (await bed.sandbox.oracle()).byPayoutTransferId[id]?.reversedMinor ?? 0,
    postingsOf: async ({ id }) => {
      const rows = await bed.rows<{ amount: string }>(
        `select entry.amount_minor as amount from ledger_transactions as posting
         join ledger_entries as entry
           on entry.ledger_transaction_id = posting.id and entry.account = 'stripe_balance'
         where posting.transfer_id = $1 and posting.kind = 'reversal' order by posting.id`,
        [id],
      );
      return rows.map(({ amount }) => Number(amount));
    },
  };
  return self;
}

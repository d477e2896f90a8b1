/**
 * Goal: rows that came back older than Stripe and than the runs pay nobody again (M11), whatever state they came back in.
 * Method: a lost send is a POST under the debt's own key that no row tells of; then 25 hours pass for Postgres and Stripe.
 */
import { claimTransfer } from '../../src/activities/claim-transfer';
import { reopenPaidRuns } from '../../src/activities/reopen-paid-runs';
import type { WorkflowRuns } from '../../src/activities/workflow-runs';
import {
  freezeRequest,
  stripeIdempotencyKey,
  type FrozenRequest,
} from '../../src/domain/generation';
import type { ClaimAnswer, SeenSends } from '../../src/domain/contracts';
import { transferWorkflowId } from '../../src/domain/ids';
import { openGeneration } from '../../src/db/payout-generations';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { findUserStripeAccount, replaceUserStripeAccount } from '../../src/db/user-stripe-accounts';
import {
  lockTransfer,
  markFailedTerminal,
  markBlocked,
  markRetryable,
  markProcessing,
} from '../../src/db/transfer-moves';
import { inTransaction, type Executor } from '../../src/db/database';
import { wantStripeList } from '../../src/db/payout-jobs';
import { sendTransfer } from '../../src/stripe/transfers';
import type { TransferStatus } from '../../src/domain/transfer-state';
import { givenTransfer, newAccountId } from '../support/builders';
import { givenPayable } from './activity-bed';
import { checkedBedOfFile } from './checked-bed';
import { pausesOf } from './made-at-stripe';

const bed = checkedBedOfFile();

/** Temporal, where these transfers' newest runs have completed and nothing else is. */
function completedRuns(...transferIds: readonly string[]): WorkflowRuns {
  const completed = transferIds.map(transferWorkflowId);
  return {
    ofSettlement: () => {
      throw new Error('nobody lists runs here');
    },
    newestOf: (workflowId) =>
      Promise.resolve(
        completed.includes(workflowId) ? { state: 'COMPLETED', closedAtMs: Date.now() } : undefined,
      ),
    cursorOf: () => Promise.resolve(undefined),
  };
}

function reopen(transfer: PayoutTransfer, runs = completedRuns(transfer.id)) {
  return reopenPaidRuns(bed.dependencies, runs, { transferIds: [transfer.id] });
}

async function requestOf(transfer: PayoutTransfer): Promise<FrozenRequest> {
  const account = await findUserStripeAccount(bed.database, transfer.userId);
  return freezeRequest({
    ...transfer,
    installationId: bed.platform.installationId,
    transferId: transfer.id,
    destination: account!.stripeAccountId,
  });
}

/** Stripe pays a debt by a send of which the restored rows know nothing. */
async function loseSend(transfer: PayoutTransfer, generation = 1): Promise<void> {
  const request = await requestOf(transfer);
  const idempotencyKey = stripeIdempotencyKey(transfer.id, generation);
  await sendTransfer(bed.dependencies.stripe, { request, idempotencyKey });
  expect(await bed.paidTimes(transfer)).toBe(1);
}

/** What a new run does with a row, until it ends or waits. */
async function drive(transfer: PayoutTransfer, runId = 'run-after'): Promise<PayoutTransfer> {
  for (let looks = 0; looks < 6; looks += 1) {
    const answer = await bed.claim(transfer, runId);
    if (answer.next === 'send') {
      await bed.send(answer.claim);
      await bed.record(answer.claim);
    } else if (answer.next === 'reconcile') {
      await bed.reconcile(transfer, runId);
    }
  }
  return bed.rowOf(transfer);
}

/** How the rows of an unpaid debt may come back, each over its legal edges. */
const RETURNED: Readonly<
  Partial<Record<TransferStatus, (e: Executor, t: PayoutTransfer) => Promise<unknown>>>
> = {
  pending: () => Promise.resolve(),
  retryable: async (executor, transfer) =>
    markRetryable(executor, await claimed(executor, transfer), 'transient_rate_limited'),
  processing: (executor, transfer) => claimed(executor, transfer),
  blocked: (executor, transfer) => markBlocked(executor, transfer, 'platform_paused'),
  failed_terminal: async (executor, transfer) =>
    markFailedTerminal(executor, await claimed(executor, transfer), 'request_refused'),
};

async function claimed(executor: Executor, transfer: PayoutTransfer): Promise<PayoutTransfer> {
  const { generation } = await openGeneration(executor, {
    transferId: transfer.id,
    generation: 1,
    request: await requestOf(transfer),
    stripeAccountId: bed.platform.stripeAccountId,
    livemode: bed.platform.livemode,
  });
  return markProcessing(executor, transfer, { runId: 'run-before', generation });
}

describe.each(Object.keys(RETURNED) as TransferStatus[])(
  'a paid debt whose row came back %s',
  (status) => {
    async function givenReturned(): Promise<PayoutTransfer> {
      const transfer = await givenPayable(bed);
      await inTransaction(bed.database, async (executor) =>
        RETURNED[status]!(executor, await lockTransfer(executor, transfer.id)),
      );
      await loseSend(transfer);
      await bed.moveClocks({ hours: 25 });
      return transfer;
    }

    test('is distrusted because its run is paid, and adopts what Stripe has', async () => {
      const transfer = await givenReturned();
      expect(await reopen(transfer)).toMatchObject([{ transferId: transfer.id }]);
      expect(await bed.rowOf(transfer)).toMatchObject({
        status: 'unknown',
        failureReason: 'unknown_paid_run',
      });
      // Once more, as after a crash between the mark and the start of the run.
      expect(await reopen(transfer)).toMatchObject([{ transferId: transfer.id }]);
      expect(await drive(transfer)).toMatchObject({ status: 'completed' });
      expect(await bed.paidTimes(transfer)).toBe(1);
      expect(await reopen(transfer)).toEqual([]);
    });

    test('is adopted from the list that a job reads first, without any run that knows', async () => {
      const transfer = await givenReturned();
      await wantStripeList(bed.database, transfer.payoutJobId);
      await bed.readList(transfer);
      await drive(transfer);
      expect(await bed.rowOf(transfer)).toMatchObject({ status: 'completed' });
      expect(await bed.paidTimes(transfer)).toBe(1);
    });

    test('is left alone where its newest run has not completed', async () => {
      const transfer = await givenReturned();
      expect(await reopen(transfer, completedRuns())).toEqual([]);
      expect((await bed.rowOf(transfer)).status).toBe(status);
    });
  },
);

test('an unknown debt that was paid since to another account is stopped, not paid again', async () => {
  const transfer = await givenPayable(bed);
  await bed.fault({ kind: 'status', status: 500 });
  expect(await bed.step(transfer)).toMatchObject({ status: 'unknown' });
  // What the restored rows have lost: another account, and the next generation, which paid it.
  const before = await findUserStripeAccount(bed.database, transfer.userId);
  await replaceUserStripeAccount(bed.database, {
    userId: transfer.userId,
    stripeAccountId: newAccountId(),
  });
  await loseSend(transfer, 2);
  await replaceUserStripeAccount(bed.database, before!);
  for (const hours of [25, 50, 75]) {
    await bed.moveClocks({ hours });
    await wantStripeList(bed.database, transfer.payoutJobId);
    await bed.readList(transfer);
    await drive(transfer);
  }
  expect(await bed.rowOf(transfer)).toMatchObject({
    status: 'unknown',
    failureReason: 'unknown_other_transfer',
  });
  expect(await bed.paidTimes(transfer)).toBe(1);
});

describe('a send that Stripe completes hours after its row was lost', () => {
  const COMPLETED_AFTER_HOURS = 17;

  /**
   * The rows come back from between two claims of one run. Of the second claim nothing is left, nor of its send, which
   * Stripe answered with a 500 and will complete. Then the winner gets another account, so that the old key is given up.
   */
  async function givenLostClaim(): Promise<PayoutTransfer> {
    const transfer = await givenPayable(bed);
    await bed.record(await bed.claimToSend(transfer));
    await bed.fault({ kind: 'commit_later', afterMs: COMPLETED_AFTER_HOURS * 3_600_000 });
    const answer = await sendTransfer(bed.dependencies.stripe, {
      request: await requestOf(transfer),
      idempotencyKey: stripeIdempotencyKey(transfer.id, 1),
    });
    expect(answer.httpStatus).toBe(500);
    const { userId } = transfer;
    await replaceUserStripeAccount(bed.database, { userId, stripeAccountId: newAccountId() });
    const restored = await bed.rowOf(transfer);
    expect(restored).toMatchObject({ generation: 1, attemptCount: 0, claimNumber: 1 });
    return restored;
  }

  /** What the run does in the two days after. It says what it has seen until a claim has heard that the row is older. */
  async function goOn(transfer: PayoutTransfer, memory: SeenSends): Promise<void> {
    let seen: SeenSends | undefined = memory;
    for (const hours of [0, 1, COMPLETED_AFTER_HOURS + 1, 30, 48]) {
      await bed.moveClocks({ hours });
      await wantStripeList(bed.database, transfer.payoutJobId);
      await bed.readList(transfer);
      for (let looks = 0; looks < 4; looks += 1) {
        const run = { transferId: transfer.id, runId: 'run-1' };
        const answer: ClaimAnswer = await claimTransfer(bed.dependencies, { ...run, seen });
        if (answer.view.failureReason === 'unknown_records_older') {
          seen = undefined;
        }
        if (answer.next === 'send') {
          await bed.send(answer.claim);
          await bed.record(answer.claim);
        } else if (answer.next === 'reconcile') {
          await bed.reconcile(transfer, 'run-1');
        }
      }
    }
  }

  test('is waited for, because the run was given a claim that the row does not know', async () => {
    const transfer = await givenLostClaim();
    const seen = { generation: 1, attemptCount: 0, claimNumber: 2 };
    const run = { transferId: transfer.id, runId: 'run-1' };
    expect(await claimTransfer(bed.dependencies, { ...run, seen })).toMatchObject({
      next: 'reconcile',
      view: { status: 'unknown', failureReason: 'unknown_records_older' },
    });
    await goOn(transfer, seen);
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'completed', generation: 1 });
    expect(await bed.paidTimes(transfer)).toBe(1);
    expect(await pausesOf(bed, transfer)).toEqual([]);
  });

  test('and PAID TWICE where the run remembers generations and attempts alone', async () => {
    const transfer = await givenLostClaim();
    await goOn(transfer, { generation: 1, attemptCount: 0 });
    expect(await bed.paidTimes(transfer)).toBe(2);
    expect(await pausesOf(bed, transfer)).toEqual([
      `settlement duplicate_stripe_transfer:${transfer.id}`,
    ]);
  });
});

/**
 * Of a lost send Stripe has kept a refusal, and the rows do not know how old the key is there. Stripe forgets it while
 * it is young here, so a later send under it is executed, and the refusal says nothing about that one.
 */
test('a refusal that Stripe has kept for a lost send does not prove a later send unpaid', async () => {
  const account = newAccountId();
  const transfer = await givenTransfer(bed.database, { account });
  const lostSend = {
    request: await requestOf(transfer),
    idempotencyKey: stripeIdempotencyKey(transfer.id, 1),
  };
  await bed.account(account, 'inactive');
  const refused = await sendTransfer(bed.dependencies.stripe, lostSend);
  expect(refused.httpStatus).toBe(400);
  await bed.account(account, 'active');

  await bed.moveClocks({ hours: 23 });
  const claim = await bed.claimToSend(transfer);
  expect(await bed.send(claim)).toMatchObject({ type: 'PayeeProblem' });
  // The worker dies before it tells, and is back when Stripe has forgotten the key.
  await bed.moveClocks({ hours: 25 });
  await bed.fault({ kind: 'drop_after' });
  expect(await bed.send(claim)).toMatchObject({ type: 'StripeOutcomeUnknown' });
  expect(await bed.record(claim)).toMatchObject({ status: 'unknown' });
  expect(await bed.attemptsOf(transfer)).toMatchObject([
    { replayed: true, resolution: 'not_created' },
    { resolution: null },
  ]);

  expect(await bed.step(transfer)).toMatchObject({ status: 'completed', generation: 1 });
  expect(await bed.paidTimes(transfer)).toBe(1);
});

test('a payment on its way that the list shows already is recorded once', async () => {
  const transfer = await givenPayable(bed);
  const claim = await bed.claimToSend(transfer);
  await bed.post(claim);
  await bed.readList(transfer);
  expect(await bed.rowOf(transfer)).toMatchObject({ status: 'completed', attemptCount: 1 });
  // Its run hears nothing, tries the same claim again, and finds the row paid.
  expect(await bed.send(claim)).toMatchObject({ type: 'SendRefused' });
  expect(await bed.record(claim)).toMatchObject({ status: 'completed' });
  expect(await bed.recordsOf(transfer)).toEqual(['payout ledger:payout:<id>:1']);
});

test('what a person has to look at stays as it was found, and its run is started again', async () => {
  const transfer = await givenPayable(bed);
  await bed.fault({ kind: 'status', status: 418, code: 'teapot' });
  const stopped = await bed.step(transfer);
  expect(stopped).toMatchObject({ status: 'unknown', failureReason: 'unknown_unlisted_answer' });
  expect(await reopen(transfer)).toMatchObject([{ transferId: transfer.id }]);
  expect(await bed.rowOf(transfer)).toEqual(stopped);
});

/**
 * Goal: an order to reverse is carried to its end by its workflow, once, whoever starts it how often, and the sweep
 * drives what nobody drives.
 * Method: nothing is faked: the workers of production over a real Postgres, the sandbox and a Temporal server.
 */
import type { WorkflowFailedError } from '@temporalio/client';

import { startReversal } from '../../src/client/reverse';
import { startSettlementSweep, startSweepNow } from '../../src/client/start-workflows';
import { FAILURE_TYPES, type ReversalResult } from '../../src/domain/contracts';
import { reversalWorkflowId } from '../../src/domain/ids';
import { completeJobWhenTerminal } from '../../src/db/payout-jobs';
import { brokenInvariants } from '../support/invariants';
import { givenPaid, reversalBed, type ReversalBed } from '../activities/reversal-bed';
import { eventsOf, eventsWith, eventually } from './harness';
import { useRealWorkers } from './worker-bed';

const opened = useRealWorkers();
const LIMIT_MS = 90_000;

let reversals: ReversalBed;

beforeAll(() => {
  reversals = reversalBed(opened.bed);
});

afterEach(async () => {
  expect(await brokenInvariants(opened.bed)).toEqual([]);
  await opened.bed.calm();
});

const resultOf = (reversalId: string): Promise<ReversalResult> =>
  opened.client.workflow.getHandle(reversalWorkflowId(reversalId)).result();

test(
  'completed means that the money came back, under the order’s settlement and state',
  async () => {
    const transfer = await givenPaid(opened.bed);
    const { id } = await reversals.ordered({ transferId: transfer.id, amountMinor: 400 });
    await startReversal(opened.client, id);
    await startReversal(opened.client, id);
    const { stripeReversalId } = await resultOf(id);
    expect(await reversals.rowOf({ id })).toMatchObject({ status: 'completed', stripeReversalId });
    expect(await reversals.reversedAtStripe(transfer)).toBe(400);
    const handle = opened.client.workflow.getHandle(reversalWorkflowId(id));
    const { typedSearchAttributes } = await handle.describe();
    const shown = Object.fromEntries(
      typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]),
    );
    expect(shown).toMatchObject({
      PayoutSettlementId: transfer.settlementId,
      PayoutContestId: transfer.contestId,
      PayoutState: 'completed',
    });
    // A closed run that is started again finds it done.
    await startReversal(opened.client, id);
    expect(await resultOf(id)).toEqual({ reversalId: id, stripeReversalId });
    expect(await reversals.reversedAtStripe(transfer)).toBe(400);
  },
  LIMIT_MS,
);

test(
  'failed means that nothing did, with the reason',
  async () => {
    const { bed } = opened;
    const transfer = await givenPaid(bed);
    const [generation] = await bed.generationsOf(transfer);
    const account = generation!.destination;
    await bed.sandbox.control('balance', { account, currency: transfer.currency, available: 0 });
    const { id } = await reversals.ordered({ transferId: transfer.id });
    await startReversal(opened.client, id);
    const failure = await resultOf(id).catch((error: unknown) => error as WorkflowFailedError);
    expect(failure).toMatchObject({
      cause: { type: FAILURE_TYPES.reversalRefused, message: 'reversal_balance_insufficient' },
    });
    expect(await reversals.rowOf({ id })).toMatchObject({ status: 'refused' });
  },
  LIMIT_MS,
);

test(
  'a lost answer waits on a durable timer, and a signal ends the wait',
  async () => {
    const transfer = await givenPaid(opened.bed);
    const { id } = await reversals.ordered({ transferId: transfer.id });
    await reversals.fault({ kind: 'drop_after' });
    await startReversal(opened.client, id);
    const workflowId = reversalWorkflowId(id);
    await eventually(
      async () =>
        eventsWith(await eventsOf(opened.client, workflowId), 'timerStartedEventAttributes')
          .length > 0,
    );
    expect(await reversals.rowOf({ id })).toMatchObject({ status: 'unknown', attemptCount: 1 });
    await opened.client.workflow.getHandle(workflowId).signal('changed');
    await resultOf(id);
    expect(await reversals.rowOf({ id })).toMatchObject({ status: 'completed', attemptCount: 2 });
    expect(await reversals.reversedAtStripe(transfer)).toBe(1_000);
  },
  LIMIT_MS,
);

test.each(['everything', 'one settlement'])(
  'the sweep of %s starts what nobody drives, also of a complete job',
  async (scope) => {
    const { bed, client } = opened;
    const transfer = await givenPaid(bed);
    await completeJobWhenTerminal(bed.database, transfer.payoutJobId);
    const { id } = await reversals.ordered({ transferId: transfer.id });
    const sweep =
      scope === 'everything'
        ? await startSweepNow(client)
        : await startSettlementSweep(client, transfer.settlementId);
    expect((await sweep.result()).started).toContain(reversalWorkflowId(id));
    await resultOf(id);
    expect(await reversals.reversedAtStripe(transfer)).toBe(1_000);
  },
  LIMIT_MS,
);

/**
 * Goal: a run closes as canceled exactly when its row is cancelled or voided, and a cancel request alone ends nothing.
 * Method: the real workflow on the time-skipping server; the fakes hold the row, its requests are read from the history.
 */
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';
import type { ClaimAnswer, TransferView } from '../../src/domain/contracts';
import type { TransferStatus } from '../../src/domain/transfer-state';
import { inTurn, sendAnswer, viewWith, type ActivityScript } from '../support/fake-activities';
import { eventsOf, eventsWith, eventually, Gate, startTransfer, transferInput } from './harness';
import { useTimeSkippingServer } from './servers';

const server = useTimeSkippingServer();

let counter = 0;
async function startRun(
  script: (id: string) => ActivityScript,
): Promise<{ readonly transferId: string; readonly handle: WorkflowHandle }> {
  counter += 1;
  const transferId = `cancelled-${counter}`;
  server.activities.script(transferId, { ...askingOfServer(transferId), ...script(transferId) });
  return { transferId, handle: await startTransfer(server.client, transferInput(transferId)) };
}

/** As the real activity does. */
function askingOfServer(transferId: string): ActivityScript {
  return {
    requestOwnCancel: async ({ runId }) => {
      await server.client.workflow.getHandle(`transfer/${transferId}`, runId).cancel();
    },
  };
}

const rest = (view: TransferView): ClaimAnswer => ({ next: 'rest', view });
const waiting = (id: string) => rest(viewWith(id, 'blocked', { reason: 'platform_paused' }));
const givenUp = (id: string, status: TransferStatus) => rest(viewWith(id, status));

const untilCalled = (transferId: string, times = 1) =>
  eventually(() => server.activities.callsOf(transferId).length >= times);

async function endOf(handle: WorkflowHandle): Promise<{ name: string; cause: unknown }> {
  const cause: unknown = await handle.result().then(
    () => 'paid',
    (error: unknown) => (error instanceof WorkflowFailedError ? error.cause : error),
  );
  return { name: (await handle.describe()).status.name, cause };
}

test.each(['cancelled', 'voided'] as const)(
  'a run that finds its row %s asks to be cancelled and closes as canceled',
  async (status) => {
    const { handle, transferId } = await startRun((id) => ({
      claimTransfer: inTurn(waiting(id), givenUp(id, status)),
    }));
    await untilCalled(transferId);
    await handle.signal('changed');
    expect(await endOf(handle)).toEqual({ name: 'CANCELLED', cause: expect.any(CancelledFailure) });
    const events = await eventsOf(server.client, handle.workflowId);
    expect(eventsWith(events, 'workflowExecutionCanceledEventAttributes')).toHaveLength(1);
    expect(server.activities.callsOf(transferId)).toContain('requestOwnCancel');
  },
);

test('a claim that ends as cancelled closes the run too', async () => {
  const { handle } = await startRun((id) => ({
    claimTransfer: inTurn(sendAnswer(id)),
    createStripeTransfer: inTurn({ stripeTransferId: 'tr' }),
    recordOutcome: inTurn(viewWith(id, 'cancelled')),
  }));
  expect(await endOf(handle)).toMatchObject({ name: 'CANCELLED' });
});

test('a cancel from outside makes the run look, ends nothing, and is answered with what to type', async () => {
  const { handle, transferId } = await startRun((id) => ({
    claimTransfer: inTurn(waiting(id), waiting(id), rest(viewWith(id, 'completed'))),
  }));
  await untilCalled(transferId);
  await handle.cancel();
  await untilCalled(transferId, 2);
  const details = await eventually(async () => {
    const { currentDetails } = await handle.query<{ readonly currentDetails?: string }>(
      '__temporal_workflow_metadata',
    );
    return currentDetails?.includes('payouts cancel') === true && currentDetails;
  });
  expect(details).toContain(`payouts cancel ${transferId} --reason`);
  expect((await handle.describe()).status.name).toBe('RUNNING');
  await handle.signal('changed');
  expect(await endOf(handle)).toEqual({ name: 'COMPLETED', cause: 'paid' });
});

test('a run that was asked to cancel and then fails says failed', async () => {
  const { handle, transferId } = await startRun((id) => ({
    claimTransfer: inTurn(
      waiting(id),
      rest(viewWith(id, 'failed_terminal', { reason: 'payee_wait_over' })),
    ),
  }));
  await untilCalled(transferId);
  await handle.cancel();
  expect(await endOf(handle)).toMatchObject({ name: 'FAILED' });
});

test('a run that was asked before needs no second request', async () => {
  const { handle, transferId } = await startRun((id) => ({
    claimTransfer: inTurn(waiting(id), givenUp(id, 'cancelled')),
  }));
  await untilCalled(transferId);
  await handle.cancel();
  expect(await endOf(handle)).toMatchObject({ name: 'CANCELLED' });
  expect(server.activities.callsOf(transferId)).toEqual(['claimTransfer', 'claimTransfer']);
});

test('a payment that is restored while its run asks to be cancelled goes on', async () => {
  const [asking, asked] = [new Gate(), new Gate()];
  const { handle, transferId } = await startRun((id) => ({
    claimTransfer: inTurn(givenUp(id, 'cancelled'), sendAnswer(id)),
    createStripeTransfer: inTurn({ stripeTransferId: `tr_${id}` }),
    recordOutcome: inTurn(viewWith(id, 'completed')),
    requestOwnCancel: async (input) => {
      asking.release();
      await asked.pass();
      await askingOfServer(id).requestOwnCancel!(input);
    },
  }));
  await asking.pass();
  await handle.signal('retryTransfer');
  asked.release();
  await expect(handle.result()).resolves.toMatchObject({ stripeTransferId: `tr_${transferId}` });
});

test('a request that waits for the outcome is a state of its own in the list', async () => {
  const { handle } = await startRun((id) => ({
    claimTransfer: inTurn(
      rest({ ...viewWith(id, 'unknown', { reason: 'unknown_deadline' }), isCancelRequested: true }),
    ),
  }));
  const events = await eventually(async () => {
    const found = await eventsOf(server.client, handle.workflowId);
    return eventsWith(found, 'timerStartedEventAttributes').length > 0 && found;
  });
  const [upsert] = eventsWith(events, 'upsertWorkflowSearchAttributesEventAttributes');
  const state = upsert?.searchAttributes?.indexedFields?.['PayoutState']?.data;
  expect(Buffer.from(state ?? []).toString()).toBe('"cancel_requested"');
  await handle.terminate();
});

/**
 * Goal: an operator's retry reaches a run that is open, is answered, and is never lost with a run that is just ending.
 * Method: the real workflow on the time-skipping server; the activities' answers are held back by gates.
 */
import { WorkflowUpdateFailedError, type WorkflowHandle } from '@temporalio/client';
import type { ClaimAnswer, RetryTransferRequest } from '../../src/domain/contracts';
import { retryTransferUpdate } from '../../src/workflows/messages';
import { inTurn, sendAnswer, viewWith, type ActivityScript } from '../support/fake-activities';
import { eventsOf, eventsWith, eventually, Gate, startTransfer, transferInput } from './harness';
import { useTimeSkippingServer } from './servers';

const server = useTimeSkippingServer();

const REQUEST: RetryTransferRequest = {
  actor: 'alex',
  reason: 'mended',
  seenStatus: 'blocked',
  seenAttemptCount: 1,
  seenReason: 'platform_paused',
};

let counter = 0;
async function startRun(script: (id: string) => ActivityScript): Promise<{
  readonly transferId: string;
  readonly handle: WorkflowHandle;
}> {
  counter += 1;
  const transferId = `retried-${counter}`;
  server.activities.script(transferId, script(transferId));
  return { transferId, handle: await startTransfer(server.client, transferInput(transferId)) };
}

const paying = (id: string): ActivityScript => ({
  createStripeTransfer: inTurn({ stripeTransferId: `tr_${id}` }),
  recordOutcome: inTurn(viewWith(id, 'completed')),
});

const waiting = (id: string): ClaimAnswer => ({
  next: 'rest',
  view: viewWith(id, 'blocked', { reason: 'platform_paused' }),
});

/** Fails, and is paid at the second try; each end is held back until the gate is open. */
const failingOnce = (id: string, recording: Gate): ActivityScript => {
  const ends = inTurn(
    viewWith(id, 'failed_terminal', { reason: 'request_refused' }),
    viewWith(id, 'completed'),
  );
  return {
    claimTransfer: inTurn(sendAnswer(id), sendAnswer(id)),
    createStripeTransfer: () => Promise.resolve({ stripeTransferId: `tr_${id}` }),
    recordOutcome: async () => {
      await recording.pass();
      return ends();
    },
  };
};

const untilCalled = (transferId: string, name: string) =>
  eventually(() => server.activities.callsOf(transferId).some((call) => call === name));

test('a waiting run answers the update, looks again and pays', async () => {
  const asked: unknown[] = [];
  const { handle, transferId } = await startRun((id) => ({
    ...paying(id),
    claimTransfer: inTurn(waiting(id), sendAnswer(id)),
    retryTransfer: (order) => {
      asked.push(order);
      return Promise.resolve('retried');
    },
  }));
  await untilCalled(transferId, 'claimTransfer');
  await expect(handle.executeUpdate(retryTransferUpdate, { args: [REQUEST] })).resolves.toBe(
    'retried',
  );
  await expect(handle.result()).resolves.toMatchObject({ stripeTransferId: `tr_${transferId}` });
  expect(asked).toEqual([{ ...REQUEST, transferId }]);
});

test('a refusal of the row is the answer, and the run waits on', async () => {
  const { handle, transferId } = await startRun((id) => ({
    claimTransfer: inTurn(waiting(id)),
    retryTransfer: inTurn('moved_since' as const),
  }));
  await untilCalled(transferId, 'claimTransfer');
  const answer = await handle.executeUpdate(retryTransferUpdate, { args: [REQUEST] });
  expect(answer).toBe('moved_since');
  expect(server.activities.callsOf(transferId)).toEqual(['claimTransfer', 'retryTransfer']);
  await handle.terminate();
});

describe('is refused before it is accepted, and leaves nothing in the history:', () => {
  async function refusalOf(request: unknown, script: (id: string) => ActivityScript) {
    const { handle, transferId } = await startRun(script);
    await eventually(async () => {
      const events = await eventsOf(server.client, `transfer/${transferId}`);
      return eventsWith(events, 'timerStartedEventAttributes').length > 0;
    });
    const error: unknown = await handle
      .executeUpdate(retryTransferUpdate, { args: [request as RetryTransferRequest] })
      .catch((thrown: unknown) => thrown);
    const events = await eventsOf(server.client, `transfer/${transferId}`);
    expect(eventsWith(events, 'workflowExecutionUpdateAcceptedEventAttributes')).toEqual([]);
    expect(server.activities.callsOf(transferId)).not.toContain('retryTransfer');
    await handle.terminate();
    return error instanceof WorkflowUpdateFailedError ? error.cause?.message : error;
  }

  const blocked = (id: string): ActivityScript => ({ claimTransfer: inTurn(waiting(id)) });
  const unknown = (id: string): ActivityScript => ({
    claimTransfer: inTurn({
      next: 'rest' as const,
      view: viewWith(id, 'unknown', { reason: 'unknown_deadline' }),
    }),
  });

  test.each([
    ['no request', null, 'malformed: request'],
    ['no reason', { ...REQUEST, reason: ' ' }, 'malformed: reason'],
    ['two lines', { ...REQUEST, reason: 'a\nb' }, 'malformed: reason'],
    ['a long reason', { ...REQUEST, reason: 'x'.repeat(501) }, 'malformed: reason'],
    ['free text', { ...REQUEST, reason: 'the account is ready' }, 'malformed: reason'],
    ['a name', { ...REQUEST, actor: 'Alex Doe' }, 'malformed: actor'],
    ['nobody', { ...REQUEST, actor: undefined }, 'malformed: actor'],
    ['no state', { ...REQUEST, seenStatus: 'lost' }, 'malformed: seenStatus'],
    ['no count', { ...REQUEST, seenAttemptCount: -1 }, 'malformed: seenAttemptCount'],
    ['no code', { ...REQUEST, seenReason: 'toString' }, 'malformed: seenReason'],
  ])('%s', async (_, request, said) => {
    expect(await refusalOf(request, blocked)).toBe(said);
  });

  test('a transfer whose outcome is not known', async () => {
    expect(await refusalOf(REQUEST, unknown)).toBe('outcome_unknown');
  });
});

describe('a run that is about to end as failed', () => {
  test('waits for an update that is being carried out, and goes on when it retried', async () => {
    const [recording, retrying] = [new Gate(), new Gate()];
    const { handle, transferId } = await startRun((id) => ({
      ...failingOnce(id, recording),
      retryTransfer: () => retrying.pass().then(() => 'retried' as const),
    }));
    await untilCalled(transferId, 'recordOutcome');
    const answer = handle.executeUpdate(retryTransferUpdate, { args: [REQUEST] });
    await untilCalled(transferId, 'retryTransfer');
    recording.release();
    await eventually(async () => {
      const events = await eventsOf(server.client, `transfer/${transferId}`);
      return eventsWith(events, 'activityTaskCompletedEventAttributes').length === 3;
    });
    retrying.release();
    expect(await answer).toBe('retried');
    await expect(handle.result()).resolves.toMatchObject({ transferId });
  });

  test('looks once more when a retry was signalled meanwhile', async () => {
    const recording = new Gate();
    const { handle, transferId } = await startRun((id) => failingOnce(id, recording));
    await untilCalled(transferId, 'recordOutcome');
    await handle.signal('retryTransfer');
    recording.release();
    await expect(handle.result()).resolves.toMatchObject({ transferId });
  });
});

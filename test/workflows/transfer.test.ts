/**
 * Goal: a winner's run carries the row forward through every answer and ends paid or explained, never otherwise.
 * Method: the real workflow on the time-skipping server, with fake activities whose answers each test writes.
 */
import { ApplicationFailure } from '@temporalio/activity';
import { WorkflowFailedError } from '@temporalio/client';
import { TimeoutFailure } from '@temporalio/common';
import { FAILURE_TYPES, type TransferView } from '../../src/domain/contracts';
import { STRIPE_ACTIVITY_TRIES_MAX } from '../../src/domain/limits';
import { TRANSFER_STATUSES, type TransferStatus } from '../../src/domain/transfer-state';
import { inTurn, sendAnswer, viewWith, type ActivityScript } from '../support/fake-activities';
import { eventsOf, eventsWith, eventually, Gate, startTransfer, transferInput } from './harness';
import { useTimeSkippingServer } from './servers';

const server = useTimeSkippingServer();
const HOUR_MS = 3_600_000;

let counter = 0;
function newTransfer(script: (transferId: string) => ActivityScript): string {
  counter += 1;
  const transferId = `transfer-${counter}`;
  server.activities.script(transferId, script(transferId));
  return transferId;
}

async function run(transferId: string) {
  const handle = await startTransfer(server.skippingClient, transferInput(transferId));
  return handle.result();
}

async function failureOf(transferId: string): Promise<ApplicationFailure> {
  const error: unknown = await run(transferId).catch((thrown: unknown) => thrown);
  if (error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure) {
    return error.cause;
  }
  throw new Error(`not failed by an ApplicationFailure: ${String(error)}`);
}

const paid = (transferId: string): ActivityScript => ({
  claimTransfer: inTurn(sendAnswer(transferId)),
  createStripeTransfer: inTurn({ stripeTransferId: `tr_${transferId}` }),
  recordOutcome: inTurn(viewWith(transferId, 'completed')),
});

test('a winner is paid on the first try: three activities, no timer, no signal', async () => {
  const transferId = newTransfer(paid);
  await expect(run(transferId)).resolves.toEqual({
    transferId,
    stripeTransferId: `tr_${transferId}`,
  });
  expect(server.activities.callsOf(transferId)).toEqual([
    'claimTransfer',
    'createStripeTransfer',
    'recordOutcome',
  ]);
  const events = await eventsOf(server.client, `transfer/${transferId}`);
  expect(eventsWith(events, 'timerStartedEventAttributes')).toEqual([]);
  expect(eventsWith(events, 'signalExternalWorkflowExecutionInitiatedEventAttributes')).toEqual([]);
  const [claim, send] = eventsWith(events, 'activityTaskScheduledEventAttributes');
  expect(claim?.taskQueue?.name).toBe('payouts');
  expect(send?.taskQueue?.name).toBe('payouts-stripe');
});

test('a run whose row is paid already completes without sending', async () => {
  const transferId = newTransfer((id) => ({
    claimTransfer: inTurn({ next: 'rest' as const, view: viewWith(id, 'completed') }),
  }));
  await expect(run(transferId)).resolves.toMatchObject({ stripeTransferId: `tr_${transferId}` });
});

describe('a failed send leads to recordOutcome and does not fail the run:', () => {
  const ofWorkflows: string[] = [FAILURE_TYPES.transferFailed, FAILURE_TYPES.settlementConflict];
  const ofSends = Object.values(FAILURE_TYPES).filter((type) => !ofWorkflows.includes(type));

  test.each(ofSends)('%s, not retried', async (type) => {
    const transferId = newTransfer((id) => ({
      ...paid(id),
      createStripeTransfer: () => Promise.reject(ApplicationFailure.nonRetryable('code', type)),
    }));
    await expect(run(transferId)).resolves.toMatchObject({ transferId });
    expect(server.activities.callsOf(transferId)).toEqual([
      'claimTransfer',
      'createStripeTransfer',
      'recordOutcome',
    ]);
  });

  test.each([FAILURE_TYPES.transient, FAILURE_TYPES.unknown])('%s, retried', async (type) => {
    const transferId = newTransfer((id) => ({
      ...paid(id),
      createStripeTransfer: () => Promise.reject(ApplicationFailure.retryable('code', type)),
    }));
    await expect(run(transferId)).resolves.toMatchObject({ transferId });
    const calls = server.activities.callsOf(transferId);
    expect(calls.filter((name) => name === 'createStripeTransfer')).toHaveLength(
      STRIPE_ACTIVITY_TRIES_MAX,
    );
    expect(calls.at(-1)).toBe('recordOutcome');
  });

  test('a plain error, which nobody has mapped', async () => {
    const transferId = newTransfer((id) => ({
      ...paid(id),
      createStripeTransfer: () => Promise.reject(new TypeError('a defect')),
    }));
    await expect(run(transferId)).resolves.toMatchObject({ transferId });
  });
});

test('a lost answer keeps the claim: every step after it carries the same one', async () => {
  const claims: unknown[] = [];
  const transferId = newTransfer((id) => ({
    ...paid(id),
    createStripeTransfer: (claim) => {
      claims.push(claim);
      return claims.length === 1
        ? Promise.reject(ApplicationFailure.retryable('lost', FAILURE_TYPES.unknown))
        : Promise.resolve({ stripeTransferId: `tr_${id}` });
    },
    recordOutcome: (claim) => {
      claims.push(claim);
      return Promise.resolve(viewWith(id, 'completed'));
    },
  }));
  await run(transferId);
  expect(claims).toEqual([
    { transferId, generation: 1, claimNumber: 1, runId: 'run' },
    { transferId, generation: 1, claimNumber: 1, runId: 'run' },
    { transferId, generation: 1, claimNumber: 1, runId: 'run' },
  ]);
});

test('failed_terminal fails the run with the reason code as message', async () => {
  const transferId = newTransfer((id) => ({
    ...paid(id),
    recordOutcome: inTurn(viewWith(id, 'failed_terminal', { reason: 'request_amount_refused' })),
  }));
  const failure = await failureOf(transferId);
  expect(failure).toMatchObject({
    type: FAILURE_TYPES.transferFailed,
    message: 'request_amount_refused',
    nonRetryable: true,
  });
  expect(failure.details).toEqual([
    { transferId, status: 'failed_terminal', failureClass: 'request' },
  ]);
});

test('an unknown outcome is reconciled, and completes when Stripe is found to have paid', async () => {
  const transferId = newTransfer((id) => ({
    claimTransfer: inTurn(sendAnswer(id), {
      next: 'reconcile' as const,
      view: viewWith(id, 'unknown', { reason: 'unknown_deadline' }),
    }),
    createStripeTransfer: () =>
      Promise.reject(ApplicationFailure.nonRetryable('unknown_deadline', FAILURE_TYPES.unknown)),
    recordOutcome: inTurn(viewWith(id, 'unknown', { reason: 'unknown_deadline' })),
    reconcileTransfer: inTurn(viewWith(id, 'completed')),
  }));
  await expect(run(transferId)).resolves.toMatchObject({ stripeTransferId: `tr_${transferId}` });
  expect(server.activities.callsOf(transferId)).toEqual([
    'claimTransfer',
    'createStripeTransfer',
    'recordOutcome',
    'claimTransfer',
    'reconcileTransfer',
  ]);
});

test('what reconciliation proves unpaid is claimed again at once', async () => {
  const transferId = newTransfer((id) => ({
    ...paid(id),
    claimTransfer: inTurn(
      { next: 'reconcile' as const, view: viewWith(id, 'processing') },
      sendAnswer(id),
    ),
    reconcileTransfer: inTurn(viewWith(id, 'retryable', { waitMs: 0 })),
  }));
  await run(transferId);
  const events = await eventsOf(server.client, `transfer/${transferId}`);
  expect(eventsWith(events, 'timerStartedEventAttributes')).toEqual([]);
});

test('a database that is away is waited for', async () => {
  let tries = 0;
  const transferId = newTransfer((id) => ({
    ...paid(id),
    recordOutcome: () => {
      tries += 1;
      return tries < 12
        ? Promise.reject(new Error('connection refused'))
        : Promise.resolve(viewWith(id, 'completed'));
    },
  }));
  await expect(run(transferId)).resolves.toMatchObject({ transferId });
});

test('a cancel request does not stop a payment on its way', async () => {
  const gate = new Gate();
  const transferId = newTransfer((id) => ({
    ...paid(id),
    createStripeTransfer: async () => {
      await gate.pass();
      return { stripeTransferId: `tr_${id}` };
    },
  }));
  const handle = await startTransfer(server.client, transferInput(transferId));
  await eventually(() => server.activities.callsOf(transferId).includes('createStripeTransfer'));
  await handle.cancel();
  await eventually(async () => {
    const events = await eventsOf(server.client, handle.workflowId);
    return eventsWith(events, 'workflowExecutionCancelRequestedEventAttributes').length === 1;
  });
  gate.release();
  await expect(handle.result()).resolves.toMatchObject({ stripeTransferId: `tr_${transferId}` });
});

test('a cancel request does not end a wait either', async () => {
  const transferId = newTransfer((id) => ({
    ...paid(id),
    claimTransfer: inTurn(
      { next: 'rest' as const, view: viewWith(id, 'blocked', { waitMs: HOUR_MS }) },
      sendAnswer(id),
    ),
  }));
  const handle = await startTransfer(server.client, transferInput(transferId));
  await eventually(() => server.activities.callsOf(transferId).length === 1);
  await handle.cancel();
  const skipping = server.skippingClient.workflow.getHandle(handle.workflowId);
  await expect(skipping.result()).resolves.toMatchObject({ transferId });
});

test('a send whose worker died is recorded: a timeout is no failure of the run', async () => {
  let sends = 0;
  const transferId = newTransfer((id) => ({
    ...paid(id),
    createStripeTransfer: () => {
      sends += 1;
      // What the server says when a worker never answers; waiting out 45 s of real time four times proves no more.
      return Promise.reject(new TimeoutFailure('start to close', undefined, 'START_TO_CLOSE'));
    },
  }));
  await expect(run(transferId)).resolves.toMatchObject({ transferId });
  expect(sends).toBe(STRIPE_ACTIVITY_TRIES_MAX);
  expect(server.activities.callsOf(transferId).at(-1)).toBe('recordOutcome');
});

describe('an unpaid winner is never reported as paid:', () => {
  const unpaid = TRANSFER_STATUSES.filter((status) => status !== 'completed');
  const ends: TransferStatus[] = ['failed_terminal', 'cancelled', 'voided'];
  const sources: Record<string, (id: string, view: TransferView) => ActivityScript> = {
    'the claim': (_id, view) => ({ claimTransfer: () => Promise.resolve({ next: 'rest', view }) }),
    'the record': (id, view) => ({
      claimTransfer: () => Promise.resolve(sendAnswer(id)),
      // Even a send that says it has paid is not believed against the row.
      createStripeTransfer: () => Promise.resolve({ stripeTransferId: 'tr_said' }),
      recordOutcome: () => Promise.resolve(view),
    }),
    'the reconciliation': (_id, view) => ({
      claimTransfer: () => Promise.resolve({ next: 'reconcile', view }),
      reconcileTransfer: () => Promise.resolve(view),
    }),
  };
  const cases = Object.keys(sources).flatMap((source) =>
    unpaid.map((status) => [source, status] as const),
  );

  test.each(cases)('%s says %s', async (source, status) => {
    const transferId = newTransfer((id) => sources[source]!(id, viewWith(id, status)));
    const handle = await startTransfer(server.client, transferInput(transferId));
    const closed = ends.includes(status);
    const events = await eventually(async () => {
      const seen = await eventsOf(server.client, handle.workflowId);
      const waits = eventsWith(seen, 'timerStartedEventAttributes').length > 0;
      const over =
        eventsWith(seen, 'workflowExecutionFailedEventAttributes').length > 0 ||
        eventsWith(seen, 'workflowExecutionCompletedEventAttributes').length > 0;
      return (waits || over) && seen;
    });
    expect(eventsWith(events, 'workflowExecutionCompletedEventAttributes')).toEqual([]);
    expect(eventsWith(events, 'workflowExecutionFailedEventAttributes')).toHaveLength(
      closed ? 1 : 0,
    );
    if (!closed) {
      await handle.terminate('its test is over');
    }
  });
});

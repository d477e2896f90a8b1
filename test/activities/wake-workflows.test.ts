/**
 * Goal: one run that takes no signal keeps nobody else from being woken, and is named; a Temporal that is away is not that.
 * Method: a client whose answers for each run the test says, in the errors of Temporal's own client.
 */
import { ServiceError, WorkflowNotFoundError, type Client } from '@temporalio/client';

import {
  wakeTransfers,
  wakeUpOfTransfer,
  wakeWorkflows,
} from '../../src/activities/wake-workflows';
import { TEMPORAL_REQUESTS_AT_ONCE } from '../../src/domain/limits';

const INVALID_ARGUMENT = 3;
const UNAVAILABLE = 14;

function refusal(code: number): Error {
  const cause = Object.assign(new Error('refused'), { code, details: 'refused', metadata: {} });
  return new ServiceError('Failed to signal Workflow', { cause });
}

/** @param answers what the run of each of these transfers answers; the others take the signal */
function temporal(answers: Readonly<Record<string, Error>>) {
  const signalled: string[] = [];
  const client = {
    workflow: {
      getHandle: (workflowId: string) => ({
        signal: () => {
          const error = answers[workflowId.replace('transfer/', '')];
          if (error !== undefined) {
            return Promise.reject(error);
          }
          signalled.push(workflowId);
          return Promise.resolve();
        },
      }),
    },
  } as unknown as Client;
  return { client, signalled };
}

const IDS = Array.from({ length: 2 * TEMPORAL_REQUESTS_AT_ONCE }, (_, index) => `t${index}`);

test('the others of its page and of the pages behind it are woken, and the one that refuses is named', async () => {
  const { client } = temporal({
    t3: refusal(INVALID_ARGUMENT),
    t5: new WorkflowNotFoundError('none', 'transfer/t5', undefined),
  });
  expect(await wakeTransfers(client, IDS)).toEqual({
    woken: IDS.filter((id) => id !== 't3' && id !== 't5'),
    failed: [{ what: 'transfer/t3', reason: 'signal_refused' }],
  });
});

test('after a pause too', async () => {
  const { client, signalled } = temporal({ t0: refusal(INVALID_ARGUMENT) });
  await wakeWorkflows(
    client,
    IDS.map((id) => wakeUpOfTransfer(id, 'resume')),
  );
  expect(signalled).toHaveLength(IDS.length - 1);
});

test('a Temporal that is away fails the whole, for whoever asks to try again', async () => {
  const { client } = temporal({ t3: refusal(UNAVAILABLE) });
  await expect(wakeTransfers(client, IDS)).rejects.toThrow(ServiceError);
});

/**
 * Goal: tests see who is signalled without a Temporal server; real signals are in the end-to-end tests.
 * Method: a client that writes down what it is asked to send, and knows no run of the ids that are gone.
 */
import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';

export interface RecordingClient {
  readonly client: Client;
  /** `signal workflowId`, in the order of sending. */
  readonly sent: readonly string[];
}

export function recordingClient({ gone }: { readonly gone?: string } = {}): RecordingClient {
  const sent: string[] = [];
  const getHandle = (workflowId: string) => ({
    signal: (signal: string) => {
      if (workflowId === gone) {
        return Promise.reject(new WorkflowNotFoundError('not found', workflowId, undefined));
      }
      sent.push(`${signal} ${workflowId}`);
      return Promise.resolve();
    },
  });
  return { client: { workflow: { getHandle } } as unknown as Client, sent };
}

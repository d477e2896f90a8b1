import { setTimeout as delay } from 'node:timers/promises';
import type {
  Client,
  Connection,
  WorkflowHandle,
  WorkflowHandleWithFirstExecutionRunId,
  WorkflowStartOptions,
} from '@temporalio/client';
import { Worker, type NativeConnection, type WorkflowBundle } from '@temporalio/worker';
import {
  SEARCH_ATTRIBUTES,
  TASK_QUEUES,
  WORKFLOW_TYPES,
  type PayoutJobInput,
  type TransferInput,
} from '../../src/domain/contracts';
import { jobWorkflowId, transferWorkflowId } from '../../src/domain/ids';
import type { PayoutJobWorkflow, TransferWorkflow } from '../../src/workflows/index';
import type { FakeActivities } from '../support/fake-activities';

/** temporal.api.enums.v1.IndexedValueType */
const SERVER_TYPES = { KEYWORD: 2, INT: 3 } as const;
const POLL_MS = 25;
const EVENTUALLY_LIMIT_MS = 90_000;

export interface FakeWorkers {
  stop(): Promise<void>;
}

interface FakeWorkersOptions {
  readonly connection: NativeConnection;
  readonly namespace?: string;
  readonly bundle: WorkflowBundle;
  readonly activities: FakeActivities;
  readonly identity?: string;
}

/** One worker for each of the two queues, as in production, with fakes for the activities. */
export async function startFakeWorkers(options: FakeWorkersOptions): Promise<FakeWorkers> {
  const { activities, bundle, connection, namespace, identity } = options;
  const common = {
    connection,
    ...(namespace !== undefined && { namespace }),
    ...(identity !== undefined && { identity }),
  };
  const workers = [
    await Worker.create({
      ...common,
      taskQueue: TASK_QUEUES.payouts,
      workflowBundle: bundle,
      activities: activities.payout,
    }),
    await Worker.create({
      ...common,
      taskQueue: TASK_QUEUES.stripe,
      activities: activities.stripe,
    }),
  ];
  const runs = Promise.all(workers.map((worker) => worker.run()));
  return {
    stop: async () => {
      for (const worker of workers) {
        if (worker.getState() === 'RUNNING') {
          worker.shutdown();
        }
      }
      await runs;
    },
  };
}

export function transferInput(transferId: string, settlementId = 'no-such-job'): TransferInput {
  return {
    transferId,
    settlementId,
    contestId: 'contest',
    amountMinor: 12_50,
    currency: 'eur',
  };
}

export async function startTransfer(
  client: Client,
  input: TransferInput,
  shown: Pick<WorkflowStartOptions, 'typedSearchAttributes'> = {},
): Promise<WorkflowHandle<typeof TransferWorkflow>> {
  return client.workflow.start<typeof TransferWorkflow>(WORKFLOW_TYPES.transfer, {
    workflowId: transferWorkflowId(input.transferId),
    taskQueue: TASK_QUEUES.payouts,
    args: [input],
    workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
    ...shown,
  });
}

export async function startJob(
  client: Client,
  input: PayoutJobInput,
): Promise<WorkflowHandleWithFirstExecutionRunId<typeof PayoutJobWorkflow>> {
  return client.workflow.start<typeof PayoutJobWorkflow>(WORKFLOW_TYPES.payoutJob, {
    workflowId: jobWorkflowId(input.settlementId),
    taskQueue: TASK_QUEUES.payouts,
    args: [input],
    workflowIdConflictPolicy: 'USE_EXISTING',
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
  });
}

export function jobInput(settlementId: string): PayoutJobInput {
  return { settlementId, contestId: 'contest', contentHash: 'hash' };
}

export type HistoryEvent = NonNullable<
  Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']
>[number];

/** The events of one run; without a run id those of the newest. */
export async function eventsOf(
  client: Client,
  workflowId: string,
  runId?: string,
): Promise<HistoryEvent[]> {
  const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
  return events ?? [];
}

/** The attributes of those events that have them, in order: each type of event has a field of its own. */
export function eventsWith<Field extends keyof HistoryEvent>(
  events: readonly HistoryEvent[],
  field: Field,
): NonNullable<HistoryEvent[Field]>[] {
  const found: NonNullable<HistoryEvent[Field]>[] = [];
  for (const event of events) {
    // Never undefined at run time: an attribute that an event has not is null.
    const attributes = event[field] ?? undefined;
    if (attributes !== undefined) {
      found.push(attributes);
    }
  }
  return found;
}

/** The events of every run of a workflow, newest run first, followed back through continue-as-new. */
export async function eventsOfChain(client: Client, workflowId: string): Promise<HistoryEvent[][]> {
  const chain = [await eventsOf(client, workflowId)];
  for (;;) {
    const runId =
      chain.at(-1)?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId;
    if (runId === null || runId === undefined || runId === '') {
      return chain;
    }
    chain.push(await eventsOf(client, workflowId, runId));
  }
}

/** Waits for what no promise announces, such as an event in a history. */
export async function eventually<Value>(
  look: () => Promise<Value | undefined | false> | Value | undefined | false,
): Promise<Value> {
  const deadline = Date.now() + EVENTUALLY_LIMIT_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) {
      return found;
    }
    if (Date.now() > deadline) {
      throw new Error(`still not so after ${EVENTUALLY_LIMIT_MS} ms: ${look.toString()}`);
    }
    await delay(POLL_MS);
  }
}

/** A door that fakes wait at until the test opens it. */
export class Gate {
  private open: () => void = () => undefined;
  private readonly opened = new Promise<void>((resolve) => {
    this.open = resolve;
  });

  pass(): Promise<void> {
    return this.opened;
  }

  release(): void {
    this.open();
  }
}

/** Makes the product's search attributes known to a server, as `payouts setup` does. */
export async function registerSearchAttributes(
  connection: Connection,
  namespace: string,
): Promise<void> {
  const searchAttributes = Object.fromEntries(
    Object.values(SEARCH_ATTRIBUTES).map(({ name, type }) => [name, SERVER_TYPES[type]]),
  );
  await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
}

import { Client, type WorkflowHandle } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker, type NativeConnection, type WorkflowBundle } from '@temporalio/worker';
import {
  TASK_QUEUES,
  WORKFLOW_TYPES,
  type PayoutJobInput,
  type TransferInput,
} from '../../src/domain/contracts';
import { jobWorkflowId, transferWorkflowId } from '../../src/domain/ids';
import type { PayoutJobWorkflow, TransferWorkflow } from '../../src/workflows/index';
import type { FakeActivities } from '../support/fake-activities';

const POLL_MS = 25;
const EVENTUALLY_LIMIT_MS = 30_000;

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

/** A client under which time does not jump while a result is awaited. */
export function clientInRealTime(environment: TestWorkflowEnvironment): Client {
  return new Client({ connection: environment.connection });
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
): Promise<WorkflowHandle<typeof TransferWorkflow>> {
  return client.workflow.start<typeof TransferWorkflow>(WORKFLOW_TYPES.transfer, {
    workflowId: transferWorkflowId(input.transferId),
    taskQueue: TASK_QUEUES.payouts,
    args: [input],
    workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
  });
}

export async function startJob(
  client: Client,
  input: PayoutJobInput,
): Promise<WorkflowHandle<typeof PayoutJobWorkflow>> {
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

/** The parts of a history's events, as JSON, that these tests look at. */
export interface HistoryEvent {
  readonly eventType: string;
  readonly eventTime: string;
  readonly [attributes: string]: unknown;
}

/** The events of one run; without a run id those of the newest. */
export async function eventsOf(
  client: Client,
  workflowId: string,
  runId?: string,
): Promise<HistoryEvent[]> {
  const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
  return (JSON.parse(historyToJSON(history)) as { events: HistoryEvent[] }).events;
}

export function countEvents(events: readonly HistoryEvent[], type: string): number {
  return events.filter((event) => event.eventType === `EVENT_TYPE_${type}`).length;
}

/** The events of every run of a workflow, newest run first, followed back through continue-as-new. */
export async function eventsOfChain(client: Client, workflowId: string): Promise<HistoryEvent[][]> {
  const chain: HistoryEvent[][] = [];
  for (let runId: string | undefined, first = true; first || runId; first = false) {
    const events = await eventsOf(client, workflowId, runId);
    chain.push(events);
    const started = events[0]?.['workflowExecutionStartedEventAttributes'] as
      { continuedExecutionRunId?: string } | undefined;
    runId = started?.continuedExecutionRunId;
  }
  return chain;
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
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** A door that fakes wait at until the test opens it. */
export class Gate {
  private open: () => void = () => undefined;
  private readonly opened = new Promise<void>((resolve) => (this.open = resolve));

  pass(): Promise<void> {
    return this.opened;
  }

  release(): void {
    this.open();
  }
}

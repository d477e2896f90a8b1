import Long from 'long';
import { Client, type Connection } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import {
  DefaultLogger,
  makeTelemetryFilterString,
  NativeConnection,
  Runtime,
} from '@temporalio/worker';
import { FakeActivities } from '../support/fake-activities';
import { connectToTestTemporal, testTemporalAddress } from '../support/temporal';
import {
  startTimeSkippingEnvironment,
  type TimeSkippingEnvironment,
} from '../support/time-skipping';
import { bundleWorkflows } from '../support/workflow-bundle';
import {
  eventually,
  registerSearchAttributes,
  startFakeWorkers,
  type FakeWorkers,
} from './harness';

/** Building the servers for the first time on a machine takes minutes. */
const FIRST_START_LIMIT_MS = 10 * 60_000;
const RETENTION_SECONDS = 3 * 24 * 3_600;

/** What a test file has of its server: clients, and the fakes that its workers run. */
export interface ServerUnderTest {
  /** Time stands still under it. */
  readonly client: Client;
  readonly activities: FakeActivities;
}

export interface SkippingServerUnderTest extends ServerUnderTest {
  /** Time jumps to the next timer while one result is awaited through it; one at a time. */
  readonly skippingClient: Client;
}

let isQuiet = false;

/** Fewer lines of the SDK between the results; what fails says so by itself. Once a file, which may use two servers. */
export function quietRuntime(): void {
  if (isQuiet) {
    return;
  }
  isQuiet = true;
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    telemetryOptions: {
      logging: { filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }) },
    },
  });
}

/** A time-skipping server with both workers for one test file. */
export function useTimeSkippingServer(): SkippingServerUnderTest {
  const activities = new FakeActivities();
  let skipping: TimeSkippingEnvironment | undefined;
  let workers: FakeWorkers | undefined;
  beforeAll(async () => {
    quietRuntime();
    const bundle = await bundleWorkflows();
    skipping = await startTimeSkippingEnvironment();
    const { connection: client, nativeConnection: connection } = skipping.environment;
    await registerSearchAttributes(client, 'default');
    workers = await startFakeWorkers({ connection, bundle, activities });
  }, FIRST_START_LIMIT_MS);
  afterAll(async () => {
    await workers?.stop();
    await skipping?.stop();
  });
  const started = () => defined(skipping).environment;
  return {
    activities,
    get client() {
      return new Client({ connection: started().connection });
    },
    get skippingClient() {
      return started().client;
    },
  };
}

/** A namespace of its own on the run's dev server, with both workers, for one test file. */
export function useDevServer(identity?: string): ServerUnderTest {
  const activities = new FakeActivities();
  let connection: Connection | undefined;
  let native: NativeConnection | undefined;
  let workers: FakeWorkers | undefined;
  let client: Client | undefined;
  beforeAll(async () => {
    quietRuntime();
    const bundle = await bundleWorkflows();
    connection = await connectToTestTemporal();
    const namespace = await makeNamespace(connection);
    native = await NativeConnection.connect({ address: testTemporalAddress() });
    const named = identity === undefined ? {} : { identity };
    workers = await startFakeWorkers({
      connection: native,
      namespace,
      bundle,
      activities,
      ...named,
    });
    client = new Client({ connection, namespace, ...named });
  }, FIRST_START_LIMIT_MS);
  afterAll(async () => {
    await workers?.stop();
    await native?.close();
    await connection?.close();
  });
  return {
    activities,
    get client() {
      return defined(client);
    },
  };
}

export async function makeNamespace(connection: Connection): Promise<string> {
  const namespace = `workflows-${process.pid}-${Date.now()}`;
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: { seconds: Long.fromNumber(RETENTION_SECONDS) },
  });
  // The server's caches learn of a new namespace a moment later.
  await eventually(async () => {
    try {
      await registerSearchAttributes(connection, namespace);
      return true;
    } catch {
      return false;
    }
  });
  const client = new Client({ connection, namespace });
  await eventually(async () => {
    try {
      await client.workflow.getHandle('nobody').describe();
      return false;
    } catch (error) {
      return error instanceof WorkflowNotFoundError;
    }
  });
  return namespace;
}

function defined<Value>(value: Value | undefined): Value {
  if (value === undefined) {
    throw new Error('the server did not start');
  }
  return value;
}

/**
 * Goal: what tests start from in which nothing is faked: the workers as production makes them, over a real Postgres, the
 * sandbox, and the run's Temporal server in a namespace of the file's own.
 * Method: hooks of the file that calls it open and close everything.
 */
import { Client, type Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';

import { createWorkers, type PayoutWorkers } from '../../src/worker/create-workers';
import { openActivityBed, type ActivityBed } from '../activities/activity-bed';
import { connectToTestTemporal, testTemporalAddress } from '../support/temporal';
import { bundleWorkflows } from '../support/workflow-bundle';
import { makeNamespace, quietRuntime } from './servers';

const START_LIMIT_MS = 120_000;

/** Filled before the first test. */
export interface WorkerBed {
  bed: ActivityBed;
  client: Client;
}

export function useRealWorkers(): WorkerBed {
  const opened = {} as WorkerBed;
  let connection: Connection;
  let native: NativeConnection;
  let workers: PayoutWorkers;
  let running: Promise<void>;

  beforeAll(async () => {
    quietRuntime();
    opened.bed = await openActivityBed();
    connection = await connectToTestTemporal();
    const namespace = await makeNamespace(connection);
    native = await NativeConnection.connect({ address: testTemporalAddress() });
    opened.client = new Client({ connection, namespace });
    workers = await createWorkers({
      connection: native,
      namespace,
      workflowBundle: await bundleWorkflows(),
      dependencies: opened.bed.dependencies,
      stripeRequestsPerSecond: 50,
    });
    running = workers.run();
  }, START_LIMIT_MS);

  afterAll(async () => {
    workers.shutdown();
    await running;
    await native.close();
    await connection.close();
    await opened.bed.close();
  }, START_LIMIT_MS);

  return opened;
}

/**
 * Goal: what end-to-end tests start from that need one running worker: a database, a Stripe sandbox and a namespace of
 * the run's Temporal server, each of the test file's own.
 * Method: set up and started by the built command, as a user would.
 */
import { randomBytes } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';

import { startStripeSandbox } from '../../local/stripe-sandbox/server';
import { createTestDatabase } from '../support/postgres';
import type { TestProcess } from '../support/processes';
import { testTemporalAddress } from '../support/temporal';
import { Bed, holdSweeps, type Settings } from './bed';

export interface WorkerStack {
  readonly bed: Bed;
  readonly temporal: Client;
  readonly namespace: string;
  readonly worker: TestProcess;
  /** The sandbox, asked without our adapter. */
  readonly stripeApiBase: string;
  /** Stops everything, the worker first. */
  close(): Promise<void>;
}

/**
 * @param name of the namespace, made unique
 * @param settings of every command, beside the addresses
 */
export async function startWorkerStack(
  name: string,
  settings: Settings = {},
): Promise<WorkerStack> {
  const [sandbox, database] = await Promise.all([startStripeSandbox(), createTestDatabase()]);
  const { databaseUrl } = database;
  const stripeApiBase = sandbox.baseUrl;
  const temporalAddress = testTemporalAddress();
  const namespace = `${name}-${randomBytes(4).toString('hex')}`;
  const bed = new Bed(
    { databaseUrl, temporalAddress, stripeApiBase },
    { ...settings, TEMPORAL_NAMESPACE: namespace },
  );
  await bed.json('setup');
  const connection = await Connection.connect({ address: temporalAddress });
  const temporal = new Client({ connection, namespace });
  await holdSweeps(temporal);
  const worker = await bed.worker();
  return {
    bed,
    temporal,
    namespace,
    worker,
    stripeApiBase,
    close: async () => {
      await connection.close();
      await bed.close();
      await Promise.all([sandbox.close(), database.drop()]);
    },
  };
}

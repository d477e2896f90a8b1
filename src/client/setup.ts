import { setTimeout as delay } from 'node:timers/promises';

import type { Client } from '@temporalio/client';
import { google, temporal } from '@temporalio/proto';
import type Stripe from 'stripe';

import { registerSweeps } from '../activities/sweep-registry';
import { SEARCH_ATTRIBUTES } from '../domain/contracts';
import { CONNECT_TIMEOUT_MS, NAMESPACE_RETENTION_DAYS } from '../domain/limits';
import type { Database } from '../db/database';
import {
  assertInstallation,
  NotSetUpError,
  recordInstallation,
  type Installation,
} from '../db/installation';
import { migrateDatabase, type MigrationReport } from '../db/migrate';
import { identifyStripeAccount } from '../stripe/balance-and-account';
import { ensureSweepSchedule, type ScheduleReport } from './sweep-schedule';
import { isAlreadyThere, isNotFound, type TemporalClient } from './temporal-client';

export interface SetupReport {
  readonly migrations: MigrationReport;
  readonly searchAttributes: { readonly registered: string[]; readonly existing: string[] };
  /** The sweep's schedule. */
  readonly schedule: ScheduleReport;
}

export interface SetupTargets {
  readonly databaseUrl: string;
  readonly database: Database;
  readonly temporal: TemporalClient;
  readonly stripe: Stripe;
  readonly installationId: string;
}

/**
 * Prepares database, Temporal namespace, search attributes and the sweep's schedule, and records which Stripe account
 * pays for this installation (M3). Every step looks first and may be repeated; a second `setup` changes nothing.
 *
 * @throws InstallationMismatchError when the database belongs to another installation or Stripe account
 */
export async function setUp(targets: SetupTargets): Promise<SetupReport> {
  // Asked first, so that a wrong key or another installation's database is left as it is.
  const identity = await identifyStripeAccount(targets.stripe);
  const installation = {
    installationId: targets.installationId,
    stripeAccountId: identity.accountId,
    livemode: identity.livemode,
  };
  await refuseOtherInstallation(targets.database, installation);
  const migrations = await migrateDatabase(targets.databaseUrl);
  await recordInstallation(targets.database, installation);
  await ensureNamespace(targets.temporal.client);
  const searchAttributes = await ensureSearchAttributes(targets.temporal);
  await registerSweeps(targets.database);
  const schedule = await ensureSweepSchedule(targets.temporal.client);
  return { migrations, searchAttributes, schedule };
}

async function refuseOtherInstallation(database: Database, wanted: Installation): Promise<void> {
  try {
    await assertInstallation(database, wanted);
  } catch (error) {
    // A database that is not set up yet is what `setup` is for.
    if (!(error instanceof NotSetUpError)) {
      throw error;
    }
  }
}

const DAY_SECONDS = 24 * 60 * 60;
const RETENTION_SECONDS = NAMESPACE_RETENTION_DAYS * DAY_SECONDS;
const RETENTION = google.protobuf.Duration.fromObject({ seconds: RETENTION_SECONDS });

/** Creates the namespace, or lengthens its retention: closed runs must outlast the wait for a payee (design §6). */
async function ensureNamespace(client: Client): Promise<void> {
  const { namespace } = client.options;
  const { workflowService } = client;
  const described = await workflowService
    .describeNamespace({ namespace })
    .catch((error: unknown) => {
      if (isNotFound(error)) {
        return undefined;
      }
      throw error;
    });
  if (described === undefined) {
    await workflowService
      .registerNamespace({ namespace, workflowExecutionRetentionPeriod: RETENTION })
      .catch((error: unknown) => {
        // Another `setup` was faster, with the same retention.
        if (!isAlreadyThere(error)) {
          throw error;
        }
      });
    return;
  }
  const seconds = Number(described.config?.workflowExecutionRetentionTtl?.seconds ?? 0);
  if (seconds < RETENTION_SECONDS) {
    await workflowService.updateNamespace({
      namespace,
      config: { workflowExecutionRetentionTtl: RETENTION },
    });
  }
}

const VALUE_TYPES = {
  KEYWORD: temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
  INT: temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_INT,
} as const;

/** A search attribute of our name has another type: queries and workflows would fail. */
export class SearchAttributeConflictError extends Error {
  override readonly name = 'SearchAttributeConflictError';
}

async function ensureSearchAttributes({ client, connection }: TemporalClient) {
  const { namespace } = client.options;
  const { operatorService } = connection;
  await untilTrue(() => isNamespaceKnown(operatorService, namespace));
  const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
  const wanted = Object.values(SEARCH_ATTRIBUTES);
  const conflicts = wanted.filter(
    ({ name, type }) =>
      customAttributes[name] !== undefined && customAttributes[name] !== VALUE_TYPES[type],
  );
  if (conflicts.length > 0) {
    const names = conflicts.map(({ name, type }) => `${name} (expected ${type})`).join(', ');
    throw new SearchAttributeConflictError(
      `search attributes of namespace ${namespace} have another type: ${names}`,
    );
  }
  const missing = wanted.filter(({ name }) => customAttributes[name] === undefined);
  if (missing.length > 0) {
    await operatorService
      .addSearchAttributes({
        namespace,
        searchAttributes: Object.fromEntries(
          missing.map(({ name, type }) => [name, VALUE_TYPES[type]]),
        ),
      })
      .catch((error: unknown) => {
        // Another `setup` was faster; whether its attributes can be used is looked at below.
        if (!isAlreadyThere(error)) {
          throw error;
        }
      });
  }
  // Known to the registry is not yet known to the frontend: a workflow started before that would be refused.
  await untilTrue(() =>
    client.workflow.count(wanted.map(({ name }) => `${name} is null`).join(' and ')).then(
      () => true,
      () => false,
    ),
  );
  const registered = missing.map(({ name }) => name);
  const existing = wanted.map(({ name }) => name).filter((name) => !registered.includes(name));
  return { registered, existing };
}

/** A namespace that was just made is described at once, but the server's other services learn of it a moment later. */
async function isNamespaceKnown(
  operatorService: TemporalClient['connection']['operatorService'],
  namespace: string,
): Promise<boolean> {
  try {
    await operatorService.listSearchAttributes({ namespace });
    return true;
  } catch (error) {
    if (isNotFound(error)) {
      return false;
    }
    throw error;
  }
}

const LOOK_AGAIN_MS = 200;
/** The server's caches of namespaces and search attributes are renewed every few seconds. */
const CACHE_WAIT_MS = 3 * CONNECT_TIMEOUT_MS;

async function untilTrue(look: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + CACHE_WAIT_MS;
  while (!(await look())) {
    if (Date.now() > deadline) {
      throw new Error('Temporal did not take over the namespace or its search attributes in time');
    }
    await delay(LOOK_AGAIN_MS);
  }
}

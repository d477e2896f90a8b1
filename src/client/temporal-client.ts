import { Client, Connection } from '@temporalio/client';
import { NamespaceNotFoundError } from '@temporalio/common';

import { grpcStatusOf } from '../activities/grpc-status';
import type { EnvironmentVariables } from '../config/settings';
import { temporalTarget, type TemporalTarget } from '../config/temporal-connection';
import { TEMPORAL_RECONNECT_LONGEST_MS } from '../domain/limits';

/** Temporal does not answer at this address (exit code 3). */
export class TemporalUnreachableError extends Error {
  override readonly name = 'TemporalUnreachableError';
  constructor(
    readonly address: string,
    cause: unknown,
  ) {
    super(`Temporal cannot be reached at ${address}`, { cause });
  }
}

export interface TemporalClient {
  readonly client: Client;
  readonly connection: Connection;
  readonly address: string;
  readonly namespace: string;
  readonly close: () => Promise<void>;
}

type Address = Parameters<typeof temporalTarget>[1];

/** @throws TemporalUnreachableError within CONNECT_TIMEOUT_MS when nothing answers */
export async function connectTemporal(
  variables: EnvironmentVariables,
  settings: Address,
): Promise<TemporalClient> {
  const target = temporalTarget(variables, settings);
  const connection = await Connection.connect(target.options).catch((error: unknown) => {
    throw new TemporalUnreachableError(target.address, error);
  });
  return clientOn(connection, target);
}

/**
 * A client that connects with its first call, and again by itself whenever Temporal was away: for a process that serves
 * without it. Its calls have no deadline of their own; give them one (`connection.withDeadline`).
 */
export function lazyTemporal(variables: EnvironmentVariables, settings: Address): TemporalClient {
  const target = temporalTarget(variables, settings);
  // The transport's own longest wait is two minutes, all of which a Temporal that is back would still be away for us.
  const channelArgs = { 'grpc.max_reconnect_backoff_ms': TEMPORAL_RECONNECT_LONGEST_MS };
  return clientOn(Connection.lazy({ ...target.options, channelArgs }), target);
}

function clientOn(connection: Connection, { address, namespace }: TemporalTarget): TemporalClient {
  return {
    client: new Client({ connection, namespace }),
    connection,
    address,
    namespace,
    close: () => connection.close(),
  };
}

/** gRPC status codes: https://grpc.io/docs/guides/status-codes/ */
const DEADLINE_EXCEEDED = 4;
const NOT_FOUND = 5;
const ALREADY_EXISTS = 6;
/** Something answers that is no Temporal server. */
const UNIMPLEMENTED = 12;
const UNAVAILABLE = 14;

export function isTemporalUnavailable(error: unknown): boolean {
  const status = grpcStatusOf(error);
  return status === DEADLINE_EXCEEDED || status === UNIMPLEMENTED || status === UNAVAILABLE;
}

/** Whether Temporal, or the way to it, failed; whatever it says of it. */
export function isTemporalFailure(error: unknown): boolean {
  return grpcStatusOf(error) !== undefined || isNamespaceMissing(error);
}

export function isNotFound(error: unknown): boolean {
  return grpcStatusOf(error) === NOT_FOUND;
}

export function isAlreadyThere(error: unknown): boolean {
  return grpcStatusOf(error) === ALREADY_EXISTS;
}

export function isNamespaceMissing(error: unknown): boolean {
  return error instanceof NamespaceNotFoundError || isNotFound(error);
}

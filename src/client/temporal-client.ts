import { Client, Connection, isGrpcServiceError } from '@temporalio/client';
import { NamespaceNotFoundError } from '@temporalio/common';

import type { EnvironmentVariables } from '../config/settings';
import { temporalConnection } from '../config/temporal-connection';
import { CONNECT_TIMEOUT_MS } from '../domain/limits';

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

/** @throws TemporalUnreachableError within CONNECT_TIMEOUT_MS when nothing answers */
export async function connectTemporal(
  variables: EnvironmentVariables,
  settings: { readonly temporalAddress: string; readonly temporalNamespace: string },
): Promise<TemporalClient> {
  const { address, namespace, connectionOptions } = temporalConnection(variables, settings);
  const { apiKey, tls, metadata } = connectionOptions;
  const connection = await Connection.connect({
    address,
    connectTimeout: CONNECT_TIMEOUT_MS,
    ...(tls === undefined || tls === null ? {} : { tls }),
    ...(typeof apiKey === 'string' ? { apiKey } : {}),
    ...(metadata === undefined ? {} : { metadata }),
  }).catch((error: unknown) => {
    throw new TemporalUnreachableError(address, error);
  });
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

export function isNotFound(error: unknown): boolean {
  return grpcStatusOf(error) === NOT_FOUND;
}

export function isAlreadyThere(error: unknown): boolean {
  return grpcStatusOf(error) === ALREADY_EXISTS;
}

export function isNamespaceMissing(error: unknown): boolean {
  return error instanceof NamespaceNotFoundError || isNotFound(error);
}

/** The SDK's workflow client wraps the answer of the server in an error of its own. */
function grpcStatusOf(error: unknown): number | undefined {
  if (isGrpcServiceError(error)) {
    return error.code;
  }
  return error instanceof Error && error.cause !== undefined
    ? grpcStatusOf(error.cause)
    : undefined;
}

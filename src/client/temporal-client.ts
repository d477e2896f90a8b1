import { Client, Connection, isGrpcServiceError } from '@temporalio/client';

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
  close(): Promise<void>;
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

/** gRPC status codes of a server that is not there for us: deadline exceeded, unavailable. */
const UNAVAILABLE_STATUSES: readonly number[] = [4, 14];
const NOT_FOUND_STATUS = 5;

export function isTemporalUnavailable(error: unknown): boolean {
  return isGrpcServiceError(error) && UNAVAILABLE_STATUSES.includes(error.code);
}

export function isNotFound(error: unknown): boolean {
  return isGrpcServiceError(error) && error.code === Number(NOT_FOUND_STATUS);
}

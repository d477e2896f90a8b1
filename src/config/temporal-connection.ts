import type { ConnectionOptions } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';

import { CONNECT_TIMEOUT_MS } from '../domain/limits';
import { InvalidSettingsError, type EnvironmentVariables } from './settings';

type TemporalConnectConfig = ReturnType<typeof loadClientConnectConfig>;

/** How to reach Temporal: the standard `TEMPORAL_*` names of the SDK's environment configuration. */
export interface TemporalConnection {
  readonly address: string;
  readonly namespace: string;
  readonly connectionOptions: TemporalConnectConfig['connectionOptions'];
}

/** @param settings address and namespace as `loadSettings` checked them; TLS and keys are read here */
export function temporalConnection(
  variables: EnvironmentVariables,
  settings: { readonly temporalAddress: string; readonly temporalNamespace: string },
): TemporalConnection {
  const present = Object.entries(variables).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  const { TEMPORAL_CONFIG_FILE: configFile, TEMPORAL_PROFILE: profile } = variables;
  const { connectionOptions } = readConnectConfig({
    overrideEnvVars: Object.fromEntries(present),
    // A profile of another project in the home folder must not lay its keys and TLS over this one's address.
    disableFile: configFile === undefined && profile === undefined,
  });
  return {
    address: settings.temporalAddress,
    namespace: settings.temporalNamespace,
    connectionOptions: { ...connectionOptions, address: settings.temporalAddress },
  };
}

/** The same for a client of the SDK. */
export interface TemporalTarget {
  readonly address: string;
  readonly namespace: string;
  /** Connecting ends within CONNECT_TIMEOUT_MS. */
  readonly options: ConnectionOptions;
}

/** @param settings as for `temporalConnection` */
export function temporalTarget(
  variables: EnvironmentVariables,
  settings: Parameters<typeof temporalConnection>[1],
): TemporalTarget {
  const { address, namespace, connectionOptions } = temporalConnection(variables, settings);
  const { apiKey, tls, metadata } = connectionOptions;
  const options = {
    address,
    connectTimeout: CONNECT_TIMEOUT_MS,
    ...(tls === undefined || tls === null ? {} : { tls }),
    ...(typeof apiKey === 'string' ? { apiKey } : {}),
    ...(metadata === undefined ? {} : { metadata }),
  };
  return { address, namespace, options };
}

/** @throws InvalidSettingsError when a file that one of the variables names cannot be read, or is none of its kind */
function readConnectConfig(
  options: NonNullable<Parameters<typeof loadClientConnectConfig>[0]>,
): TemporalConnectConfig {
  try {
    return loadClientConnectConfig(options);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new InvalidSettingsError([{ name: 'TEMPORAL_* (TLS, profile)', problem }]);
  }
}

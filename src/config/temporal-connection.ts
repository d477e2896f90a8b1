import { loadClientConnectConfig } from '@temporalio/envconfig';

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

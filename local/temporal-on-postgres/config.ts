import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { freeLowPort, freePort, LOOPBACK } from '../free-port';
import { MAIN_DATABASE, SQL_PLUGIN, VISIBILITY_DATABASE, type PostgresPlace } from './databases';

/** Fixed for the life of the data: Temporal refuses to start with another number. */
const HISTORY_SHARDS = 32;
/** Of each of the four services: together with the visibility store's at most 88 of Postgres's 200. */
const CONNECTIONS_MAX = 20;
const VISIBILITY_CONNECTIONS_MAX = 2;
const CLUSTER = 'active';
const SERVICES = ['frontend', 'history', 'matching', 'worker'] as const;

/** The same file that docker-compose.temporal.yml gives the server. */
const DYNAMIC_CONFIG = join(__dirname, '../../docker/temporal/dynamic-config.yaml');

/** Name of the environment, which is the name of the file that the programs look for. */
export const CONFIG_NAME = 'local';

/** `payouts local up`'s programs find their settings here; readable by this user alone, since it has a password. */
export function writeConfig(dataDir: string, content: object): void {
  const file = join(dataDir, 'config', `${CONFIG_NAME}.yaml`);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(content, undefined, 2), { mode: 0o600 });
}

/** Settings of a server whose four services are one process, reachable from this machine only. */
export async function serverConfig(frontendPort: number, postgres: PostgresPlace): Promise<object> {
  const services = await Promise.all(
    SERVICES.map(async (name) => {
      const grpcPort = name === 'frontend' ? frontendPort : await freePort();
      // The server writes it into a smallint column.
      const membershipPort = await freeLowPort();
      return [name, { rpc: { grpcPort, membershipPort, bindOnLocalHost: true } }] as const;
    }),
  );
  return {
    log: { stdout: true, level: 'error' },
    persistence: persistence(postgres),
    global: { membership: { maxJoinDuration: '30s', broadcastAddress: LOOPBACK } },
    services: Object.fromEntries(services),
    clusterMetadata: clusterMetadata(frontendPort),
    dcRedirectionPolicy: { policy: 'noop' },
    archival: { history: { state: 'disabled' }, visibility: { state: 'disabled' } },
    dynamicConfigClient: { filepath: DYNAMIC_CONFIG, pollInterval: '1m' },
  };
}

function persistence(postgres: PostgresPlace): object {
  return {
    defaultStore: 'main',
    visibilityStore: 'visibility',
    numHistoryShards: HISTORY_SHARDS,
    datastores: {
      main: dataStore(postgres, MAIN_DATABASE, CONNECTIONS_MAX),
      visibility: dataStore(postgres, VISIBILITY_DATABASE, VISIBILITY_CONNECTIONS_MAX),
    },
  };
}

function dataStore(
  { host, port, user, password }: PostgresPlace,
  databaseName: string,
  maxConns: number,
): object {
  return {
    sql: {
      pluginName: SQL_PLUGIN,
      databaseName,
      connectAddr: `${host}:${String(port)}`,
      connectProtocol: 'tcp',
      user,
      password,
      maxConns,
      maxIdleConns: maxConns,
      maxConnLifetime: '1h',
    },
  };
}

function clusterMetadata(frontendPort: number): object {
  return {
    enableGlobalNamespace: false,
    failoverVersionIncrement: 10,
    masterClusterName: CLUSTER,
    currentClusterName: CLUSTER,
    clusterInformation: {
      [CLUSTER]: {
        enabled: true,
        initialFailoverVersion: 1,
        rpcName: 'frontend',
        rpcAddress: `${LOOPBACK}:${String(frontendPort)}`,
      },
    },
  };
}

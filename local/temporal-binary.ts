import { join } from 'node:path';
import { cacheDirectory, platformSuffix } from './cache-directory';
import { fromCache, fromEnvironment, fromPath } from './executable-lookups';
import { firstWorkingWay, type Way } from './first-working-way';
import { buildGoTool } from './go-tool';
import { downloadWithSdk } from './sdk-download';

/** Pinned: later releases of the CLI do not build as a Go tool, because of a local replace. */
const TEMPORAL_CLI_VERSION = 'v1.5.1';
const TEMPORAL_CLI_PACKAGE = 'github.com/temporalio/cli/cmd/temporal';

export interface BinarySearch {
  env: NodeJS.ProcessEnv;
  onProgress: (line: string) => void;
  signal?: AbortSignal | undefined;
}

/** The five ways to a Temporal CLI, in the order in which they are tried: cheap before dear. */
export function temporalBinaryWays(search: BinarySearch): readonly Way[] {
  const { env, onProgress, signal } = search;
  const target = join(
    cacheDirectory(env),
    `temporal-cli-${TEMPORAL_CLI_VERSION}-${platformSuffix()}`,
  );
  return [
    fromEnvironment(env, 'TEMPORAL_CLI_PATH'),
    fromPath(env, 'temporal'),
    fromCache(target),
    {
      name: 'download by the Temporal SDK',
      find: () => {
        onProgress('downloading the Temporal server…');
        const version = TEMPORAL_CLI_VERSION;
        return downloadWithSdk({ server: 'dev-server', version, target, signal });
      },
    },
    {
      name: 'build from source with Go',
      find: () => {
        onProgress('building the Temporal server from source, about three minutes…');
        return buildGoTool({
          moduleDirectory: join(__dirname, 'temporal-tool'),
          packagePath: TEMPORAL_CLI_PACKAGE,
          target,
          signal,
        });
      },
    },
  ];
}

/** Path of a Temporal CLI that can run a dev server; made on first use where there is none. */
export async function findTemporalBinary(search: BinarySearch): Promise<string> {
  return firstWorkingWay(
    `a Temporal server (CLI ${TEMPORAL_CLI_VERSION})`,
    temporalBinaryWays(search),
  );
}

import { join } from 'node:path';
import { cacheDirectory, platformSuffix } from '../cache-directory';
import { fromCache, fromEnvironment, fromPath } from '../executable-lookups';
import { firstWorkingWay, type Way } from '../first-working-way';
import { buildGoTool } from '../go-tool';
import type { BinarySearch } from '../temporal-binary';

/** One of the three programs that are a Temporal server on Postgres; versions as in temporal-tool/go.mod. */
export interface ServerProgramSource {
  name: string;
  /** Environment variable that may name the program's file. */
  setting: string;
  commandOnPath: string;
  version: string;
  packagePath: string;
}

export const TEMPORAL_SERVER: ServerProgramSource = {
  name: 'the Temporal server',
  setting: 'TEMPORAL_SERVER_PATH',
  commandOnPath: 'temporal-server',
  version: 'v1.29.1',
  packagePath: 'go.temporal.io/server/cmd/server',
};

export const TEMPORAL_SQL_TOOL: ServerProgramSource = {
  name: "Temporal's SQL tool",
  setting: 'TEMPORAL_SQL_TOOL_PATH',
  commandOnPath: 'temporal-sql-tool',
  version: 'v1.29.1',
  packagePath: 'go.temporal.io/server/cmd/tools/sql',
};

export const TEMPORAL_WEB_UI: ServerProgramSource = {
  name: 'the Temporal Web UI',
  setting: 'TEMPORAL_UI_SERVER_PATH',
  commandOnPath: 'temporal-ui-server',
  version: 'v2.42.1',
  packagePath: 'github.com/temporalio/ui-server/v2/cmd/server',
};

export const SERVER_PROGRAMS = [TEMPORAL_SERVER, TEMPORAL_SQL_TOOL, TEMPORAL_WEB_UI] as const;

/** The four ways to such a program, cheap before dear. Unlike the dev server's, nobody offers it as a download. */
export function serverProgramWays(source: ServerProgramSource, search: BinarySearch): Way[] {
  const { env, onProgress, signal } = search;
  const { name, setting, commandOnPath, version, packagePath } = source;
  const target = join(cacheDirectory(env), `${commandOnPath}-${version}-${platformSuffix()}`);
  return [
    fromEnvironment(env, setting),
    fromPath(env, commandOnPath),
    fromCache(target),
    {
      name: 'build from source with Go',
      find: () => {
        onProgress(`building ${name} from source, minutes the first time…`);
        const moduleDirectory = join(__dirname, '../temporal-tool');
        return buildGoTool({ moduleDirectory, packagePath, target, signal });
      },
    },
  ];
}

/** Path of the program, or one error that says what every way to it said. */
export async function findServerProgram(
  source: ServerProgramSource,
  search: BinarySearch,
): Promise<string> {
  return firstWorkingWay(source.name, serverProgramWays(source, search));
}

/** All of them, one after another: each build takes every core by itself. */
export async function findServerPrograms(search: BinarySearch): Promise<void> {
  for (const source of SERVER_PROGRAMS) {
    await findServerProgram(source, search);
  }
}

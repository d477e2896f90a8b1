import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory, platformSuffix } from '../../local/cache-directory';
import { buildGoTool } from '../../local/go-tool';
import { SERVER_PROGRAMS } from '../../local/temporal-on-postgres/programs';

/** True when programs can be built from their committed Go modules. */
export function hasGo(): boolean {
  return spawnSync('go', ['version']).status === 0;
}

/** Why there can be no Temporal server of production here; undefined when there can be one. */
export function whyNoProductionServer(): string | undefined {
  const missing = SERVER_PROGRAMS.filter(
    ({ setting, commandOnPath, version }) =>
      process.env[setting] === undefined &&
      !existsSync(join(cacheDirectory(), `${commandOnPath}-${version}-${platformSuffix()}`)),
  );
  return missing.length === 0 || hasGo()
    ? undefined
    : `no Go toolchain to build ${missing.map(({ name }) => name).join(', ')} with`;
}

const COMPOSE_LOADER_VERSION = 'v2.16.2';

/** The reference loader of the Compose specification, built once: it prints the file as it understands it. */
export async function composeLoader(): Promise<string> {
  const program = `compose-loader-${COMPOSE_LOADER_VERSION}-${platformSuffix()}`;
  return buildGoTool({
    moduleDirectory: join(__dirname, '../tooling/compose-tool'),
    packagePath: '.',
    target: join(cacheDirectory(), program),
  });
}

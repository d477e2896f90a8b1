import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory, platformSuffix } from './cache-directory';
import { fromCache, fromEnvironment } from './executable-lookups';
import { firstWorkingWay, type Way } from './first-working-way';
import { makeOnce } from './make-once';
import { runCommand } from './run-command';
import { downloadWithSdk } from './sdk-download';
import type { BinarySearch } from './temporal-binary';

const MAVEN_VERSION = '1.38.0';
const MAVEN_LIMIT_MS = 5 * 60_000;

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>temporal-stripe-payouts</groupId>
  <artifactId>time-skipping-server</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>io.temporal</groupId>
      <artifactId>temporal-test-server</artifactId>
      <version>${MAVEN_VERSION}</version>
    </dependency>
  </dependencies>
</project>
`;

/** The ways to Temporal's time-skipping test server, in the order in which they are tried. */
export function timeSkippingServerWays(search: BinarySearch): readonly Way[] {
  const { env, onProgress, signal } = search;
  const cache = cacheDirectory(env);
  const target = join(cache, `temporal-test-server-${MAVEN_VERSION}-${platformSuffix()}`);
  return [
    fromEnvironment(env, 'TEMPORAL_TEST_SERVER_PATH'),
    fromCache(target),
    {
      name: 'download by the Temporal SDK',
      find: () => {
        onProgress('downloading the time-skipping test server…');
        return downloadWithSdk({ server: 'time-skipping', version: 'default', target, signal });
      },
    },
    {
      name: 'Java libraries from Maven',
      find: () => {
        onProgress('fetching the time-skipping test server with Maven…');
        return makeOnce(target, (draft) => makeLauncher(draft, `${target}.jars`, signal), signal);
      },
    },
  ];
}

/** Path of a program that serves as `existing-path` for `TestWorkflowEnvironment.createTimeSkipping`. */
export async function findTimeSkippingServer(search: BinarySearch): Promise<string> {
  return firstWorkingWay('the time-skipping test server', timeSkippingServerWays(search));
}

async function makeLauncher(
  draft: string,
  jarFolder: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  rmSync(jarFolder, { recursive: true, force: true });
  mkdirSync(jarFolder, { recursive: true });
  writeFileSync(join(jarFolder, 'pom.xml'), POM);
  const args = ['-q', '-B', 'dependency:copy-dependencies', '-DincludeScope=runtime'];
  await runCommand('mvn', [...args, `-DoutputDirectory=${jarFolder}`], {
    cwd: jarFolder,
    limitMs: MAVEN_LIMIT_MS,
    signal,
  });
  await runCommand('java', ['-version'], { cwd: jarFolder, limitMs: MAVEN_LIMIT_MS, signal });
  writeFileSync(draft, launcherText(jarFolder));
  chmodSync(draft, 0o755);
}

/**
 * `exec` makes the Java process the SDK's direct child: the SDK stops it by killing that child.
 * The flags shorten its start, for which the SDK allows five seconds.
 */
function launcherText(jarFolder: string): string {
  const classPath = `'${jarFolder.split("'").join(`'\\''`)}'/'*'`;
  return [
    '#!/bin/sh',
    'exec java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto \\',
    `  -cp ${classPath} io.temporal.testserver.TestServer "$@"`,
    '',
  ].join('\n');
}

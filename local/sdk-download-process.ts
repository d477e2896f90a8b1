/**
 * Lets the Temporal SDK download a test server: `sdk-download-process.js <server> <version> <folder>`.
 *
 * The SDK offers no download without a start, so the server is started and stopped at once.
 */
import { TestWorkflowEnvironment } from '@temporalio/testing';

async function download(server: string, version: string, downloadDir: string): Promise<void> {
  const executable = { type: 'cached-download', version, downloadDir } as const;
  const environment =
    server === 'time-skipping'
      ? await TestWorkflowEnvironment.createTimeSkipping({ server: { executable } })
      : await TestWorkflowEnvironment.createLocal({ server: { executable } });
  await environment.teardown();
}

const [server = '', version = '', folder = ''] = process.argv.slice(2);
download(server, version, folder).then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);

import { TestWorkflowEnvironment } from '@temporalio/testing';
import { findTimeSkippingServer } from '../../local/time-skipping-server';

/** The SDK waits five seconds for the server, which a Java start on busy cores can miss. */
const START_TRIES = 3;

/**
 * A Temporal test environment whose clock jumps to the next timer while a workflow's result is awaited.
 *
 * Time belongs to the whole environment: one test file, one environment, no concurrent tests in it.
 */
export async function createTimeSkippingEnvironment(): Promise<TestWorkflowEnvironment> {
  const path = await findTimeSkippingServer({
    env: process.env,
    onProgress: (line) => process.stderr.write(`${line}\n`),
  });
  const executable = { type: 'existing-path', path } as const;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await TestWorkflowEnvironment.createTimeSkipping({ server: { executable } });
    } catch (error) {
      if (attempt === START_TRIES) {
        throw error;
      }
    }
  }
}

/**
 * Goal: a Temporal test environment whose clock jumps to the next timer while a workflow's result is awaited.
 * Method: the server is started here and waited for: the SDK, which would start it itself, gives it five seconds, and a
 * Java program needs longer than that on a machine that other tests keep busy.
 */
import { Connection } from '@temporalio/client';
import { TestWorkflowEnvironment } from '@temporalio/testing';

import { freePort, LOOPBACK } from '../../local/free-port';
import { findTimeSkippingServer } from '../../local/time-skipping-server';
import { untilItAnswers } from '../../local/until-it-answers';
import { spawnProgram } from './processes';

/** What `createTimeSkipping` itself calls; its type hides that it takes a server that runs already. */
interface Creation {
  create(options: {
    readonly server: { readonly type: 'existing' };
    readonly address: string;
    readonly supportsTimeSkipping: true;
  }): Promise<TestWorkflowEnvironment>;
}

export interface TimeSkippingEnvironment {
  readonly environment: TestWorkflowEnvironment;
  /** Closes the connections and ends the server. */
  stop(): Promise<void>;
}

/** Time belongs to the whole environment: one test file, one environment, no concurrent tests in it. */
export async function startTimeSkippingEnvironment(): Promise<TimeSkippingEnvironment> {
  const program = await findTimeSkippingServer({
    env: process.env,
    onProgress: (line) => process.stderr.write(`${line}\n`),
  });
  const port = String(await freePort());
  const server = spawnProgram(program, [port]);
  const address = `${LOOPBACK}:${port}`;
  try {
    await untilListening(address, server.ended);
    const environment = await (TestWorkflowEnvironment as unknown as Creation).create({
      server: { type: 'existing' },
      address,
      supportsTimeSkipping: true,
    });
    return {
      environment,
      stop: async () => {
        await environment.teardown();
        await server.stop();
      },
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function untilListening(address: string, ended: Promise<unknown>): Promise<void> {
  const isOver = new AbortController();
  const ask = async () => (await Connection.connect({ address })).close();
  try {
    await Promise.race([
      untilItAnswers('the time-skipping test server', ask, isOver.signal),
      ended.then(() => {
        throw new Error('the time-skipping test server has ended');
      }),
    ]);
  } finally {
    isOver.abort();
  }
}

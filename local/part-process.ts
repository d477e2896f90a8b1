import { once } from 'node:events';
import { isAlive, signalIfAlive } from './process-life';

/**
 * The life of a part of the local stack inside its own process: start, say ready, stop.
 *
 * A part ends on SIGTERM, SIGINT, SIGHUP and when its IPC channel closes, which happens whenever the
 * parent is gone, however it died: so nothing the stack started outlives it.
 */
export interface RunningPart {
  /** What the parent is told when the part can be used, such as `{databaseUrl}`. */
  ready: Readonly<Record<string, string>>;
  /** Process id of the server which the part owns. */
  serverPid: number;
  /** Stops the server in order and resolves when it is gone. */
  stop(): Promise<void>;
  /** Resolves with the reason when the server ends without having been asked to. */
  ended: Promise<string>;
}

export type PartStart = (
  signal: AbortSignal,
  onProgress: (line: string) => void,
) => Promise<RunningPart>;

/** After this the server is killed: a server that hangs must not keep a part alive for ever. */
const SERVER_STOP_LIMIT_MS = 12_000;

/** Runs a part until it is told to stop (exit code 0) or fails (exit code 1, reason sent and logged). */
export async function runPart(start: PartStart): Promise<never> {
  const stopping = new AbortController();
  const stopAsked = new Promise<'stop'>((resolve) => {
    const stop = (): void => {
      stopping.abort(new Error('asked to stop'));
      resolve('stop');
    };
    process.on('SIGTERM', stop).on('SIGINT', stop).on('SIGHUP', stop).on('disconnect', stop);
    // A parent that died while this file was loading closed the channel before anybody listened.
    if (process.send !== undefined && !process.connected) {
      stop();
    }
  });
  let part: RunningPart;
  try {
    part = await start(stopping.signal, (progress) => void tellParent({ progress }));
  } catch (error) {
    process.exit(stopping.signal.aborted ? 0 : await reportFailure(error));
  }
  if (!stopping.signal.aborted) {
    await tellParent({ ...part.ready });
  }
  const why = await Promise.race([stopAsked, part.ended]);
  if (why !== 'stop') {
    process.exit(await reportFailure(new Error(why)));
  }
  await stopWithin(part, SERVER_STOP_LIMIT_MS);
  process.exit(0);
}

/** What the parent says of the part that this one needs, once that is ready. */
export async function valuesFromParent(
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  const [values] = (await once(process, 'message', { signal })) as [Record<string, string>];
  return values;
}

async function stopWithin(part: RunningPart, limitMs: number): Promise<void> {
  const limit = setTimeout(() => {
    process.stderr.write(`server ${String(part.serverPid)} did not stop in time: killed\n`);
    signalIfAlive(part.serverPid, 'SIGKILL');
  }, limitMs);
  await part.stop();
  clearTimeout(limit);
  if (isAlive(part.serverPid)) {
    signalIfAlive(part.serverPid, 'SIGKILL');
  }
}

async function reportFailure(error: unknown): Promise<1> {
  const failed = textOf(error);
  process.stderr.write(`${failed}\n`);
  await tellParent({ failed });
  return 1;
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) {
    return String(error);
  }
  return error.cause === undefined ? error.message : `${error.message}: ${textOf(error.cause)}`;
}

/** A parent that is gone or going is no error: the closed channel stops the part anyway. */
function tellParent(message: Record<string, string>): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) {
      resolve();
      return;
    }
    process.send(message, undefined, undefined, () => {
      resolve();
    });
  });
}

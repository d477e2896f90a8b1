import { forkPart, type ChildPart, type ReadyValues } from './child-part';
import { partPlans, type LocalPorts, type PartPlan } from './parts';
import { takeStackFolder, type StackFolder } from './stack-folder';
import type { TemporalKind } from './temporal-data';

export interface LocalStackOptions {
  /** Folder that keeps the data; without one a temporary folder is used and removed by `stop`. */
  dir?: string | undefined;
  stripe: boolean;
  ports?: LocalPorts | undefined;
  /** A dev server with its own small database (the default), or Temporal's server on the stack's Postgres. */
  temporal?: TemporalKind | undefined;
  /** False makes Postgres faster and loses data when the machine (not Postgres) dies: for tests. */
  fsync?: boolean | undefined;
  onProgress?: ((line: string) => void) | undefined;
  /** Stops a start that is under way; the start then rejects when everything is down again. */
  signal?: AbortSignal | undefined;
}

export interface LocalStack {
  databaseUrl: string;
  temporalAddress: string;
  temporalUiUrl: string;
  stripeApiBase?: string;
  /** Process id of each part, by its name. */
  partPids: Readonly<Record<string, number>>;
  /** Resolves with an error that names the part when one ends by itself; never rejects. */
  died: Promise<Error>;
  /** Stops every part and gives the folder back. Bounded: what hangs is killed. Safe to repeat. */
  stop(): Promise<void>;
}

/**
 * Starts real Postgres, a real Temporal server and, if asked for, the Stripe sandbox.
 *
 * @throws an error that names the part and the end of its log when one does not come up; the others
 * are stopped by then.
 */
export async function startLocalStack(options: LocalStackOptions): Promise<LocalStack> {
  const folder = await takeStackFolder(options.dir);
  const parts: ChildPart[] = [];
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= stopAll(parts, folder);
    return stopped;
  };
  try {
    const { path: dir, kept } = folder;
    const { stripe, temporal = 'dev', fsync = true, ports = {} } = options;
    const plans = partPlans({ dir, kept, stripe, temporal, fsync, ports });
    parts.push(...forkAll(plans, folder, options.onProgress ?? (() => undefined)));
    const values = await readyValues(parts, options.signal);
    return {
      ...stackAddresses(values),
      partPids: Object.fromEntries(parts.map((part) => [part.name, part.pid])),
      died: Promise.race(parts.map((part) => part.died)),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function forkAll(
  plans: readonly PartPlan[],
  folder: StackFolder,
  onProgress: (line: string) => void,
): ChildPart[] {
  const parts = plans.map((plan) =>
    forkPart(plan, {
      logFile: folder.logFile(plan.name),
      onProgress: (line) => {
        onProgress(`${plan.name}: ${line}`);
      },
    }),
  );
  folder.recordParts(plans.map(({ entry }, index) => ({ pid: parts[index]?.pid ?? 0, entry })));
  for (const part of parts) {
    part.ready.then(
      (values) => {
        onProgress(`${part.name}: ready`);
        for (const user of usersOf(part, parts)) {
          user.tell(values);
        }
      },
      // Reported by whoever waits for all parts.
      () => undefined,
    );
  }
  return parts;
}

async function readyValues(
  parts: readonly ChildPart[],
  signal: AbortSignal | undefined,
): Promise<ReadyValues> {
  const all = Promise.all(parts.map((part) => part.ready));
  const aborted = new Promise<never>((_resolve, reject) => {
    const abort = (): void => {
      reject(new Error('the start was stopped'));
    };
    if (signal?.aborted === true) {
      abort();
    }
    signal?.addEventListener('abort', abort, { once: true });
  });
  const values: ReadyValues[] = await Promise.race([all, aborted]);
  return values.reduce<ReadyValues>((merged, one) => ({ ...merged, ...one }), {});
}

function stackAddresses(
  values: ReadyValues,
): Pick<LocalStack, 'databaseUrl' | 'temporalAddress' | 'temporalUiUrl' | 'stripeApiBase'> {
  const required = (name: string): string => {
    const value = values[name];
    if (value === undefined) {
      throw new Error(`no part of the local stack said its ${name}`);
    }
    return value;
  };
  const { stripeApiBase } = values;
  return {
    databaseUrl: required('databaseUrl'),
    temporalAddress: required('temporalAddress'),
    temporalUiUrl: required('temporalUiUrl'),
    ...(stripeApiBase === undefined ? {} : { stripeApiBase }),
  };
}

async function stopAll(parts: readonly ChildPart[], folder: StackFolder): Promise<void> {
  const stops = await Promise.allSettled(parts.map((part) => stopAfterUsers(part, parts)));
  folder.release();
  const failed = stops.find((stop) => stop.status === 'rejected');
  if (failed !== undefined) {
    throw failed.reason;
  }
}

/** A server whose database is gone cannot stop in order, so what is needed stops last. */
async function stopAfterUsers(part: ChildPart, parts: readonly ChildPart[]): Promise<void> {
  const users = usersOf(part, parts);
  await Promise.allSettled(users.map((user) => stopAfterUsers(user, parts)));
  await part.stop();
}

function usersOf(part: ChildPart, parts: readonly ChildPart[]): ChildPart[] {
  return parts.filter(({ needs }) => needs === part.name);
}

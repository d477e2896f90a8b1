import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stopLeftover } from './process-life';

const LEFTOVER_GRACE_MS = 10_000;

/** Where a program's number is written down, and what its command line has that no other program's has. */
export interface ProgramRecord {
  pidFile: string;
  commandPart: string;
}

export interface ProgramStart {
  /** As people call it, for messages. */
  name: string;
  file: string;
  args: readonly string[];
  env?: NodeJS.ProcessEnv | undefined;
  record?: ProgramRecord | undefined;
}

/** A program that serves until it is stopped. */
export interface ServerProgram {
  serverPid: number;
  /** SIGTERM, and resolves when it is gone. */
  stop(): Promise<void>;
  /** Resolves with the reason when it is gone, stopped or not. */
  ended: Promise<string>;
}

/** Stops the program of a run that was killed. Two servers on the same data damage each other's tasks. */
export async function stopRecorded({ pidFile, commandPart }: ProgramRecord): Promise<void> {
  let pid: number;
  try {
    pid = Number(readFileSync(pidFile, 'utf8'));
  } catch {
    return;
  }
  await stopLeftover(pid, commandPart, LEFTOVER_GRACE_MS);
  rmSync(pidFile, { force: true });
}

/** Starts a program whose output goes where this process's goes, and waits until it is ready. */
export async function startProgram(
  { name, file, args, env, record }: ProgramStart,
  untilReady: () => Promise<void>,
): Promise<ServerProgram> {
  const child = spawn(file, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...environmentWithoutTemporalSettings(), ...env },
  });
  await once(child, 'spawn');
  const serverPid = child.pid ?? 0;
  if (record !== undefined) {
    writeFileSync(record.pidFile, String(serverPid), { mode: 0o600 });
  }
  const gone = once(child, 'exit').then(([code, by]) => `ended with ${String(code ?? by)}`);
  const ended = gone.then((how) => `${name} ${how}`);
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await gone;
  };
  try {
    await Promise.race([untilReady(), ended.then((how) => Promise.reject(new Error(how)))]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { serverPid, stop, ended };
}

/** Temporal's programs read TEMPORAL_* too: a user's settings for another server must not steer this one. */
function environmentWithoutTemporalSettings(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('TEMPORAL_')),
  );
}

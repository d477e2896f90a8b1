import { readFileSync } from 'node:fs';

const POLL_MS = 250;

/**
 * Calls back once when the `npx` that started this process is gone.
 *
 * npx runs a command through a shell and passes SIGTERM on to that shell only, which dies and leaves
 * the command running: "stop npx" would leave a whole local stack behind without this. A command
 * that was not started by npx may well outlive its parent, and is not watched.
 */
export function watchNpx(env: NodeJS.ProcessEnv, onGone: () => void): void {
  if (env['npm_command'] !== 'exec') {
    return;
  }
  const atStart = shellAndNpx();
  const timer = setInterval(() => {
    if (shellAndNpx() !== atStart) {
      clearInterval(timer);
      onGone();
    }
  }, POLL_MS);
  timer.unref();
}

/** The shell dies on SIGTERM to npx; on SIGKILL of npx it stays and gets another parent. */
function shellAndNpx(): string {
  return `${process.ppid.toString()} ${parentOf(process.ppid)}`;
}

/** Where the system does not tell, only the shell is watched. */
function parentOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid.toString()}/stat`, 'utf8');
    // The command's name stands in parentheses and may hold spaces; state and parent follow it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? '';
  } catch {
    return '';
  }
}

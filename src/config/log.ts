import { pino, type Logger } from 'pino';

export type { Logger };

/**
 * The log of a process: JSON lines on stderr, so that stdout carries results alone; readable lines in a terminal.
 * Only ids, amounts and codes are logged (M12).
 */
export function createLog(): Logger {
  const destination = { destination: 2 };
  return pino({
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    transport: process.stderr.isTTY
      ? { target: 'pino-pretty', options: { ...destination, ignore: 'pid,hostname' } }
      : { target: 'pino/file', options: destination },
  });
}

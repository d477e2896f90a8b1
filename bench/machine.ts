import { availableParallelism, loadavg } from 'node:os';

/** What a figure was measured on; without it the figure says nothing. */
export interface Machine {
  readonly cores: number;
  /** Load average of the last minute. */
  readonly load: number;
  readonly node: string;
}

export function describeMachine(): Machine {
  const [load = 0] = loadavg();
  return { cores: availableParallelism(), load, node: process.version };
}

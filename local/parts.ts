import { join } from 'node:path';
import { compiledEntry } from './compiled-entry';

/** Ports to listen on; a missing one is chosen freely. */
export interface LocalPorts {
  postgres?: number | undefined;
  temporal?: number | undefined;
  temporalUi?: number | undefined;
  stripe?: number | undefined;
}

/** A part of the stack: a program which runs in a process of its own and says over IPC when it is ready. */
export interface PartPlan {
  name: string;
  entry: string;
  args: readonly string[];
}

export interface PartsWanted {
  dir: string;
  /** False when the folder is thrown away at the end: then nothing needs to survive on disk. */
  kept: boolean;
  stripe: boolean;
  fsync: boolean;
  ports: LocalPorts;
}

/** The parts of a stack with their arguments. */
export function partPlans(wanted: PartsWanted): readonly PartPlan[] {
  const { dir, kept, stripe, fsync, ports } = wanted;
  const postgres: PartPlan = {
    name: 'postgres',
    entry: compiledEntry('postgres-server.mjs'),
    args: [
      ...['--data-dir', join(dir, 'postgres')],
      ...option('--port', ports.postgres),
      ...(fsync ? [] : ['--no-fsync']),
    ],
  };
  const temporal: PartPlan = {
    name: 'temporal',
    entry: compiledEntry('temporal-server.js'),
    args: [
      ...(kept ? ['--data-dir', join(dir, 'temporal')] : []),
      ...option('--port', ports.temporal),
      ...option('--ui-port', ports.temporalUi),
    ],
  };
  return stripe ? [postgres, temporal, stripePlan(wanted)] : [postgres, temporal];
}

function stripePlan({ dir, kept, ports }: PartsWanted): PartPlan {
  return {
    name: 'stripe',
    entry: compiledEntry('stripe-sandbox/main.js'),
    args: [...(kept ? ['--data-dir', join(dir, 'stripe')] : []), ...option('--port', ports.stripe)],
  };
}

function option(name: string, value: number | undefined): string[] {
  return value === undefined ? [] : [name, String(value)];
}

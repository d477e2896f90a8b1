import { join } from 'node:path';
import { compiledEntry } from './compiled-entry';
import type { TemporalKind } from './temporal-data';

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
  /** Name of the part that must be ready before; what it says is handed on to this one. */
  needs?: string | undefined;
}

export interface PartsWanted {
  dir: string;
  /** False when the folder is thrown away at the end: then nothing needs to survive on disk. */
  kept: boolean;
  stripe: boolean;
  fsync: boolean;
  temporal: TemporalKind;
  ports: LocalPorts;
}

/** The parts of a stack with their arguments. */
export function partPlans(wanted: PartsWanted): readonly PartPlan[] {
  const { dir, stripe, fsync, ports } = wanted;
  const postgres: PartPlan = {
    name: 'postgres',
    entry: compiledEntry('postgres-server.mjs'),
    args: [
      ...['--data-dir', join(dir, 'postgres')],
      ...option('--port', ports.postgres),
      ...(fsync ? [] : ['--no-fsync']),
    ],
  };
  const temporal = wanted.temporal === 'dev' ? [devServerPlan(wanted)] : serverPlans(wanted);
  return [postgres, ...temporal, ...(stripe ? [stripePlan(wanted)] : [])];
}

function devServerPlan({ dir, kept, ports }: PartsWanted): PartPlan {
  return {
    name: 'temporal',
    entry: compiledEntry('temporal-server.js'),
    args: [
      ...(kept ? ['--data-dir', join(dir, 'temporal')] : []),
      ...option('--port', ports.temporal),
      ...option('--ui-port', ports.temporalUi),
    ],
  };
}

function serverPlans({ dir, ports }: PartsWanted): PartPlan[] {
  return [
    {
      name: 'temporal',
      entry: compiledEntry('temporal-on-postgres/main.js'),
      args: ['--data-dir', join(dir, 'temporal'), ...option('--port', ports.temporal)],
      needs: 'postgres',
    },
    {
      name: 'temporal-ui',
      entry: compiledEntry('temporal-web-ui/main.js'),
      args: ['--data-dir', join(dir, 'temporal-ui'), ...option('--port', ports.temporalUi)],
      needs: 'temporal',
    },
  ];
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

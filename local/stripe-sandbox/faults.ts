import { createHash } from 'node:crypto';

import type { Fault, FaultRule, RandomFaults } from './fault-rules';
import type { RawParams } from './form-body';
import type { StateStore } from './state-store';

const RANDOM = 'random';

export interface FaultSubject {
  readonly method: string;
  readonly path: string;
  readonly params: RawParams;
  readonly idempotencyKey: string | null;
  /** False for a replay or a conflict: there is no execution that a fault could change. */
  readonly beginsExecution: boolean;
}

/** The scripted rule that is first in order wins; random faults come after all scripted ones. */
export function takeFault(store: StateStore, subject: FaultSubject): Fault | null {
  return store.transaction(() => takeScripted(store, subject) ?? takeRandom(store, subject));
}

export function replaceRandomFaults(store: StateStore, faults: RandomFaults | null): void {
  if (faults === null) {
    store.delete('randomFaults', RANDOM);
  } else {
    store.put('randomFaults', RANDOM, faults);
  }
}

function takeScripted(store: StateStore, subject: FaultSubject): Fault | null {
  let taken: Fault | null = null;
  for (const rule of store.values('faults')) {
    if (!matches(rule.match, subject)) {
      continue;
    }
    const seen = rule.seen + 1;
    const due = seen >= (rule.match.ordinal ?? 1) && canAct(rule.fault, subject);
    if (taken === null && due) {
      taken = rule.fault;
      spend(store, { ...rule, seen });
    } else {
      store.put('faults', rule.id, { ...rule, seen });
    }
  }
  return taken;
}

function spend(store: StateStore, rule: FaultRule): void {
  if (rule.times > 1) {
    store.put('faults', rule.id, { ...rule, times: rule.times - 1 });
  } else {
    store.delete('faults', rule.id);
  }
}

/**
 * The n-th matching request always draws the same number for a seed, also across a restart. A hash
 * of seed and n has no state but n.
 */
function takeRandom(store: StateStore, subject: FaultSubject): Fault | null {
  const random = store.get('randomFaults', RANDOM);
  if (random === undefined || !matches(random.match, subject)) {
    return null;
  }
  store.put('randomFaults', RANDOM, { ...random, drawn: random.drawn + 1 });
  const draw = createHash('sha256').update(`${random.seed}:${random.drawn}`).digest();
  if (draw.readUInt32BE(0) / 2 ** 32 >= random.rate) {
    return null;
  }
  const usable = random.faults.filter((fault) => canAct(fault, subject));
  return usable[draw.readUInt32BE(4) % Math.max(usable.length, 1)] ?? null;
}

/** A fault that changes an execution waits for a request that begins one. */
function canAct(fault: Fault, subject: FaultSubject): boolean {
  const changesExecution =
    fault.kind === 'commit_later' ||
    fault.kind === 'altered' ||
    (fault.kind === 'status' && fault.saved);
  return !changesExecution || subject.beginsExecution;
}

function matches(match: FaultRule['match'], subject: FaultSubject): boolean {
  const { params } = subject;
  const metadata = params['metadata'];
  const pairs = Object.entries(match.metadata ?? {});
  return (
    agrees(match.method, subject.method) &&
    (match.path === undefined || pathMatches(match.path, subject.path)) &&
    agrees(match.destination, params['destination']) &&
    agrees(match.transferGroup, params['transfer_group']) &&
    agrees(match.idempotencyKey, subject.idempotencyKey) &&
    pairs.every(([key, value]) => typeof metadata === 'object' && metadata[key] === value)
  );
}

function agrees(wanted: string | undefined, actual: unknown): boolean {
  return wanted === undefined || wanted === actual;
}

function pathMatches(wanted: string, path: string): boolean {
  return wanted.endsWith('*') ? path.startsWith(wanted.slice(0, -1)) : path === wanted;
}

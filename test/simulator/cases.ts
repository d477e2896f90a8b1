/** Cases by the number: run one, run many, and tell a broken one as short as it gets. */
import { mixSeeds } from './draws';
import { BrokenInvariant, type Invariant } from './invariants';
import { World, type CaseOptions } from './world';

export interface BrokenCase {
  readonly seed: number;
  readonly caseNumber: number;
  readonly invariant: Invariant;
  readonly detail: string;
}

export function runCase(
  seed: number,
  caseNumber: number,
  options: CaseOptions = {},
): BrokenCase | undefined {
  const world = new World(mixSeeds(seed, caseNumber), options);
  try {
    world.run();
    return undefined;
  } catch (error) {
    if (!(error instanceof BrokenInvariant)) {
      throw error;
    }
    return { seed, caseNumber, invariant: error.invariant, detail: error.detail };
  }
}

/** Runs cases until one breaks. */
export function runCases(
  seed: number,
  cases: { readonly from: number; readonly to: number },
  options: CaseOptions = {},
): BrokenCase | undefined {
  for (let caseNumber = cases.from; caseNumber < cases.to; caseNumber += 1) {
    const broken = runCase(seed, caseNumber, options);
    if (broken !== undefined) {
      return broken;
    }
  }
  return undefined;
}

/** The log of a broken case, without the events that the break does not need. */
export function tellBrokenCase(broken: BrokenCase, options: CaseOptions = {}): string {
  const { caseNumber, detail, invariant, seed } = broken;
  const skipped = skippable(broken, options);
  const world = new World(mixSeeds(seed, caseNumber), { ...options, skipped, isTold: true });
  try {
    world.run();
  } catch (error) {
    if (!(error instanceof BrokenInvariant)) {
      throw error;
    }
  }
  return [
    `broken: ${invariant}`,
    `  ${detail}`,
    `seed ${seed.toString()}, case ${caseNumber.toString()}; again with`,
    `  SIMULATOR_SEED=${seed.toString()} SIMULATOR_FROM=${caseNumber.toString()} SIMULATOR_CASES=1 npm run simulate`,
    `its events, without ${skipped.size.toString()} that it does not need:`,
    ...world.log,
  ].join('\n');
}

/** Leaves out one event after the other, as long as the same invariant still breaks. */
function skippable(
  { caseNumber, invariant, seed }: BrokenCase,
  options: CaseOptions,
): ReadonlySet<number> {
  const eventCount = new World(mixSeeds(seed, caseNumber), options).eventCount;
  let skipped = new Set<number>();
  let isShorter = true;
  while (isShorter) {
    isShorter = false;
    for (let event = eventCount - 1; event >= 0; event -= 1) {
      const candidate = new Set(skipped).add(event);
      const isNew = candidate.size > skipped.size;
      const broken = isNew && runCase(seed, caseNumber, { ...options, skipped: candidate });
      if (broken !== false && broken?.invariant === invariant) {
        skipped = candidate;
        isShorter = true;
      }
    }
  }
  return skipped;
}

import type { SweepPage } from '../../src/domain/contracts';
import { SWEEP_ID, SWEEP_NOW_ID } from '../../src/domain/ids';
import { SWEEP, type ActivityScript, type FakeActivities } from '../support/fake-activities';

/** A page on which nothing has to be done. */
export const NOTHING_TO_DO: SweepPage = {
  startJobs: [],
  startTransfers: [],
  paidRuns: [],
  wake: [],
  failed: [],
  nextAfterJobId: null,
};

type End = Parameters<NonNullable<ActivityScript['endSweep']>>[0];

/**
 * Writes what the activities answer to sweeps that find nothing, where a test does not say otherwise.
 * @returns the ends that are recorded from then on
 */
export function scriptSweeps(activities: FakeActivities, script: ActivityScript = {}): End[] {
  const ends: End[] = [];
  const registry: ActivityScript = {
    beginSweep: () => Promise.resolve({ afterJobId: null }),
    endSweep: (end) => {
      ends.push(end);
      return Promise.resolve();
    },
    ...script,
  };
  activities.script(SWEEP_NOW_ID, registry);
  activities.script(SWEEP_ID, registry);
  activities.script(SWEEP, {
    ...registry,
    takeSettlements: () => Promise.resolve({ accepted: [], rejected: [], failed: [] }),
    processStripeEvents: () => Promise.resolve({ processed: 0, ignored: 0, failed: 0 }),
    findJoblessSettlements: () => Promise.resolve([]),
    planSweep: () => Promise.resolve(NOTHING_TO_DO),
    wakeTransfers: ({ transferIds }) => Promise.resolve({ woken: [...transferIds], failed: [] }),
    ...script,
  });
  return ends;
}

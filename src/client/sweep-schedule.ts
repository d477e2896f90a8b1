import {
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
  type Client,
  type ScheduleDescription,
  type ScheduleOptions,
} from '@temporalio/client';

import { TASK_QUEUES, WORKFLOW_TYPES, type PayoutSweepInput } from '../domain/contracts';
import { MINUTE_MS } from '../domain/durations';
import { SWEEP_ID } from '../domain/ids';
import { SWEEP_CATCH_UP_MS, SWEEP_EVERY_MS, SWEEP_RUN_TIMEOUT_MS } from '../domain/limits';
import { SWEEP_DETAILS } from '../domain/run-starts';

export interface ScheduleReport {
  readonly scheduleId: string;
  readonly every: string;
  readonly change: 'created' | 'updated' | 'unchanged';
  /** An operator has paused it, and it stays so. */
  readonly paused: boolean;
}

const INPUT: PayoutSweepInput = { registeredAs: SWEEP_ID };

const SCHEDULE = {
  scheduleId: SWEEP_ID,
  spec: { intervals: [{ every: SWEEP_EVERY_MS }] },
  policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: SWEEP_CATCH_UP_MS },
  action: {
    type: 'startWorkflow',
    workflowType: WORKFLOW_TYPES.payoutSweep,
    // The server appends the time that the run was due.
    workflowId: SWEEP_ID,
    taskQueue: TASK_QUEUES.payouts,
    args: [INPUT],
    workflowRunTimeout: SWEEP_RUN_TIMEOUT_MS,
    staticSummary: 'start and wake what is open and does not run',
    staticDetails: SWEEP_DETAILS,
  },
} satisfies ScheduleOptions;

/**
 * Makes the schedule of the sweep, or brings one of another version of ours up to date; whether an operator has paused
 * it stays as it is. Safe to repeat and to race.
 */
export async function ensureSweepSchedule(client: Client): Promise<ScheduleReport> {
  const found = await findSchedule(client);
  if (found === undefined) {
    // Where another `setup` was faster, its schedule is looked at.
    return (await isCreated(client)) ? report('created') : ensureSweepSchedule(client);
  }
  if (isAsWanted(found)) {
    return report('unchanged', found);
  }
  await client.schedule.getHandle(SWEEP_ID).update(({ state }) => ({ ...SCHEDULE, state }));
  return report('updated', found);
}

function report(change: ScheduleReport['change'], found?: ScheduleDescription): ScheduleReport {
  return {
    scheduleId: SWEEP_ID,
    every: `${(SWEEP_EVERY_MS / MINUTE_MS).toString()} minutes`,
    change,
    paused: found?.state.paused ?? false,
  };
}

async function findSchedule(client: Client): Promise<ScheduleDescription | undefined> {
  try {
    return await client.schedule.getHandle(SWEEP_ID).describe();
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) {
      return undefined;
    }
    throw error;
  }
}

async function isCreated(client: Client): Promise<boolean> {
  try {
    await client.schedule.create(SCHEDULE);
    return true;
  } catch (error) {
    if (error instanceof ScheduleAlreadyRunning) {
      return false;
    }
    throw error;
  }
}

/** Compares everything that `SCHEDULE` says with what the server says back. */
function isAsWanted({ action, policies, spec }: ScheduleDescription): boolean {
  const wanted = SCHEDULE.action;
  const { calendars = [], intervals = [] } = spec;
  // The server leaves out an offset of zero.
  const [interval]: { readonly every: number; readonly offset?: number }[] = intervals;
  return (
    calendars.length === 0 &&
    intervals.length === 1 &&
    interval?.every === SWEEP_EVERY_MS &&
    (interval.offset ?? 0) === 0 &&
    policies.overlap === SCHEDULE.policies.overlap &&
    policies.catchupWindow === SCHEDULE.policies.catchupWindow &&
    !policies.pauseOnFailure &&
    action.workflowType === wanted.workflowType &&
    action.workflowId === wanted.workflowId &&
    action.taskQueue === wanted.taskQueue &&
    action.workflowRunTimeout === wanted.workflowRunTimeout &&
    action.staticSummary === wanted.staticSummary &&
    action.staticDetails === wanted.staticDetails &&
    JSON.stringify(action.args) === JSON.stringify(wanted.args)
  );
}

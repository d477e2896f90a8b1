import type { ComponentChildren } from 'preact';
import { z } from 'zod';

import { pauseSending, resumeSending, sendsBehindPause } from '../../../activities/pause-sending';
import { tellJobs, wakeAfterPause } from '../../../activities/wake-after-pause';
import { findPausesTouching, type PauseScope } from '../../../db/operator-pauses';
import type { PayoutControl } from '../../../db/payout-controls';
import { countOf, Foreign } from '../pages/parts';
import { PausesTable } from '../pages/pauses-table';
import { invalidForm } from '../read-form';
import { done, MOVED_SINCE, refused, type ConsoleOrder } from './console-order';
import { tellInTime } from './tell-in-time';

/** What is paused: one settlement, or everything (null). */
export interface PauseTarget {
  readonly scope: PauseScope;
  /** The pauses in force of exactly this scope. */
  readonly pauses: readonly PayoutControl[];
}

/** Telling one settlement or all of them. */
const transfersOf = (scope: PauseScope) => (scope === null ? 2 : 1);

function scopeFact({ scope }: PauseTarget): readonly [string, ComponentChildren] {
  return ['what', scope === null ? 'everything' : <Foreign text={scope} />];
}

export const pauseOrder: ConsoleOrder<PauseTarget> = {
  name: 'pause',
  title: 'Pause',
  about:
    'Nothing more is sent to Stripe until somebody resumes it. It is in force at once, also while Temporal is away; ' +
    'what is on its way to Stripe already is not taken back.',
  isOffered: ({ pauses }) => !pauses.some(({ owner }) => owner === 'operator'),
  preview: (_context, target) => Promise.resolve({ facts: [scopeFact(target)], seen: 'nothing' }),
  carryOut: async (context, { scope }, given) => {
    const { database } = context;
    const isSet = await pauseSending(database, scope, given.operator);
    if (!isSet) {
      return refused('paused_already', 'an operator’s pause is in force already');
    }
    const underWay = await sendsBehindPause(database, scope);
    const later = await tellInTime(context, given, transfersOf(scope), (client) =>
      tellJobs({ client, database }, scope, 'pause'),
    );
    const onTheWay =
      underWay.length === 0
        ? 'Nothing is on its way to Stripe.'
        : `${countOf(underWay.length, 'request')} to Stripe had no answer yet.`;
    return done(`Paused. ${onTheWay}${later === '' ? '' : NOT_NEEDED}`);
  },
};

const NOT_NEEDED =
  ' Temporal could not be told, which changes nothing: the database asks before every send.';

export const resumeOrder: ConsoleOrder<PauseTarget> = {
  name: 'resume',
  title: 'Resume',
  about:
    'Lifts the pauses that are listed here, whoever set them; one that is set meanwhile stays in force. Whoever waited ' +
    'for nothing else is sent.',
  isOffered: ({ pauses }) => pauses.length > 0,
  preview: async ({ database }, target) => {
    const pauses = await pausesOf(database, target.scope);
    return {
      facts: [scopeFact(target), ['is lifted', <PausesTable pauses={pauses} />]],
      seen: JSON.stringify(pauses.map(({ id }) => id)),
    };
  },
  carryOut: async (context, { scope }, given) => {
    const { database } = context;
    const { inForce, lifted } = await resumeSending(
      database,
      scope,
      given.operator,
      seenIds(given.seen),
    );
    if (lifted.length === 0) {
      return MOVED_SINCE;
    }
    const later = await tellInTime(context, given, transfersOf(scope), (client) =>
      wakeAfterPause({ client, database }, scope),
    );
    const rest = inForce.length === 0 ? '' : ` ${countOf(inForce.length, 'pause')} still in force.`;
    return done(`Resumed: ${countOf(lifted.length, 'pause')} lifted.${rest}${later}`);
  },
};

/** Those that stop exactly this scope; of everything not those of single settlements. */
export async function pausesOf(
  database: Parameters<typeof findPausesTouching>[0],
  scope: PauseScope,
): Promise<PayoutControl[]> {
  const touching = await findPausesTouching(database, scope);
  return touching.filter(({ settlementId }) => settlementId === scope);
}

function seenIds(seen: string): number[] {
  const result = z.array(z.coerce.number().int()).safeParse(seen.match(/\d+/g) ?? []);
  if (!result.success) {
    throw invalidForm();
  }
  return result.data;
}

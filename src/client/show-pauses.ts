import type { PauseScope } from '../db/operator-pauses';
import type { PayoutControl } from '../db/payout-controls';
import type { ReportedSend } from './await-sends';

export interface ShownPause {
  /** A settlement's id, or `everything`. */
  readonly scope: string;
  readonly cause: string;
  readonly owner: 'operator' | 'automation';
  readonly actor: string | null;
  readonly reason: string | null;
  /** ISO 8601, in UTC. */
  readonly setAt: string;
}

export interface ListedPause extends ShownPause {
  /** Whether automation looks for the end of its cause, or waits for `payouts resume`; null when it was lifted. */
  readonly endedBy: 'automation' | 'person' | null;
  /** Times are ISO 8601, in UTC. */
  readonly nextLookAt: string | null;
  readonly liftedAt: string | null;
  readonly liftedBy: string | null;
  readonly liftReason: string | null;
}

export interface PausesReport {
  readonly pauses: readonly ListedPause[];
}

export interface PauseReport {
  /** A settlement's id, or `everything`. */
  readonly scope: string;
  /** Whether the whole scope is stopped: by a pause of its own or by one of everything, not by one of a part of it. */
  readonly paused: boolean;
  readonly changed: boolean;
  /** What was on its way to Stripe, or had died on it, and how each ended. */
  readonly inFlight: readonly ReportedSend[];
  readonly lifted: readonly ShownPause[];
  /** Every pause that still touches the scope; of everything also those of single settlements. */
  readonly inForce: readonly ShownPause[];
}

function scopeName(scope: PauseScope): string {
  return scope ?? 'everything';
}

export function pauseReport(facts: {
  readonly scope: PauseScope;
  readonly changed: boolean;
  readonly lifted: readonly PayoutControl[];
  readonly inForce: readonly PayoutControl[];
  readonly inFlight: readonly ReportedSend[];
}): PauseReport {
  return {
    scope: scopeName(facts.scope),
    paused: facts.inForce.some(({ settlementId }) => stops(settlementId, facts.scope)),
    changed: facts.changed,
    inFlight: facts.inFlight,
    lifted: facts.lifted.map(shownPause),
    inForce: facts.inForce.map(shownPause),
  };
}

function stops(paused: PauseScope, scope: PauseScope): boolean {
  return paused === null || paused === scope;
}

export function shownPause(pause: PayoutControl): ShownPause {
  const { actor, cause, owner, reason, setAt, settlementId } = pause;
  return {
    scope: scopeName(settlementId),
    cause,
    owner,
    actor,
    reason,
    setAt: setAt.toISOString(),
  };
}

/** For a person: what was done, what was lifted and what still stops, and what is on its way. */
export function pauseText(report: PauseReport, done: string): string {
  const { inFlight, inForce, lifted, scope } = report;
  return [
    `${scope === 'everything' ? scope : `settlement ${scope}`} ${done}`,
    ...lifted.map((pause) => `  lifted: ${pauseLine(pause)}`),
    ...inForce.map((pause) => `  in force: ${pauseLine(pause)}`),
    inFlight.length === 0
      ? 'nothing is on its way to Stripe'
      : `${inFlight.length.toString()} on the way to Stripe:`,
    ...inFlight.map(sendLine),
  ].join('\n');
}

function sendLine({
  attemptNumber,
  end,
  id,
  reason,
  sentAt,
  stripeTransferId,
}: ReportedSend): string {
  const told = [END_TEXTS[end], stripeTransferId ?? reason].filter((text) => text !== null);
  return `  ${id}, attempt ${attemptNumber.toString()}, sent ${sentAt.toISOString()}: ${told.join(', ')}`;
}

const END_TEXTS: Readonly<Record<ReportedSend['end'], string>> = {
  paid: 'paid',
  refused: 'refused, nothing was paid',
  unknown: 'whether it was paid is not known yet',
  not_answered_yet: 'not answered yet',
};

/** One pause as a person reads it. */
export function pauseLine({ actor, cause, reason, scope, setAt }: ShownPause): string {
  const why = actor === null ? cause : `${cause}, ${actor}: ${reason ?? ''}`;
  return `${scope}, ${why}, since ${setAt}`;
}

/** For a person: a pause a line, and under it what ends it or who has lifted it. */
export function pausesText({ pauses }: PausesReport): string {
  return pauses.length === 0
    ? 'no pause'
    : pauses.map((pause) => `${pauseLine(pause)}\n  ${endOf(pause)}`).join('\n');
}

function endOf({
  endedBy,
  liftReason,
  liftedAt,
  liftedBy,
  nextLookAt,
  scope,
}: ListedPause): string {
  switch (endedBy) {
    case null:
      return `lifted ${liftedAt ?? ''} by ${[liftedBy ?? 'nobody known', liftReason ?? []].flat().join(': ')}`;
    case 'automation':
      return `lifted by itself when its cause is gone; the next look is due ${nextLookAt ?? ''}`;
    case 'person':
      return `lifted by: payouts resume${scope === 'everything' ? '' : ` ${scope}`} --reason …`;
  }
}

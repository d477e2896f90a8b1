import { Counter, Gauge, type Registry } from 'prom-client';

import type { OperatingFigures } from '../db/operating-figures';
import { APPROVAL_REFUSAL_TEXTS, CONFIRMATION_REFUSAL_TEXTS } from '../domain/approval';
import { JOB_STATUSES } from '../domain/job-state';
import { CANCELLATION_REFUSAL_TEXTS } from '../domain/manual-cancellation';
import { RESOLVE_REFUSAL_TEXTS } from '../domain/manual-resolution';
import { RETRY_REFUSAL_TEXTS } from '../domain/manual-retry';
import { REVERSAL_REFUSAL_TEXTS } from '../domain/manual-reversal';
import { REASON_REFUSED } from '../domain/operator-reason';
import { SETTLEMENT_STATUSES } from '../domain/settlement';
import { OPEN_STATUSES } from '../domain/transfer-state';

/** Why orders are refused; one that is not here is shown once it was given. */
const ORDER_REFUSALS = [
  REASON_REFUSED,
  ...[
    CANCELLATION_REFUSAL_TEXTS,
    RETRY_REFUSAL_TEXTS,
    RESOLVE_REFUSAL_TEXTS,
    APPROVAL_REFUSAL_TEXTS,
    CONFIRMATION_REFUSAL_TEXTS,
    REVERSAL_REFUSAL_TEXTS,
  ].flatMap((texts) => Object.keys(texts)),
];

const OPEN_JOB_STATUSES = JOB_STATUSES.filter((status) => status !== 'complete');

/** A figure of Postgres's: shown anew at each scrape, and gone where Postgres could not be read. */
type Show = (figures: OperatingFigures | undefined) => void;

interface Labelled {
  readonly name: string;
  readonly help: string;
  readonly label: string;
  /** They show 0 too, so that an alarm on them has something to read. */
  readonly known?: readonly string[];
  readonly valuesOf: (figures: OperatingFigures) => readonly (readonly [string, number])[];
}

const counts = <Key extends string>(
  rows: readonly (Readonly<Record<Key, string>> & { readonly count: number })[],
  label: Key,
) => rows.map((row) => [row[label], row.count] as const);

const LABELLED_GAUGES: readonly Labelled[] = [
  {
    name: 'payouts_settlements',
    help: 'Settlements by status.',
    label: 'status',
    known: SETTLEMENT_STATUSES,
    valuesOf: ({ settlements }) => counts(settlements, 'status'),
  },
  {
    name: 'payouts_open_jobs',
    help: 'Jobs that are not complete.',
    label: 'status',
    known: OPEN_JOB_STATUSES,
    valuesOf: ({ openJobs }) => counts(openJobs, 'status'),
  },
  {
    name: 'payouts_open_transfers',
    help: 'Transfers that are not at their end.',
    label: 'status',
    known: OPEN_STATUSES,
    valuesOf: ({ openTransfers }) => counts(openTransfers, 'status'),
  },
  {
    name: 'payouts_pauses_in_force',
    help: 'Pauses that stop sending.',
    label: 'scope',
    known: ['everything', 'settlement'],
    valuesOf: ({ pausesInForce }) => counts(pausesInForce, 'scope'),
  },
  {
    name: 'payouts_stripe_events',
    help: 'Webhooks received, by result.',
    label: 'result',
    valuesOf: ({ stripeEvents }) => counts(stripeEvents, 'result'),
  },
  {
    name: 'payouts_recurring_work_age_seconds',
    help: 'Since recurring work, such as the sweep, last succeeded.',
    label: 'name',
    valuesOf: ({ recurringWork }) => recurringWork.map(({ name, seconds }) => [name, seconds]),
  },
];

const REFUSED_ORDERS: Labelled = {
  name: 'payouts_refused_orders_total',
  help: 'Orders of operators that were refused, by code.',
  label: 'code',
  known: ORDER_REFUSALS,
  valuesOf: ({ refusedOrders }) => counts(refusedOrders, 'code'),
};

/** Registers what Postgres says of the installation. @returns shows what was read of it, or that it could not be read */
export function createOperatingMetrics(registers: Registry[]): Show {
  const shows = [
    showUp(registers),
    ...LABELLED_GAUGES.map((each) => showGauge(registers, each)),
    showRefusedOrders(registers),
    showFailed(registers),
    showOldestUnknown(registers),
    showRefusedChanges(registers),
  ];
  return (figures) => shows.forEach((show) => show(figures));
}

function showUp(registers: Registry[]): Show {
  const help = 'Whether the figures below could be read.';
  const up = new Gauge({ name: 'payouts_database_up', help, registers });
  return (figures) => up.set(figures === undefined ? 0 : 1);
}

function showGauge(registers: Registry[], each: Labelled): Show {
  const { help, label, name } = each;
  const gauge = new Gauge({ name, help, labelNames: [label], registers });
  return (figures) => {
    gauge.reset();
    valuesOf(each, figures).forEach(([value, count]) => gauge.set({ [label]: value }, count));
  };
}

function showRefusedOrders(registers: Registry[]): Show {
  const { help, label, name } = REFUSED_ORDERS;
  const counter = new Counter({ name, help, labelNames: [label], registers });
  return (figures) => {
    counter.reset();
    valuesOf(REFUSED_ORDERS, figures).forEach(([code, count]) => counter.inc({ code }, count));
  };
}

function valuesOf({ known = [], valuesOf: read }: Labelled, figures: OperatingFigures | undefined) {
  return figures === undefined
    ? []
    : [...new Map([...known.map((value) => [value, 0] as const), ...read(figures)])];
}

// Those without labels are taken out of the scrape where they are not known.

function showFailed(registers: Registry[]): Show {
  const help = 'Transfers that were given up and wait for a person.';
  const failed = new Gauge({ name: 'payouts_failed_transfers', help, registers });
  return (figures) =>
    figures === undefined ? failed.remove() : failed.set(figures.failedTransfers);
}

function showOldestUnknown(registers: Registry[]): Show {
  const help = 'Age of the oldest transfer whose outcome is unknown; 0 where there is none.';
  const unknown = new Gauge({ name: 'payouts_oldest_unknown_age_seconds', help, registers });
  return (figures) =>
    figures === undefined ? unknown.remove() : unknown.set(figures.oldestUnknownSeconds ?? 0);
}

function showRefusedChanges(registers: Registry[]): Show {
  const help =
    'Changes of rows that a guard of Postgres refused; after a crash of Postgres up to 32 too many.';
  const changes = new Counter({ name: 'payouts_refused_changes_total', help, registers });
  return (figures) => {
    // Postgres counts; a counter of prom-client can only be raised, so it begins anew at each scrape.
    changes.remove();
    if (figures !== undefined) {
      changes.inc(figures.refusedChanges);
    }
  };
}

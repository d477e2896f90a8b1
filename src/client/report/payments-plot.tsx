import type { JSX } from 'preact';

import type { PaymentsAtTime } from '../../db/settlement-report';
import { formatAmount } from '../../domain/money';
import { time } from './report-words';

/** More points than this are no longer seen apart. */
export const SPANS_MAX = 400;

const WIDTH = 760;
const HEIGHT = 320;
const LEFT = 56;
const RIGHT = 744;
const TOP = 16;
const BOTTOM = 264;
const SHARES = [0, 25, 50, 75, 100];
const TICKS = 5;
/** Of a moment without length no time can be drawn. */
const SPAN_MIN_MS = 60_000;
/** Up to so many points each is marked. */
const MARKED_POINTS_MAX = 60;
/** Rows of the plot as a table. */
const TABLE_ROWS_MAX = 12;

/** What a plot shows. Times are milliseconds since 1970, amounts minor units of the currency. */
export interface PlotFacts {
  readonly payments: readonly PaymentsAtTime[];
  readonly totalMinor: number;
  readonly currency: string;
  readonly beginMs: number;
  readonly endMs: number;
}

/** What had been paid in all at a moment. */
export interface PaidSoFar {
  readonly atMs: number;
  readonly count: number;
  readonly paidMinor: number;
}

/** Each moment with everything before it. */
function paidSoFar(payments: readonly PaymentsAtTime[]): PaidSoFar[] {
  let count = 0;
  let paidMinor = 0;
  return payments.map((payment) => {
    count += payment.count;
    paidMinor += payment.amountMinor;
    return { atMs: payment.atMs, count, paidMinor };
  });
}

interface Scale {
  readonly x: (atMs: number) => number;
  readonly y: (share: number) => number;
  readonly beginMs: number;
  readonly endMs: number;
}

function scaleOf(facts: PlotFacts, points: readonly PaidSoFar[]): Scale {
  const beginMs = Math.min(facts.beginMs, points[0]?.atMs ?? facts.beginMs);
  const endMs = Math.max(facts.endMs, points.at(-1)?.atMs ?? 0, beginMs + SPAN_MIN_MS);
  return {
    beginMs,
    endMs,
    x: (atMs) => round(LEFT + ((RIGHT - LEFT) * (atMs - beginMs)) / (endMs - beginMs)),
    y: (share) => round(BOTTOM - (BOTTOM - TOP) * share),
  };
}

function round(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}

/** Payments over time: what was paid in all against what is to be paid, in UTC. */
export function PaymentsPlot(facts: PlotFacts): JSX.Element {
  const points = paidSoFar(facts.payments);
  const scale = scaleOf(facts, points);
  const share = (paidMinor: number) => paidMinor / facts.totalMinor;
  const xy = points.map(({ atMs, paidMinor }) => ({
    x: scale.x(atMs),
    y: scale.y(share(paidMinor)),
  }));
  const line = [
    `M${scale.x(scale.beginMs)} ${scale.y(0)}`,
    ...xy.map(({ x, y }) => `H${x}V${y}`),
    `H${scale.x(scale.endMs)}`,
  ].join('');
  const summary = summaryOf(points, facts);
  return (
    <figure>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-labelledby="plot-title plot-text">
        <title id="plot-title">Payments over time</title>
        <desc id="plot-text">{summary}</desc>
        <ShareAxis scale={scale} />
        <TimeAxis scale={scale} />
        <path class="area" d={`${line}V${scale.y(0)}Z`} />
        <path class="paid-line" d={line} />
        {points.length <= MARKED_POINTS_MAX &&
          xy.map(({ x, y }) => <circle class="paid-point" cx={x} cy={y} r="3" />)}
      </svg>
      <figcaption>{summary}</figcaption>
      {points.length > 0 && <PlotTable points={points} currency={facts.currency} />}
    </figure>
  );
}

function ShareAxis({ scale }: { readonly scale: Scale }): JSX.Element {
  return (
    <g>
      {SHARES.map((percent) => (
        <g>
          <line
            class={percent === 100 ? 'total-line' : 'grid'}
            x1={LEFT}
            x2={RIGHT}
            y1={scale.y(percent / 100)}
            y2={scale.y(percent / 100)}
          />
          <text x={LEFT - 8} y={scale.y(percent / 100) + 4} text-anchor="end">
            {`${percent} %`}
          </text>
        </g>
      ))}
      <text x={LEFT + 6} y={TOP - 5}>
        100 %: everything to be paid
      </text>
    </g>
  );
}

function TimeAxis({ scale }: { readonly scale: Scale }): JSX.Element {
  const { beginMs, endMs } = scale;
  const ticks = Array.from(
    { length: TICKS },
    (_, index) => beginMs + ((endMs - beginMs) * index) / (TICKS - 1),
  );
  return (
    <g>
      {ticks.map((atMs, index) => {
        const [day, clock] = time(isoOf(atMs)).split(' ');
        const x = scale.x(atMs);
        const anchor = ANCHORS[index === 0 ? 0 : index === TICKS - 1 ? 2 : 1];
        return (
          <g>
            <line class="tick" x1={x} x2={x} y1={BOTTOM} y2={BOTTOM + 5} />
            <text x={x} y={BOTTOM + 20} text-anchor={anchor}>
              {day}
            </text>
            <text x={x} y={BOTTOM + 35} text-anchor={anchor}>
              {clock}
            </text>
          </g>
        );
      })}
      <text x={(LEFT + RIGHT) / 2} y={HEIGHT - 4} text-anchor="middle">
        Time (UTC)
      </text>
    </g>
  );
}

const ANCHORS = ['start', 'middle', 'end'] as const;

/** The plot in words, for whoever does not see it. */
function summaryOf(points: readonly PaidSoFar[], { currency, totalMinor }: PlotFacts): string {
  const [first] = points;
  const last = points.at(-1);
  const total = formatAmount(totalMinor, currency);
  if (first === undefined || last === undefined) {
    return `No payment has been made yet; ${total} are to be paid.`;
  }
  const paid = formatAmount(last.paidMinor, currency);
  const half = points.find(({ paidMinor }) => paidMinor * 2 >= last.paidMinor) ?? last;
  return (
    `${paid} of ${total} were paid (number of payments: ${last.count}). ` +
    `The first payments were made by ${at(first)}, half of the paid amount by ${at(half)}, the last payment at ${at(last)} UTC.`
  );
}

function at({ atMs }: PaidSoFar): string {
  return time(isoOf(atMs));
}

function isoOf(atMs: number): string {
  return new Date(atMs).toISOString();
}

function PlotTable({
  currency,
  points,
}: {
  readonly points: readonly PaidSoFar[];
  readonly currency: string;
}): JSX.Element {
  const step = Math.ceil(points.length / TABLE_ROWS_MAX);
  const rows = points.filter((_, index) => (points.length - 1 - index) % step === 0);
  return (
    <details>
      <summary>The plot as a table</summary>
      <table>
        <caption>What was paid in all by then</caption>
        <thead>
          <tr>
            <th scope="col">Time (UTC)</th>
            <th scope="col" class="number">
              Payments
            </th>
            <th scope="col" class="number">
              Amount
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((point) => (
            <tr>
              <th scope="row">{at(point)}</th>
              <td class="number">{point.count}</td>
              <td class="number">{formatAmount(point.paidMinor, currency)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

import type { ComponentChildren } from 'preact';

import { jobOutcome } from '../../../domain/job-state';
import { formatAmount } from '../../../domain/money';
import { explanationOf } from '../../../domain/pause-causes';
import { shownText } from '../../../domain/shown-value';
import { TRANSFER_STATUSES, type TransferStatus } from '../../../domain/transfer-state';
import type { TransferSummary } from '../../../db/payout-transfers';

const TEXT_CHARACTERS_MAX = 500;

/** A text from outside: one line, nothing in it that turns the direction of the text around it. */
export function Foreign({ text }: { readonly text: string }) {
  return <bdi>{shownText(text, TEXT_CHARACTERS_MAX)}</bdi>;
}

/** A time in UTC, as everywhere in the product. */
export function Time({ at }: { readonly at: Date | null }) {
  if (at === null) {
    return <>–</>;
  }
  const text = at.toISOString();
  return <time dateTime={text}>{text.slice(0, 19).replace('T', ' ')} UTC</time>;
}

export function Amount({
  currency,
  minor,
}: {
  readonly minor: number | null;
  readonly currency: string;
}) {
  return <>{minor === null ? '–' : shownText(formatAmount(minor, currency))}</>;
}

export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${count.toString()} ${count === 1 ? one : many}`;
}

/** What the states are called where people read them. */
export const STATUS_WORDS: Readonly<Record<TransferStatus, string>> = {
  pending: 'pending',
  processing: 'processing',
  retryable: 'retryable',
  blocked: 'blocked',
  unknown: 'unknown',
  completed: 'completed',
  failed_terminal: 'failed',
  cancelled: 'cancelled',
  voided: 'voided',
};

export function State({ status }: { readonly status: TransferStatus }) {
  return <span class={`state ${status}`}>{STATUS_WORDS[status]}</span>;
}

/** A reason code with what an operator should know of it. */
export function Reason({ code }: { readonly code: string | null }) {
  if (code === null) {
    return <>–</>;
  }
  const text = explanationOf(code);
  return (
    <>
      <code>{shownText(code)}</code>
      {text === undefined ? null : <> {text}</>}
    </>
  );
}

/** Best news first, so that the bar fills from the left. */
const BAR_ORDER: readonly TransferStatus[] = [
  'completed',
  ...TRANSFER_STATUSES.filter((status) => status !== 'completed'),
];

/** One bar of winners by state, and the same in words with sums. */
export function Progress({
  currency,
  summary: { counts, sumsMinor },
}: {
  readonly summary: TransferSummary;
  readonly currency: string;
}) {
  const total = BAR_ORDER.reduce((sum, status) => sum + counts[status], 0);
  const shown = BAR_ORDER.filter((status) => counts[status] > 0);
  const words = shown.map(
    (status) =>
      `${counts[status].toString()} ${STATUS_WORDS[status]} (${formatAmount(sumsMinor[status], currency)})`,
  );
  let left = 0;
  return (
    <div>
      <svg
        class="progress"
        viewBox={`0 0 ${Math.max(total, 1).toString()} 1`}
        preserveAspectRatio="none"
        aria-hidden="true"
      >
        {shown.map((status) => {
          const x = left;
          left += counts[status];
          return <rect class={status} x={x} y={0} width={counts[status]} height={1} />;
        })}
      </svg>
      <span>
        {counts.completed.toString()} of {countOf(total, 'winner')} paid, {jobOutcome(counts)}:{' '}
        {words.join(', ')}
      </span>
    </div>
  );
}

/** A table that scrolls inside its own box on a small screen; the box can be scrolled by keyboard. */
export function Table({
  caption,
  children,
  head,
}: {
  readonly caption: string;
  readonly head: readonly (string | { readonly number: string })[];
  readonly children: ComponentChildren;
}) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={caption}>
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {head.map((title) =>
              typeof title === 'string' ? (
                <th scope="col">{title}</th>
              ) : (
                <th scope="col" class="number">
                  {title.number}
                </th>
              ),
            )}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

export function Facts({
  facts,
}: {
  readonly facts: readonly (readonly [string, ComponentChildren])[];
}) {
  return (
    <dl class="list">
      {facts.map(([name, value]) => (
        <>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </>
      ))}
    </dl>
  );
}

/** Links to the first and to the next page of a list. */
export function Pages({
  first,
  next,
}: {
  /** null on the first page itself. */
  readonly first: string | null;
  /** null on the last page. */
  readonly next: string | null;
}) {
  if (first === null && next === null) {
    return null;
  }
  return (
    <nav aria-label="Pages of this list">
      <ul>
        {first === null ? null : (
          <li>
            <a href={first}>First page</a>
          </li>
        )}
        {next === null ? null : (
          <li>
            <a href={next} rel="next">
              Next page
            </a>
          </li>
        )}
      </ul>
    </nav>
  );
}

export function Select<Value extends string>({
  label,
  name,
  options,
  value,
}: {
  readonly label: string;
  readonly name: string;
  readonly value: Value | undefined;
  readonly options: readonly (readonly [Value, string])[];
}) {
  return (
    <div>
      <label for={name}>{label}</label>
      <select id={name} name={name}>
        <option value="">any</option>
        {options.map(([option, text]) => (
          <option value={option} selected={option === value}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}

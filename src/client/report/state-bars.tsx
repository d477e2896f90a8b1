import type { JSX } from 'preact';

import type { TransferStatus } from '../../domain/transfer-state';
import type { ReportHead } from './read-report';
import { money, plural, STATE_ORDER, STATE_WORDS } from './report-words';

const WIDTH = 760;
const ROW_HEIGHT = 44;
const BAR_HEIGHT = 14;
/** A state with a payment in it is seen, however small its part is. */
const BAR_WIDTH_MIN = 2;

/** How much money is in each state, one bar each with its words and numbers beside it. */
export function StateBars({ head }: { readonly head: ReportHead }): JSX.Element {
  const { currency, total, totals } = head;
  const states = STATE_ORDER.filter((state) => totals[state].count > 0);
  const label = (state: TransferStatus) =>
    `${STATE_WORDS[state]}: ${plural(totals[state].count, 'winner')}, ${money(totals[state], currency)}`;
  return (
    <figure>
      <svg
        viewBox={`0 0 ${WIDTH} ${states.length * ROW_HEIGHT}`}
        role="img"
        aria-labelledby="bars-title bars-text"
      >
        <title id="bars-title">Payments by state</title>
        <desc id="bars-text">{`${states.map(label).join('; ')}.`}</desc>
        {states.map((state, index) => {
          const share = totals[state].amountMinor / total.amountMinor;
          const top = index * ROW_HEIGHT;
          return (
            <g>
              <text x="0" y={top + 15}>
                {label(state)}
              </text>
              <rect class="track" x="0" y={top + 22} width={WIDTH} height={BAR_HEIGHT} />
              <rect
                class={`bar ${state}`}
                x="0"
                y={top + 22}
                width={Math.max(BAR_WIDTH_MIN, Math.round(share * WIDTH))}
                height={BAR_HEIGHT}
              />
            </g>
          );
        })}
      </svg>
      <figcaption>Each bar is the state’s part of everything to be paid.</figcaption>
    </figure>
  );
}

import { formatAmount } from '../../../domain/money';
import { REASONS, type FailureClass, type ReasonCode } from '../../../domain/reasons';
import { TRANSFER_STATUSES } from '../../../domain/transfer-state';
import type { PayoutTransfer } from '../../../db/payout-transfers';
import type { WinnerFilter, WinnerTotal } from '../../../db/winner-pages';
import { settlementPath, winnerPath, withQuery } from '../local-path';
import { Amount, countOf, Foreign, Pages, Select, State, STATUS_WORDS, Table } from './parts';

export interface Winners {
  readonly filter: WinnerFilter;
  readonly total: WinnerTotal;
  readonly isFirst: boolean;
  readonly page: readonly PayoutTransfer[];
  /** The last of this page where there are more. */
  readonly nextAfter: string | undefined;
}

export const FAILURE_CLASSES = [
  'transient',
  'payee',
  'platform',
  'request',
  'unknown',
] as const satisfies readonly FailureClass[];
export const REASON_CODES = Object.keys(REASONS) as readonly ReasonCode[];

/** The winners of a settlement, a page at a time, with what narrows the list down. */
export function WinnerList({
  currency,
  settlementId,
  winners: { filter, isFirst, nextAfter, page, total },
}: {
  readonly settlementId: string;
  readonly currency: string;
  readonly winners: Winners;
}) {
  const path = settlementPath(settlementId);
  const pathOf = (after?: string) =>
    `${withQuery(path, {
      status: filter.status,
      class: filter.failureClass,
      reason: filter.reason,
      user: filter.userIdPrefix,
      after,
    })}#winners`;
  return (
    <>
      <FilterForm path={path} filter={filter} />
      <p>
        {countOf(total.count, 'winner')}, {formatAmount(total.sumMinor, currency)}
      </p>
      {page.length === 0 ? null : (
        <Table
          caption="Winners by user id"
          head={[
            'user',
            { number: 'amount' },
            'state',
            { number: 'attempts' },
            'Stripe transfer',
            'why',
          ]}
        >
          {page.map((transfer) => (
            <WinnerRow transfer={transfer} />
          ))}
        </Table>
      )}
      <Pages
        first={isFirst ? null : pathOf()}
        next={nextAfter === undefined ? null : pathOf(nextAfter)}
      />
    </>
  );
}

function FilterForm({ filter, path }: { readonly path: string; readonly filter: WinnerFilter }) {
  return (
    <form method="get" action={`${path}#winners`} class="filter" role="search">
      <Select
        label="State"
        name="status"
        value={filter.status}
        options={TRANSFER_STATUSES.map((status) => [status, STATUS_WORDS[status]])}
      />
      <Select
        label="Who can mend it"
        name="class"
        value={filter.failureClass}
        options={FAILURE_CLASSES.map((name) => [name, name])}
      />
      <Select
        label="Reason"
        name="reason"
        value={filter.reason}
        options={REASON_CODES.map((code) => [code, code])}
      />
      <div>
        <label for="user">User id begins with</label>
        <input
          id="user"
          name="user"
          type="search"
          maxLength={100}
          value={filter.userIdPrefix ?? ''}
        />
      </div>
      <button type="submit">Show</button>
      <a href={`${path}#winners`}>Show all</a>
    </form>
  );
}

function WinnerRow({ transfer }: { readonly transfer: PayoutTransfer }) {
  const { amountMinor, amountReversedMinor, award, currency, failureReason, status } = transfer;
  return (
    <tr>
      <th scope="row">
        <a href={winnerPath(transfer)}>
          <Foreign text={transfer.userId} />
        </a>
        {award === 'prize' ? null : (
          <>
            {' '}
            <span class="quiet">
              <Foreign text={award} />
            </span>
          </>
        )}
      </th>
      <td class="number">
        <Amount minor={amountMinor} currency={currency} />
      </td>
      <td>
        <State status={status} />
        {transfer.cancelRequestedAt !== null && status !== 'cancelled' && status !== 'voided'
          ? ' (cancel requested)'
          : null}
        {amountReversedMinor === 0
          ? null
          : `, ${formatAmount(amountReversedMinor, currency)} came back`}
      </td>
      <td class="number">{transfer.attemptCount}</td>
      <td>{transfer.stripeTransferId === null ? '–' : <code>{transfer.stripeTransferId}</code>}</td>
      <td>{failureReason === null ? '–' : <code>{failureReason}</code>}</td>
    </tr>
  );
}

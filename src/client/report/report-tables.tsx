import type { JSX } from 'preact';

import { formatAmount } from '../../domain/money';
import type { ReportHead, ReportWinner } from './read-report';
import { ACCOUNT_WORDS, CLASS_WORDS, money, STATE_WORDS, time, visible } from './report-words';

interface Column<Row> {
  readonly title: string;
  readonly isNumber?: boolean;
  readonly cell: (row: Row) => JSX.Element | string;
}

interface TableFacts<Row> {
  readonly caption: string;
  /** The first names its row. */
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
}

function Table<Row>({ caption, columns, rows }: TableFacts<Row>): JSX.Element {
  const classOf = ({ isNumber = false }: Column<Row>) => (isNumber ? 'number' : undefined);
  return (
    <div class="wide" role="region" aria-label={caption} tabIndex={0}>
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th scope="col" class={classOf(column)}>
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr>
              {columns.map((column, index) =>
                index === 0 ? (
                  <th scope="row">{column.cell(row)}</th>
                ) : (
                  <td class={classOf(column)}>{column.cell(row)}</td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** What is open, gathered by why. */
export function OpenReasons({ head }: { readonly head: ReportHead }): JSX.Element {
  return (
    <Table
      caption="Not paid, by reason, the largest sum first"
      rows={head.open}
      columns={[
        { title: 'State', cell: ({ status }) => STATE_WORDS[status] },
        { title: 'Winners', isNumber: true, cell: ({ count }) => count.toString() },
        { title: 'Amount', isNumber: true, cell: (row) => money(row, head.currency) },
        {
          title: 'Who has to act',
          cell: ({ failureClass }) => (failureClass === null ? '' : CLASS_WORDS[failureClass]),
        },
        { title: 'Why', cell: ({ operatorText, reason }) => <Why {...{ operatorText, reason }} /> },
      ]}
    />
  );
}

function Why({ operatorText, reason }: Pick<ReportWinner, 'operatorText' | 'reason'>): JSX.Element {
  return (
    <>
      {operatorText}
      {reason !== null && (
        <>
          {' '}
          <code>{reason}</code>
        </>
      )}
    </>
  );
}

interface WinnersFacts {
  readonly winners: readonly ReportWinner[];
  /** How many there are, shown or not. */
  readonly count: number;
}

export function UnpaidWinners({ count, winners }: WinnersFacts): JSX.Element {
  return (
    <>
      <Table
        caption="Winners who are not paid, the largest prize first"
        rows={winners}
        columns={[
          { title: 'Winner', cell: ({ userId }) => visible(userId) },
          { title: 'Prize', cell: ({ award }) => visible(award) },
          { title: 'Amount', isNumber: true, cell: (row) => money(row, row.currency) },
          { title: 'State', cell: ({ status }) => STATE_WORDS[status] },
          { title: 'Why', cell: (row) => <Why {...row} /> },
          { title: 'Transfer', cell: ({ transferId }) => <code>{transferId}</code> },
        ]}
      />
      <More count={count} shown={winners.length} />
    </>
  );
}

export function PaidWinners({ count, winners }: WinnersFacts): JSX.Element {
  return (
    <>
      <Table
        caption="Winners who are paid, the largest prize first"
        rows={winners}
        columns={[
          { title: 'Winner', cell: ({ userId }) => visible(userId) },
          { title: 'Prize', cell: ({ award }) => visible(award) },
          { title: 'Amount', isNumber: true, cell: (row) => money(row, row.currency) },
          {
            title: 'Came back',
            isNumber: true,
            cell: ({ currency, reversedMinor }) =>
              reversedMinor === 0 ? '' : formatAmount(reversedMinor, currency),
          },
          { title: 'Paid at (UTC)', cell: ({ paidAt }) => (paidAt === null ? '' : time(paidAt)) },
          {
            title: 'Stripe transfer',
            cell: ({ stripeTransferId }) => <code>{visible(stripeTransferId ?? '')}</code>,
          },
        ]}
      />
      <More count={count} shown={winners.length} />
    </>
  );
}

function More({ count, shown }: { readonly count: number; readonly shown: number }) {
  return count > shown ? (
    <p class="note">
      {`These are ${shown} of ${count}. The CSV has all: payouts report … --format csv.`}
    </p>
  ) : null;
}

/** Debits and credits of every account. */
export function TrialBalance({ ledger }: Pick<ReportHead, 'ledger'>): JSX.Element {
  return (
    <Table
      caption="Accounts of this settlement"
      rows={ledger.trialBalance}
      columns={[
        { title: 'Account', cell: ({ account }) => ACCOUNT_WORDS[account] },
        {
          title: 'Debit',
          isNumber: true,
          cell: ({ currency, debitMinor }) => formatAmount(debitMinor, currency),
        },
        {
          title: 'Credit',
          isNumber: true,
          cell: ({ creditMinor, currency }) => formatAmount(creditMinor, currency),
        },
        {
          title: 'Balance',
          isNumber: true,
          cell: ({ balanceMinor, currency }) => formatAmount(balanceMinor, currency),
        },
      ]}
    />
  );
}

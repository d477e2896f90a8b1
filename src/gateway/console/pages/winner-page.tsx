import type { ComponentChildren } from 'preact';

import type { Explanation } from '../../../domain/explanation';
import { transferWorkflowId } from '../../../domain/ids';
import type { PayoutAttempt } from '../../../db/payout-attempts';
import type { PayoutGeneration } from '../../../db/payout-generations';
import type { PayoutTransfer } from '../../../db/payout-transfers';
import type { LedgerRecord, OrderedReversal, TransferHistory } from '../../../db/transfer-history';
import { settlementPath } from '../local-path';
import { ActionsTable } from './actions-table';
import { Amount, Facts, Foreign, Reason, State, Table, Time } from './parts';
import { WorkflowLink, type TemporalUi } from './workflow-link';

/** One winner of one settlement: how it stands, and everything that happened. */
export function WinnerPage({
  explanation,
  history,
  orders,
  transfer,
  ui,
}: {
  readonly transfer: PayoutTransfer;
  readonly history: TransferHistory;
  readonly explanation: Explanation;
  readonly ui: TemporalUi;
  /** Links to the orders that may be given. */
  readonly orders: ComponentChildren;
}) {
  const { settlementId, userId } = transfer;
  return (
    <>
      <p>
        <a href={settlementPath(settlementId)}>
          Settlement <Foreign text={settlementId} />
        </a>
      </p>
      <h1>
        Winner <Foreign text={userId} />
      </h1>
      <State status={transfer.status} />{' '}
      <Amount minor={transfer.amountMinor} currency={transfer.currency} />
      <Why
        explanation={explanation}
        isCalm={transfer.failureReason === null || transfer.status === 'completed'}
      />
      {orders}
      <h2>Facts</h2>
      <TransferFacts transfer={transfer} history={history} ui={ui} />
      <h2>Attempts</h2>
      <Attempts attempts={history.attempts} />
      <h2>Stripe keys</h2>
      <Generations generations={history.generations} />
      <h2>Ledger</h2>
      <Ledger records={history.ledger} />
      {history.reversals.length === 0 ? null : (
        <>
          <h2>Reversals</h2>
          <Reversals reversals={history.reversals} />
        </>
      )}
      <h2>What operators did</h2>
      <ActionsTable actions={history.actions} />
    </>
  );
}

/** What `payouts why` says; whatever people wrote is shown as text there already. */
function Why({
  explanation: { operator, winner },
  isCalm,
}: {
  readonly explanation: Explanation;
  readonly isCalm: boolean;
}) {
  return (
    <div class={isCalm ? 'box' : 'box care'}>
      <p>
        <strong>For the operator:</strong> <bdi>{operator}</bdi>
      </p>
      <p>
        <strong>May be told to the winner:</strong> <bdi>{winner}</bdi>
      </p>
    </div>
  );
}

function TransferFacts({
  history: { account },
  transfer,
  ui,
}: {
  readonly transfer: PayoutTransfer;
  readonly history: TransferHistory;
  readonly ui: TemporalUi;
}) {
  const { amountReversedMinor, cancelRequestedAt, currency, stripeTransferId } = transfer;
  return (
    <Facts
      facts={[
        ['transfer', <code>{transfer.id}</code>],
        ['award', <Foreign text={transfer.award} />],
        ['contest', <Foreign text={transfer.contestId} />],
        [
          'account',
          account === undefined ? (
            'none imported'
          ) : (
            <>
              <code>{account.stripeAccountId}</code>, {account.readiness.replaceAll('_', ' ')}
            </>
          ),
        ],
        ['Stripe transfer', stripeTransferId === null ? '–' : <code>{stripeTransferId}</code>],
        ...(amountReversedMinor === 0
          ? []
          : [['came back', <Amount minor={amountReversedMinor} currency={currency} />] as const]),
        ...(cancelRequestedAt === null
          ? []
          : [['cancelling wanted since', <Time at={cancelRequestedAt} />] as const]),
        [
          'attempts',
          `${transfer.attemptCount.toString()}, of which ${transfer.countedAttemptCount.toString()} of ${transfer.maxAttempts.toString()} count`,
        ],
        ['last changed', <Time at={transfer.updatedAt} />],
        ['paid', <Time at={transfer.completedAt} />],
        ['workflow', <WorkflowLink ui={ui} workflowId={transferWorkflowId(transfer.id)} />],
      ]}
    />
  );
}

function Attempts({ attempts }: { readonly attempts: readonly PayoutAttempt[] }) {
  if (attempts.length === 0) {
    return <p>Nothing was sent to Stripe.</p>;
  }
  return (
    <Table
      caption="Requests to Stripe, oldest first"
      head={[
        { number: 'attempt' },
        { number: 'key' },
        'sent',
        'answered',
        'answer',
        'certain',
        'HTTP',
        'Stripe request',
        'why',
      ]}
    >
      {attempts.map((attempt) => (
        <tr>
          <td class="number">{attempt.attemptNumber}</td>
          <td class="number">{attempt.generation}</td>
          <td>
            <Time at={attempt.sentAt} />
          </td>
          <td>
            <Time at={attempt.answeredAt} />
          </td>
          <td>{answerOf(attempt)}</td>
          <td>{attempt.resolution?.replaceAll('_', ' ') ?? 'nothing yet'}</td>
          <td>{attempt.httpStatus ?? '–'}</td>
          <td>{attempt.requestId === null ? '–' : <Foreign text={attempt.requestId} />}</td>
          <td>
            {attempt.stripeTransferId === null ? (
              <Reason code={attempt.reason} />
            ) : (
              <code>{attempt.stripeTransferId}</code>
            )}
          </td>
        </tr>
      ))}
    </Table>
  );
}

function answerOf({ counted, outcome, replayed }: PayoutAttempt): string {
  const word = outcome?.replaceAll('_', ' ') ?? 'none yet';
  return [word, ...(replayed === true ? ['replayed'] : []), ...(counted ? ['counts'] : [])].join(
    ', ',
  );
}

function Generations({ generations }: { readonly generations: readonly PayoutGeneration[] }) {
  if (generations.length === 0) {
    return <p>No key was made yet.</p>;
  }
  return (
    <Table
      caption="Keys and what is sent under them, newest first"
      head={[
        { number: 'key' },
        'idempotency key',
        'to',
        { number: 'amount' },
        'first sent',
        'closed',
      ]}
    >
      {generations.map((generation) => (
        <tr>
          <td class="number">{generation.generation}</td>
          <td>
            <code>{generation.idempotencyKey}</code>
          </td>
          <td>
            <code>{generation.destination}</code>
          </td>
          <td class="number">
            <Amount minor={generation.amountMinor} currency={generation.currency} />
          </td>
          <td>
            <Time at={generation.firstSentAt} />
          </td>
          <td>
            {generation.closedAt === null ? (
              'open'
            ) : (
              <>
                <Time at={generation.closedAt} />, {generation.closedReason}
              </>
            )}
          </td>
        </tr>
      ))}
    </Table>
  );
}

function Ledger({ records }: { readonly records: readonly LedgerRecord[] }) {
  if (records.length === 0) {
    return <p>Nothing is booked.</p>;
  }
  return (
    <Table
      caption="Ledger records with their entries, oldest first"
      head={['posted', 'kind', 'record', 'entries']}
    >
      {records.map((record) => (
        <tr>
          <td>
            <Time at={record.postedAt} />
          </td>
          <td>{record.kind}</td>
          <td>
            <code>{record.idempotencyKey}</code>
            {record.reason === null ? null : (
              <>
                {' '}
                <code>{record.reason}</code>
              </>
            )}
          </td>
          <td>
            {record.entries.length === 0 ? (
              'none: no money moved'
            ) : (
              <ul>
                {record.entries.map(({ account, amountMinor, currency }) => (
                  <li>
                    {amountMinor > 0 ? 'debit' : 'credit'} {account}{' '}
                    <Amount minor={Math.abs(amountMinor)} currency={currency} />
                  </li>
                ))}
              </ul>
            )}
          </td>
        </tr>
      ))}
    </Table>
  );
}

function Reversals({ reversals }: { readonly reversals: readonly OrderedReversal[] }) {
  return (
    <Table
      caption="Ordered reversals, oldest first"
      head={['ordered', 'by', 'why', { number: 'amount' }, 'state', 'Stripe reversal', 'cause']}
    >
      {reversals.map((reversal) => (
        <tr>
          <td>
            <Time at={reversal.createdAt} />
          </td>
          <td>
            <Foreign text={reversal.requestedBy} />
          </td>
          <td>
            <Foreign text={reversal.reason} />
          </td>
          <td class="number">
            <Amount minor={reversal.amountMinor} currency={reversal.currency} />
            {reversal.cameBackMinor === null ? null : (
              <>
                , came back <Amount minor={reversal.cameBackMinor} currency={reversal.currency} />
              </>
            )}
          </td>
          <td>{reversal.status}</td>
          <td>
            {reversal.stripeReversalId === null ? '–' : <code>{reversal.stripeReversalId}</code>}
          </td>
          <td>
            <Reason code={reversal.failureReason} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

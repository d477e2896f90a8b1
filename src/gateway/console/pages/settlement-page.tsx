import type { ComponentChildren } from 'preact';

import { missingFundsText } from '../../../domain/funds';
import { jobWorkflowId } from '../../../domain/ids';
import type { RecordedAction } from '../../../db/operator-actions';
import type { PayoutControl } from '../../../db/payout-controls';
import type { PayoutJob } from '../../../db/payout-jobs';
import type { TransferSummary } from '../../../db/payout-transfers';
import type { SettlementRow } from '../../../db/settlements';
import type { ReasonCount } from '../../../db/winner-pages';
import { settlementPath, withQuery } from '../local-path';
import { ActionsTable } from './actions-table';
import { Amount, countOf, Facts, Foreign, Progress, Reason, State, Table, Time } from './parts';
import { PausesTable } from './pauses-table';
import { WorkflowLink, type TemporalUi } from './workflow-link';
import { WinnerList, type Winners } from './winner-list';

export interface SettlementFacts {
  readonly settlement: SettlementRow;
  readonly job: PayoutJob;
  readonly summary: TransferSummary;
  readonly pauses: readonly PayoutControl[];
  readonly reasons: readonly ReasonCount[];
  readonly actions: readonly RecordedAction[];
  readonly winners: Winners;
}

/** An accepted settlement: how far it is, what stops it, who is not paid and why, and its winners. */
export function SettlementPage({
  facts,
  orders,
  ui,
}: {
  readonly facts: SettlementFacts;
  readonly ui: TemporalUi;
  /** Links to the orders that may be given. */
  readonly orders: ComponentChildren;
}) {
  const { actions, job, pauses, reasons, settlement, summary, winners } = facts;
  const { currency, settlementId } = job;
  return (
    <>
      <h1>
        Settlement <Foreign text={settlementId} />
      </h1>
      <Progress summary={summary} currency={currency} />
      {orders}
      {pauses.length === 0 ? null : (
        <>
          <h2>Paused</h2>
          <PausesTable pauses={pauses} />
        </>
      )}
      <h2>Facts</h2>
      <Facts
        facts={[
          ['contest', <Foreign text={settlement.contestId} />],
          ['job', job.status],
          ...fundsFact(job),
          ...approvalFact(job),
          [
            'sum',
            <>
              <Amount minor={job.totalMinor} currency={currency} /> to{' '}
              {countOf(settlement.winnerCount ?? 0, 'winner')}
            </>,
          ],
          [
            'recorded',
            <>
              <Time at={settlement.recordedAt} />
              {settlement.recordedBy === null ? null : (
                <>
                  {' '}
                  by <Foreign text={settlement.recordedBy} />
                </>
              )}
            </>,
          ],
          ['completed', <Time at={job.completedAt} />],
          ['workflow', <WorkflowLink ui={ui} workflowId={jobWorkflowId(settlementId)} />],
        ]}
      />
      {reasons.length === 0 ? null : <Unpaid settlementId={settlementId} reasons={reasons} />}
      <h2 id="winners">Winners</h2>
      <WinnerList settlementId={settlementId} currency={currency} winners={winners} />
      <h2>What operators did</h2>
      <ActionsTable actions={actions} />
    </>
  );
}

function fundsFact(job: PayoutJob): (readonly [string, string])[] {
  const { fundsAvailableMinor: availableMinor, fundsNeededMinor: neededMinor } = job;
  return job.status !== 'awaiting_funds' || neededMinor === null || availableMinor === null
    ? []
    : [['funds', missingFundsText({ neededMinor, availableMinor }, job.currency)]];
}

function approvalFact(job: PayoutJob): (readonly [string, ComponentChildren])[] {
  switch (job.approval) {
    case 'not_required':
      return [];
    case 'required':
      return [['approval', 'missing: nothing is sent']];
    case 'approved':
      return [
        [
          'approval',
          <>
            by <Foreign text={job.approvedBy ?? ''} />, <Time at={job.approvedAt} />
          </>,
        ],
      ];
  }
}

function Unpaid({
  reasons,
  settlementId,
}: {
  readonly settlementId: string;
  readonly reasons: readonly ReasonCount[];
}) {
  return (
    <>
      <h2>Who is not paid, and why</h2>
      <Table
        caption="Reasons, the most frequent first"
        head={[{ number: 'winners' }, 'state', 'why']}
      >
        {reasons.map(({ count, reason, status }) => (
          <tr>
            <td class="number">
              <a
                href={`${withQuery(settlementPath(settlementId), { status, reason })}#winners`}
                aria-label={`${countOf(count, 'winner')}, ${status}, ${reason}`}
              >
                {count}
              </a>
            </td>
            <td>
              <State status={status} />
            </td>
            <td>
              <Reason code={reason} />
            </td>
          </tr>
        ))}
      </Table>
    </>
  );
}

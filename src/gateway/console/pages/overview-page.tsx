import type { AdminJob } from '../../../db/admin-jobs';
import type { OperatingFigures } from '../../../db/operating-figures';
import type { PayoutControl } from '../../../db/payout-controls';
import type { ListedSettlement } from '../../../db/settlement-pages';
import type { SettlementReasonCount } from '../../../db/winner-pages';
import type { TransferStatus } from '../../../domain/transfer-state';
import { CONSOLE_ROOT, settlementPath, withQuery } from '../local-path';
import { Amount, countOf, Facts, Foreign, Reason, Table, Time } from './parts';
import { PausesTable } from './pauses-table';

export interface OverviewFacts {
  readonly figures: OperatingFigures;
  readonly pauses: readonly PayoutControl[];
  readonly awaitingApproval: readonly ListedSettlement[];
  readonly unknownOutcomes: readonly SettlementReasonCount[];
  readonly givenUp: readonly SettlementReasonCount[];
  readonly sweep: AdminJob | undefined;
}

const LIST = `${CONSOLE_ROOT}/settlements`;

/** What a person should look at first. */
export function OverviewPage({ facts }: { readonly facts: OverviewFacts }) {
  const { awaitingApproval, pauses } = facts;
  return (
    <>
      <h1>Overview</h1>
      <Alarms facts={facts} />
      <h2>Pauses</h2>
      {pauses.length === 0 ? <p>Nothing is paused.</p> : <PausesTable pauses={pauses} />}
      <p>
        <a href={`${CONSOLE_ROOT}/pauses`}>Pause or resume</a>
      </p>
      <h2>Approvals waiting</h2>
      <Approvals settlements={awaitingApproval} />
      <h2>Settlements and winners</h2>
      <Figures figures={facts.figures} />
      <h2>Last sweep</h2>
      <Sweep sweep={facts.sweep} />
    </>
  );
}

/** What nobody but a person mends. */
function Alarms({ facts }: { readonly facts: OverviewFacts }) {
  const { figures, givenUp, pauses, unknownOutcomes } = facts;
  const raised = pauses.filter(
    ({ nextLookAt, owner }) => owner === 'automation' && nextLookAt === null,
  );
  const rejected = figures.settlements.find(({ status }) => status === 'rejected')?.count ?? 0;
  if (raised.length + unknownOutcomes.length + givenUp.length + rejected === 0) {
    return (
      <div class="box good">
        <p>No open alarms.</p>
      </div>
    );
  }
  return (
    <section class="box bad" aria-labelledby="alarms">
      <h2 id="alarms">Open alarms</h2>
      <ul>
        {raised.map(({ cause, settlementId }) => (
          <li>
            {settlementId === null ? 'Everything' : <SettlementLink id={settlementId} />} is paused
            until a person resumes it: <Reason code={cause} />
          </li>
        ))}
        <Unsettled winners={unknownOutcomes} status="unknown" says="whether paid is not known" />
        <Unsettled winners={givenUp} status="failed_terminal" says="given up, and still owed" />
        {rejected === 0 ? null : (
          <li>
            <a href={withQuery(LIST, { view: 'rejected' })}>
              {countOf(rejected, 'settlement')} rejected
            </a>
            : nobody of them is paid.
          </li>
        )}
      </ul>
    </section>
  );
}

function Unsettled({
  says,
  status,
  winners,
}: {
  readonly says: string;
  readonly status: TransferStatus;
  readonly winners: readonly SettlementReasonCount[];
}) {
  return (
    <>
      {winners.map(({ count, reason, settlementId }) => (
        <li>
          <a href={withQuery(settlementPath(settlementId), { status, reason })}>
            {countOf(count, 'winner')} of {settlementId}
          </a>
          : {says}. <Reason code={reason} />
        </li>
      ))}
    </>
  );
}

function SettlementLink({ id }: { readonly id: string }) {
  return (
    <a href={settlementPath(id)}>
      <Foreign text={id} />
    </a>
  );
}

function Approvals({ settlements }: { readonly settlements: readonly ListedSettlement[] }) {
  if (settlements.length === 0) {
    return <p>Nothing waits for an approval.</p>;
  }
  return (
    <>
      <Table
        caption="Settlements that wait for an approval, newest first"
        head={['settlement', 'contest', { number: 'winners' }, { number: 'sum' }, 'recorded']}
      >
        {settlements.map(
          ({ contestId, currency, recordedAt, settlementId, totalMinor, winnerCount }) => (
            <tr>
              <th scope="row">
                <SettlementLink id={settlementId} />
              </th>
              <td>
                <Foreign text={contestId} />
              </td>
              <td class="number">{winnerCount}</td>
              <td class="number">
                <Amount minor={totalMinor} currency={currency} />
              </td>
              <td>
                <Time at={recordedAt} />
              </td>
            </tr>
          ),
        )}
      </Table>
      <p>
        <a href={withQuery(LIST, { view: 'awaiting_approval' })}>All that wait for an approval</a>
      </p>
    </>
  );
}

function Figures({ figures }: { readonly figures: OperatingFigures }) {
  const list = (counts: readonly { readonly status: string; readonly count: number }[]) =>
    counts.length === 0
      ? 'none'
      : counts.map(({ count, status }) => `${count.toString()} ${status}`).join(', ');
  const waiting = figures.stripeEvents.find(({ result }) => result === 'waiting')?.count ?? 0;
  return (
    <>
      <Facts
        facts={[
          ['settlements', list(figures.settlements)],
          ['winners not at their end', list(figures.openTransfers)],
          [
            'oldest unknown outcome',
            figures.oldestUnknownSeconds === null
              ? 'none'
              : `${Math.floor(figures.oldestUnknownSeconds / 60).toString()} minutes`,
          ],
          ['webhooks waiting', waiting.toString()],
        ]}
      />
      <p>
        <a href={LIST}>All settlements</a>
      </p>
    </>
  );
}

function Sweep({ sweep }: { readonly sweep: AdminJob | undefined }) {
  if (sweep === undefined) {
    return (
      <p>
        The sweep is not registered; run <code>payouts setup</code>.
      </p>
    );
  }
  const counts = Object.entries(sweep.counts ?? {}).map(([what, n]) => `${n.toString()} ${what}`);
  return (
    <Facts
      facts={[
        ['state', `${sweep.status}, ${sweep.schedule}`],
        ['last began', <Time at={sweep.startedAt} />],
        ['last ended', <Time at={sweep.finishedAt} />],
        ['last succeeded', <Time at={sweep.succeededAt} />],
        ['it did', counts.length === 0 ? 'nothing yet' : counts.join(', ')],
        ['runs', `${sweep.runCount.toString()}, ${sweep.failedRunCount.toString()} failed`],
        ...(sweep.failure === null ? [] : [['failure', <code>{sweep.failure}</code>] as const]),
      ]}
    />
  );
}

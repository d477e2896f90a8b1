import type { ListedSettlement, SettlementView } from '../../../db/settlement-pages';
import { CONSOLE_ROOT, settlementPath, withQuery } from '../local-path';
import { Amount, countOf, Foreign, Pages, Progress, Table, Time } from './parts';

export interface SettlementList {
  readonly view: SettlementView;
  readonly idPrefix: string | undefined;
  readonly isFirst: boolean;
  readonly settlements: readonly ListedSettlement[];
  /** The last of this page where there are more. */
  readonly nextAfter: string | undefined;
}

const PATH = `${CONSOLE_ROOT}/settlements`;

const VIEW_WORDS: Readonly<Record<SettlementView, string>> = {
  all: 'all',
  open: 'being paid',
  complete: 'complete',
  awaiting_approval: 'awaiting approval',
  handed_in: 'handed in, not accepted yet',
  rejected: 'rejected',
};

export function SettlementsPage({ list }: { readonly list: SettlementList }) {
  const { idPrefix, isFirst, nextAfter, settlements, view } = list;
  const pathOf = (after?: string) => withQuery(PATH, { view, q: idPrefix, after });
  return (
    <>
      <h1>Settlements</h1>
      <form method="get" action={PATH} class="filter" role="search">
        <div>
          <label for="view">Show</label>
          <select id="view" name="view">
            {Object.entries(VIEW_WORDS).map(([value, words]) => (
              <option value={value} selected={value === view}>
                {words}
              </option>
            ))}
          </select>
        </div>
        <div>
          <label for="q">Settlement or contest id begins with</label>
          <input id="q" name="q" type="search" maxLength={100} value={idPrefix ?? ''} />
        </div>
        <button type="submit">Show</button>
      </form>
      {settlements.length === 0 ? (
        <p>No settlement is found.</p>
      ) : (
        <Table
          caption={`Settlements: ${VIEW_WORDS[view]}, newest first`}
          head={['settlement', 'contest', { number: 'sum' }, 'state', 'winners', 'recorded']}
        >
          {settlements.map((settlement) => (
            <SettlementRow settlement={settlement} />
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

function SettlementRow({ settlement }: { readonly settlement: ListedSettlement }) {
  const { contestId, currency, progress, recordedAt, settlementId, totalMinor } = settlement;
  return (
    <tr>
      <th scope="row">
        <a href={settlementPath(settlementId)}>
          <Foreign text={settlementId} />
        </a>
      </th>
      <td>
        <Foreign text={contestId} />
      </td>
      <td class="number">
        <Amount minor={totalMinor} currency={currency} />
      </td>
      <td>{stateOf(settlement)}</td>
      <td>
        {progress === null ? (
          <Unaccepted settlement={settlement} />
        ) : (
          <Progress summary={progress} currency={currency} />
        )}
      </td>
      <td>
        <Time at={recordedAt} />
      </td>
    </tr>
  );
}

function stateOf({ job, status }: ListedSettlement): string {
  if (job === null) {
    return status;
  }
  return job.approval === 'required' ? `${job.status}, approval missing` : job.status;
}

function Unaccepted({ settlement }: { readonly settlement: ListedSettlement }) {
  const { rejectedReasons, status, winnerCount } = settlement;
  const [first, ...more] = status === 'rejected' ? (rejectedReasons ?? []) : [];
  if (first === undefined) {
    return <>{winnerCount === null ? 'not counted yet' : countOf(winnerCount, 'winner')}</>;
  }
  return (
    <>
      <Foreign text={first} />
      {more.length === 0 ? null : ` and ${more.length.toString()} more`}
    </>
  );
}

import type { SettlementRow } from '../../../db/settlements';
import { Amount, countOf, Facts, Foreign, Time } from './parts';

const TEXTS: Readonly<Record<Exclude<SettlementRow['status'], 'accepted'>, string>> = {
  open: 'Another system is still writing it and has not said “completed”. Nobody of it is paid.',
  completed:
    'It is handed in, and not accepted yet: the gateway or the sweep takes it. Nobody of it is paid.',
  rejected:
    'It was rejected: nobody of it is paid. Its rows have to be corrected and their status set to “completed” again; then it is looked at again.',
};

/** A settlement that another system wrote and that is not accepted; whatever it wrote is shown as text. */
export function HandedInPage({
  settlement,
  status,
}: {
  readonly settlement: SettlementRow;
  readonly status: keyof typeof TEXTS;
}) {
  const reasons = status === 'rejected' ? (settlement.rejectedReasons ?? []) : [];
  return (
    <>
      <h1>
        Settlement <Foreign text={settlement.settlementId} />
      </h1>
      <div class={status === 'rejected' ? 'box bad' : 'box care'}>
        <p>{TEXTS[status]}</p>
        {reasons.length === 0 ? null : (
          <>
            <p>
              Rejected <Time at={settlement.rejectedAt} /> because of:
            </p>
            <ul>
              {reasons.map((reason) => (
                <li>
                  <Foreign text={reason} />
                </li>
              ))}
            </ul>
          </>
        )}
      </div>
      <Facts
        facts={[
          ['state', status],
          ['contest', <Foreign text={settlement.contestId} />],
          ['declared sum', <Amount minor={settlement.totalMinor} currency={settlement.currency} />],
          [
            'declared winners',
            settlement.winnerCount === null ? '–' : countOf(settlement.winnerCount, 'winner'),
          ],
          ['written since', <Time at={settlement.recordedAt} />],
        ]}
      />
    </>
  );
}

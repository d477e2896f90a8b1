import type { PayoutControl } from '../../../db/payout-controls';
import { settlementPath } from '../local-path';
import { Amount, Foreign, Reason, Table, Time } from './parts';

/** Pauses in force: what each stops, who set it and why, since when, and what ends it. */
export function PausesTable({ pauses }: { readonly pauses: readonly PayoutControl[] }) {
  return (
    <Table
      caption="Pauses in force, oldest first"
      head={['stops', 'set by', 'why', 'since', 'ends']}
    >
      {pauses.map((pause) => (
        <tr>
          <th scope="row">
            {pause.settlementId === null ? (
              'everything'
            ) : (
              <a href={settlementPath(pause.settlementId)}>
                <Foreign text={pause.settlementId} />
              </a>
            )}
          </th>
          <td>{pause.actor === null ? pause.owner : <Foreign text={pause.actor} />}</td>
          <td>
            {pause.reason === null ? (
              <Reason code={pause.cause} />
            ) : (
              <Foreign text={pause.reason} />
            )}
          </td>
          <td>
            <Time at={pause.setAt} />
          </td>
          <td>
            <End pause={pause} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

function End({ pause }: { readonly pause: PayoutControl }) {
  const { currency, neededMinor, nextLookAt } = pause;
  if (nextLookAt === null) {
    return <>when a person resumes it</>;
  }
  return (
    <>
      by itself when the cause is gone
      {neededMinor === null || currency === null ? null : (
        <>
          : <Amount minor={neededMinor} currency={currency} /> have to be available
        </>
      )}
      ; the next look is <Time at={nextLookAt} />
    </>
  );
}

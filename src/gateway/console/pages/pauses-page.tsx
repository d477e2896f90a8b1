import type { ComponentChildren } from 'preact';

import type { PayoutControl } from '../../../db/payout-controls';
import type { SendUnderWay } from '../../../db/sends-under-way';
import { countOf, Table, Time } from './parts';
import { PausesTable } from './pauses-table';

/** What is stopped, and what was on its way when it was. */
export function PausesPage({
  orders,
  pauses,
  underWay,
}: {
  readonly pauses: readonly PayoutControl[];
  readonly underWay: readonly SendUnderWay[];
  readonly orders: ComponentChildren;
}) {
  return (
    <>
      <h1>Pauses</h1>
      {pauses.length === 0 ? <p>Nothing is paused.</p> : <PausesTable pauses={pauses} />}
      {orders}
      <p class="quiet">One settlement is paused and resumed on its own page.</p>
      <h2>On the way to Stripe</h2>
      {underWay.length === 0 ? (
        <p>Nothing is on its way.</p>
      ) : (
        <Table
          caption={`${countOf(underWay.length, 'request')} without an answer; a pause does not take them back`}
          head={['transfer', { number: 'attempt' }, 'sent']}
        >
          {underWay.map(({ attemptNumber, id, sentAt }) => (
            <tr>
              <td>
                <code>{id}</code>
              </td>
              <td class="number">{attemptNumber}</td>
              <td>
                <Time at={sentAt} />
              </td>
            </tr>
          ))}
        </Table>
      )}
    </>
  );
}

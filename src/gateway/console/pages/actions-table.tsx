import type { RecordedAction } from '../../../db/operator-actions';
import { CONSOLE_ROOT } from '../local-path';
import { Foreign, Table, Time } from './parts';

/** Who did what and why, newest first. */
export function ActionsTable({ actions }: { readonly actions: readonly RecordedAction[] }) {
  if (actions.length === 0) {
    return <p>Nothing.</p>;
  }
  return (
    <Table
      caption="Operators’ actions, newest first"
      head={['when', 'who', 'what', 'why', 'about']}
    >
      {actions.map(({ actedAt, action, actor, reason, subject }) => (
        <tr>
          <td>
            <Time at={actedAt} />
          </td>
          <td>
            <Foreign text={actor} />
          </td>
          <td>{action}</td>
          <td>
            <Foreign text={reason} />
          </td>
          <td>
            <Subject subject={subject} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

function Subject({ subject }: { readonly subject: RecordedAction['subject'] }) {
  const { settlementId, transferId, ...rest } = subject;
  const facts = Object.entries(rest).filter(([, value]) => value !== null);
  return (
    <>
      {typeof settlementId === 'string' && typeof transferId === 'string' ? (
        <a
          href={`${CONSOLE_ROOT}/settlements/${encodeURIComponent(settlementId)}/transfers/${transferId}`}
        >
          {transferId}
        </a>
      ) : null}{' '}
      <Foreign text={facts.map(([name, value]) => `${name} ${String(value)}`).join(', ')} />
    </>
  );
}

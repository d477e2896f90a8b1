import { shownText } from '../domain/shown-value';
import type { HandedInReport } from './read-status';

/** What a person should know of each, and do. */
const TEXTS: Readonly<Record<HandedInReport['status'], string>> = {
  open: 'open: another system is still writing it and has not said `completed`. Nobody of it is paid.',
  completed:
    'completed: handed in, and not accepted yet. The gateway or the sweep takes it; is either running?',
  rejected:
    'rejected: nobody of it is paid. Correct its rows, set its status to `completed` again, and it is looked at again.',
};

/** A settlement that has no job, for a terminal; whatever was written into its rows is shown as text only. */
export function handedInText(settlement: HandedInReport): string {
  const { rejectedAt, rejectedReasons, settlementId, status } = settlement;
  const since = rejectedAt === null ? [] : [`rejected at ${rejectedAt} because of:`];
  return [
    `${shownText(settlementId)} is ${TEXTS[status]}`,
    ...since,
    ...rejectedReasons.map((reason) => `  ${reason}`),
  ].join('\n');
}

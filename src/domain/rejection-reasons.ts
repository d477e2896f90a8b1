import { PROBLEMS_SHOWN_MAX } from './invalid-input';
import type { SettlementCheck } from './settlement';
import { shownValue } from './shown-value';

const PLACE_OF_WINNER = /^winners\[(\d+)\](?:\.(\w+))?$/;

/**
 * Why the rows of another system were rejected, one line a problem and at most `PROBLEMS_SHOWN_MAX`. Places are those
 * of the rows: columns by their names, winners by their keys. Whatever came from outside is shown by `shownValue`.
 *
 * @param winners the rows in the order in which they were checked
 */
export function rejectionReasons(
  { omitted, problems }: Extract<SettlementCheck, { readonly ok: false }>,
  winners: readonly { readonly userId: string; readonly award: string }[],
): string[] {
  const lines = problems.map(
    ({ expected, found, place }) =>
      `${placeInRows(place, winners)}: found ${found}, expected ${expected}`,
  );
  return omitted === 0
    ? lines
    : [...lines.slice(0, PROBLEMS_SHOWN_MAX - 1), `and ${(omitted + 1).toString()} more`];
}

function placeInRows(
  place: string,
  winners: readonly { readonly userId: string; readonly award: string }[],
): string {
  const [, index, field] = PLACE_OF_WINNER.exec(place) ?? [];
  const winner = index === undefined ? undefined : winners[Number(index)];
  if (winner === undefined) {
    return columnOf(place);
  }
  const who = `winner ${shownValue(winner.userId)}, award ${shownValue(winner.award)}`;
  return field === undefined ? who : `${who}, ${columnOf(field)}`;
}

function columnOf(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

import Table from 'cli-table3';

type Alignment = 'left' | 'right';

/** A table for a terminal or a log: no colours, and lines only around the head. */
export function plainTable(
  columns: Readonly<Record<string, Alignment>>,
  rows: readonly (readonly string[])[],
): string {
  const table = new Table({
    head: Object.keys(columns),
    colAligns: Object.values(columns),
    style: { head: [], border: [] },
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
  });
  table.push(...rows.map((row) => [...row]));
  return table.toString();
}

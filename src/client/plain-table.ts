type Alignment = 'left' | 'right';

/**
 * A table for a terminal or a log: no colours, and lines only around it. Its time and memory grow with the rows and no
 * faster, since whoever approves a hundred thousand winners is shown every one.
 */
export function plainTable(
  columns: Readonly<Record<string, Alignment>>,
  rows: readonly (readonly string[])[],
): string {
  const head = Object.keys(columns);
  const alignments = Object.values(columns);
  const widths = head.map((name, column) =>
    rows.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), name.length),
  );
  const cell = (text: string, column: number) => {
    const width = widths[column] ?? 0;
    return alignments[column] === 'right' ? text.padStart(width) : text.padEnd(width);
  };
  const line = (row: readonly string[]) => `│ ${row.map(cell).join(' │ ')} │`;
  const edge = (left: string, between: string, right: string) =>
    `${left}${widths.map((width) => '─'.repeat(width + 2)).join(between)}${right}`;
  return [edge('┌', '┬', '┐'), line(head), ...rows.map(line), edge('└', '┴', '┘')].join('\n');
}

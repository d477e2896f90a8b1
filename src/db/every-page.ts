import { ROWS_PER_PAGE } from '../domain/limits';

export type ReadPage<Row> = (last: Row | undefined, rowsMax: number) => Promise<Row[]>;

/**
 * Every row of a long reading, a page at a time, so that no statement takes too long and no more than a page need be kept.
 * @param read at most `rowsMax` rows in the order of a key, after this last one; fewer only where they are the last
 */
export async function* everyPage<Row>(
  read: ReadPage<Row>,
  rowsMax = ROWS_PER_PAGE,
): AsyncGenerator<Row[]> {
  let page: Row[] = [];
  do {
    page = await read(page.at(-1), rowsMax);
    if (page.length > 0) {
      yield page;
    }
  } while (page.length === rowsMax);
}

/** The same rows in one list, for what is shown whole. */
export async function everyRow<Row>(read: ReadPage<Row>): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const page of everyPage(read)) {
    rows.push(...page);
  }
  return rows;
}

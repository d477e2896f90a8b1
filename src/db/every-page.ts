import { ROWS_PER_PAGE } from '../domain/limits';

/**
 * Every row of a long reading, a page at a time, so that no statement takes too long and no more than a page need be kept.
 * @param read the next ROWS_PER_PAGE rows in the order of a key, after this last one; fewer where they are the last
 */
export async function* everyPage<Row>(
  read: (last: Row | undefined) => Promise<Row[]>,
  rowsPerPage = ROWS_PER_PAGE,
): AsyncGenerator<Row[]> {
  let page: Row[] = [];
  do {
    page = await read(page.at(-1));
    if (page.length > 0) {
      yield page;
    }
  } while (page.length === rowsPerPage);
}

/** The same rows in one list, for what is shown whole. */
export async function everyRow<Row>(
  read: (last: Row | undefined) => Promise<Row[]>,
): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const page of everyPage(read)) {
    rows.push(...page);
  }
  return rows;
}

import type { JsonObject } from './json-object';
import type { ParamReader } from './params';
import { invalidRequest, noSuch } from './stripe-errors';

export interface Page {
  readonly limit: number;
  readonly startingAfter: string | undefined;
  readonly endingBefore: string | undefined;
}

export const PAGE_PARAMS = ['limit', 'starting_after', 'ending_before'] as const;

export function readPage(params: ParamReader): Page {
  const startingAfter = params.nonEmptyText('starting_after');
  const endingBefore = params.nonEmptyText('ending_before');
  if (startingAfter !== undefined && endingBefore !== undefined) {
    throw invalidRequest(
      'Received both starting_after and ending_before parameters. Please pass in only one.',
      { code: 'parameters_exclusive', param: 'starting_after' },
    );
  }
  return { limit: params.limit(), startingAfter, endingBefore };
}

interface Listing<Row> {
  /** Newest first, unfiltered: a cursor may be an object that the filters leave out. */
  readonly rows: readonly Row[];
  readonly matches: (row: Row) => boolean;
  readonly render: (row: Row) => JsonObject;
  readonly what: string;
  readonly url: string;
}

/** docs.stripe.com/api/pagination. `has_more` speaks of the direction of travel. */
export function listPage<Row extends { id: string }>(page: Page, list: Listing<Row>): JsonObject {
  const { rows, matches, limit } = { ...list, ...page };
  let data: Row[];
  let candidates: Row[];
  if (page.endingBefore === undefined) {
    const from =
      page.startingAfter === undefined
        ? 0
        : position(list, page.startingAfter, 'starting_after') + 1;
    candidates = rows.slice(from).filter(matches);
    data = candidates.slice(0, limit);
  } else {
    const until = position(list, page.endingBefore, 'ending_before');
    candidates = rows.slice(0, until).filter(matches);
    data = candidates.slice(-limit);
  }
  return {
    object: 'list',
    data: data.map((row) => list.render(row)),
    has_more: candidates.length > data.length,
    url: list.url,
  };
}

function position<Row extends { id: string }>(
  { rows, what }: Listing<Row>,
  id: string,
  param: string,
): number {
  const index = rows.findIndex((row) => row.id === id);
  if (index < 0) {
    throw noSuch(what, id, param, 400);
  }
  return index;
}

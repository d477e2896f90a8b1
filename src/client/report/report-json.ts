import { plainJson } from '../plain-json';
import type { ReportHead, ReportWinner } from './read-report';

/** One JSON object, its winners one a line. */
export async function* reportJson(
  head: ReportHead,
  winners: AsyncIterable<readonly ReportWinner[]>,
): AsyncGenerator<string> {
  yield `${plainJson(head).slice(0, -1)},"winners":[`;
  let separator = '\n';
  for await (const page of winners) {
    yield separator + page.map((winner) => plainJson(winner)).join(',\n');
    separator = ',\n';
  }
  yield '\n]}\n';
}

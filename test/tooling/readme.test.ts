/**
 * Goal: whoever sets this up by README.md and .env.example names every setting, and every event that Stripe has to send.
 * Method: the two files are read and compared with the lists that the code itself works by.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { STRIPE_EVENT_TYPES } from '../../src/activities/process-stripe-event';
import { SETTING_RULES } from '../../src/config/setting-rules';
import { queriesOf } from '../support/saved-query-tables';

const textOf = (name: string) => readFileSync(path.join(__dirname, '..', '..', name), 'utf8');

/** README.md from one text to another, or to its end; both have to be there. */
function partOfReadme(begin: string, end = ''): string {
  const readme = textOf('README.md');
  expect(readme).toContain(begin);
  const part = readme.slice(readme.indexOf(begin));
  expect(part).toContain(end);
  return end === '' ? part : part.slice(0, part.indexOf(end));
}

test('the endpoints in Stripe are to send exactly the events that matter', () => {
  const part = partOfReadme('In Stripe, point an endpoint', 'their secrets go into');
  const named = [...part.matchAll(/`([a-z_]+(?:\.[a-z_]+)+)`/g)].map(([, type]) => type);
  expect(named.sort()).toEqual([...STRIPE_EVENT_TYPES].sort());
});

test('the queries for the Web UI are those of the runbook, word for word', () => {
  const inRunbook = queriesOf('docs/RUNBOOK.md');
  const rows = [...queriesOf('README.md')];
  expect(rows.length).toBeGreaterThanOrEqual(6);
  expect(rows).toEqual(rows.map(([question]) => [question, inRunbook.get(question)]));
});

test('every setting stands in the table of README.md and in .env.example, and no other', () => {
  const settings = Object.keys(SETTING_RULES).sort();
  const cells = [...partOfReadme('## Settings').matchAll(/^\| (`[^|]*)\|/gm)];
  const inTable = cells.flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name),
  );
  const inExample = [...textOf('.env.example').matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name);
  expect(inTable.sort()).toEqual(settings);
  expect(inExample.sort()).toEqual(settings);
});

/**
 * Goal: whoever is on call finds in docs/RUNBOOK.md whatever the product can say: every reason, pause, state, refusal, check and
 * command. So it cannot go stale: a new one that it does not name turns this red.
 * Method: the words come from the code that says them; its SQL runs against a migrated database.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';

import { createProgram } from '../../src/client/cli';
import { SAVED_QUERIES } from '../../src/client/saved-queries';
import { verifyBooks } from '../../src/client/verify/verify-books';
import { RUN_STATEMENTS } from '../../src/client/verify/verify-runs';
import { STRIPE_STATEMENTS } from '../../src/client/verify/verify-stripe';
import { breakerCause, platformPause } from '../../src/domain/breaker';
import { ANSWER_TABLE } from '../../src/domain/classify-answer';
import { JOB_STATUSES } from '../../src/domain/job-state';
import { BREAKER_RATE_LIMITED_ANSWERS } from '../../src/domain/limits';
import { isAlarm } from '../../src/domain/next-state';
import { REASONS, type ReasonCode } from '../../src/domain/reasons';
import { SETTLEMENT_STATUSES } from '../../src/domain/settlement';
import { TRANSFER_STATUSES } from '../../src/domain/transfer-state';
import { openDatabaseBed, type DatabaseBed } from '../support/builders';
import { queriesOf, SUBJECT_IN_DOCUMENTS } from '../support/saved-query-tables';

const ROOT = resolve(__dirname, '../..');
const RUNBOOK = read('docs/RUNBOOK.md');
const LESSONS = read('docs/LESSONS-LEARNED.md');
const REASON_CODES = Object.keys(REASONS) as ReasonCode[];
const SOURCES = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => read(`src/${file}`));
/** Whatever the files of the domain export, by name. */
const DOMAIN = Object.assign(
  {},
  ...readdirSync(join(ROOT, 'src/domain')).map((file) =>
    jest.requireActual<object>(join(ROOT, 'src/domain', file)),
  ),
) as Readonly<Record<string, unknown>>;

/** Placeholders of the runbook that Postgres would not take for an id. */
const PLACEHOLDERS = { TRANSFER: '00000000-0000-5000-8000-000000000000' };

let bed: DatabaseBed;

beforeAll(async () => {
  bed = await openDatabaseBed();
});

afterAll(async () => {
  await bed.close();
});

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** The part of the runbook under a heading, down to the next one of its level or above. */
function section(heading: string): string {
  const [level = ''] = heading.split(' ');
  const [, after] = RUNBOOK.split(`\n${heading}\n`);
  if (after === undefined) {
    throw new Error(`the runbook has no heading ${heading}`);
  }
  return after.split(new RegExp(`\n#{1,${level.length}} `))[0] ?? '';
}

function notNamedIn(text: string, words: readonly string[]): string[] {
  return words.filter((word) => !new RegExp(`\`${word}[\`:]`).test(text));
}

test('every reason has its row', () => {
  expect(notNamedIn(section('## Every reason'), REASON_CODES)).toEqual([]);
});

test('every state of a transfer, a job and a settlement has its row', () => {
  expect(notNamedIn(section('## Every state of a transfer'), TRANSFER_STATUSES)).toEqual([]);
  expect(notNamedIn(section('## Every state of a job'), JOB_STATUSES)).toEqual([]);
  expect(notNamedIn(section('### A settlement was rejected'), SETTLEMENT_STATUSES)).toEqual([]);
});

const PLATFORM_PAUSES = '### Set by an error of the platform';

describe('every cause of a pause has its row:', () => {
  test('errors of the platform’s', () => {
    const causes = REASON_CODES.filter((reason) => platformPause(reason) !== undefined);
    expect(causes).toContain('platform_balance_insufficient');
    expect(notNamedIn(section(PLATFORM_PAUSES), causes)).toEqual([]);
  });

  test('the same answer again and again', () => {
    const answers = ANSWER_TABLE.flatMap(({ outcome }) =>
      outcome === 'created' || outcome.kind === 'created' ? [] : [outcome.reason],
    );
    const causes = [...new Set(answers)].filter(
      (reason) => isAlarm(reason) || tripsBreaker(reason),
    );
    expect(causes).toEqual(
      expect.arrayContaining(['payee_account_closed', 'unknown_key_mismatch']),
    );
    expect(notNamedIn(section('### Set because it happens again and again'), causes)).toEqual([]);
  });

  test('alarms and whatever else the code names', () => {
    const causes = namedCauses();
    expect(causes).toEqual(expect.arrayContaining(['duplicate_stripe_transfer', 'operator']));
    expect(notNamedIn(section('## Every pause and every alarm'), causes)).toEqual([]);
  });

  test('and every alarm of one winner', () => {
    expect(notNamedIn(section('### Alarms of one winner'), REASON_CODES.filter(isAlarm))).toEqual(
      [],
    );
  });
});

/** Whether so many winners in a row, refused for this reason, pause their settlement. */
function tripsBreaker(reason: ReasonCode): boolean {
  const ends = Array.from({ length: BREAKER_RATE_LIMITED_ANSWERS }, (_, winner) => ({
    transferId: winner.toString(),
    reason,
  }));
  return breakerCause(ends) !== undefined;
}

/** The causes that the code names: `cause: 'x'`, `cause: X`, an alarm's `x:<what it is about>`, and verdicts that become one. */
function namedCauses(): string[] {
  const texts = wordsIn(
    /\bcause: '(\w+)'/g,
    /raiseAlarm\([^`;]*`(\w+):/g,
    /is: 'alarm', reason: '(\w+)'/g,
  );
  const constants = wordsIn(/\bcause: ([A-Z]\w+)/g).map((name) => String(DOMAIN[name]));
  return [...texts, ...constants];
}

/** The first groups of these patterns, wherever they stand in `src`. */
function wordsIn(...patterns: readonly RegExp[]): string[] {
  const found = patterns.flatMap((pattern) =>
    SOURCES.flatMap((text) => [...text.matchAll(pattern)]),
  );
  return [...new Set(found.map(([, word = '']) => word))];
}

test('whatever a command may refuse has its row', () => {
  const refusals = Object.entries(DOMAIN)
    .filter(([name]) => name.endsWith('_REFUSAL_TEXTS'))
    .flatMap(([, texts]) => Object.keys(texts as object));
  expect(refusals).toEqual(expect.arrayContaining(['being_sent', 'paid_at_stripe']));
  expect(notNamedIn(section('### When a command refuses'), refusals)).toEqual([]);
});

test('every saved query of the Web UI stands in it beside its question, to copy', () => {
  const queries = Object.entries(SAVED_QUERIES).map(([question, query]) => [
    question,
    query(SUBJECT_IN_DOCUMENTS),
  ]);
  expect([...queriesOf('docs/RUNBOOK.md')]).toEqual(queries);
});

test('every figure of the gateway has its row', () => {
  const figures = wordsIn(/(?:name: |gauge\(\s*)'(payouts_\w+)'/g);
  expect(figures).toContain('payouts_pauses_in_force');
  const rows = section('## What should wake somebody');
  expect(figures.filter((figure) => !rows.includes(`\`${figure}`))).toEqual([]);
});

test('every check of verify has its row', async () => {
  const breaks = section('## verify finds a break');
  const compared = { ...RUN_STATEMENTS, ...STRIPE_STATEMENTS };
  expect(notNamedIn(breaks, Object.keys(compared))).toEqual([]);
  const { checks } = await verifyBooks(bed.database, undefined);
  const statements = [...checks.map(({ name }) => name), ...Object.values(compared)];
  expect(statements.filter((statement) => !breaks.includes(` ${statement} `))).toEqual([]);
});

test('every command of the command line has its row', () => {
  const commands = leaves(createProgram(() => Promise.resolve()));
  expect(commands).toContain('payouts local up');
  expect(notNamedIn(section('## Every command'), commands)).toEqual([]);
});

/** A command line as it stands in the runbook, without its texts and remarks. */
const COMMAND_LINES = [...RUNBOOK.matchAll(/(?:`|^ *)(payouts [a-z][^`\n]*)/gm)].map(
  ([, line = '']) => line.replaceAll(/"[^"]*"|#.*|>.*/g, ''),
);

test('every command line in it can be typed', () => {
  expect(COMMAND_LINES.length).toBeGreaterThan(50);
  expect(COMMAND_LINES.filter((line) => !isCommandLine(line))).toEqual([]);
});

function isCommandLine(line: string): boolean {
  const [, ...words] = line.trim().split(/\s+/);
  let command: Command | undefined = createProgram(() => Promise.resolve());
  while (command !== undefined && command.commands.length > 0) {
    const name = words.shift();
    command = command.commands.find((child) => child.name() === name);
  }
  const known = command?.options.map(({ long }) => long) ?? [];
  const given = words.filter((word) => word.startsWith('--'));
  return command !== undefined && given.every((option) => known.includes(option));
}

function leaves(command: Command, before = ''): string[] {
  const name = `${before}${command.name()}`;
  return command.commands.length === 0
    ? [name]
    : command.commands.flatMap((child) => leaves(child, `${name} `));
}

const STATEMENTS = [...RUNBOOK.matchAll(/^ *psql "\$DATABASE_URL" -c "([^"]+)"/gm)].map(
  ([, statement = '']) => statement,
);

test('it reads with SQL, and only reads', () => {
  expect(STATEMENTS.length).toBeGreaterThan(10);
  expect(STATEMENTS.filter((statement) => !statement.startsWith('select '))).toEqual([]);
});

test.each(STATEMENTS)('Postgres takes: %s', async (statement) => {
  const filledIn = statement.replaceAll(/'(TRANSFER)'/g, `'${PLACEHOLDERS.TRANSFER}'`);
  await expect(bed.rows(filledIn)).resolves.toBeDefined();
});

test('its links lead somewhere', () => {
  const anchors = new Set(
    [...RUNBOOK.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading)),
  );
  const links = [...RUNBOOK.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor = '']) => anchor);
  expect(links.length).toBeGreaterThan(0);
  expect(links.filter((anchor) => !anchors.has(anchor))).toEqual([]);
});

/** As GitHub makes them. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');
}

test('every lesson is held by a test that exists', () => {
  const paths = [...LESSONS.matchAll(/`(test\/[\w./-]+)`/g)].map(([, path = '']) => path);
  expect(paths.length).toBeGreaterThan(0);
  expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  const lessons = LESSONS.split(/\n### /).slice(1);
  expect(lessons.filter((lesson) => !/\*\*Held by\*\*.*`test\//s.test(lesson))).toEqual([]);
});

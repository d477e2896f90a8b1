/**
 * Goal: the import rules can go red.
 * Method: each rule of dependency-cruiser and each ban of ESLint gets a file that breaks it, in a temporary tree with the
 * shape of this repository; a rule that has no such file, or that stays silent on it, fails here.
 */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '../..');
const { forbidden } = jest.requireActual<{ forbidden: { name: string }[] }>(
  '../../.dependency-cruiser.cjs',
);
/** It ends a hang on a busy machine and measures nothing. */
const RUN_TIMEOUT_MS = 300_000;

/** Path in the temporary tree to its text. */
type Tree = Record<string, string>;

const VALUE = 'export const value = 1;\nexport interface Shape { a: number }\n';
const value = (from: string) => `import { value } from '${from}';\nvoid value;\n`;
const type = (from: string) => `import type { Shape } from '${from}';\nexport type T = Shape;\n`;

/** Every file that others import, one a folder, so that all paths resolve. */
const NEIGHBOURS: Tree = {
  'src/domain/money.ts': VALUE,
  'src/domain/contracts.ts': VALUE,
  'src/db/rows.ts': VALUE,
  'src/stripe/answers.ts': VALUE,
  'src/config/settings.ts': VALUE,
  'src/activities/index.ts': VALUE,
  'src/activities/sweep.ts': VALUE,
  'src/workflows/index.ts': VALUE,
  'src/workflows/messages.ts': VALUE,
  'src/worker/create-worker.ts': VALUE,
  'src/client/cli.ts': VALUE,
  'src/client/commands/settle.ts': VALUE,
  'src/client/payouts.ts': VALUE,
  'src/gateway/server.ts': VALUE,
  'src/helpers/text.ts': VALUE,
  'local/local-up.ts': VALUE,
  'local/stack.ts': VALUE,
  'local/stripe-sandbox/server.ts': VALUE,
  'bench/load.ts': VALUE,
  'test/support/database.ts': VALUE,
};

/** For each rule the files that break it, and break nothing else. */
const BAD: Record<string, Tree> = {
  'src-has-five-floors': { 'src/activities/bad-folder.ts': value('../helpers/text') },
  'domain-is-pure': {
    'src/domain/bad-npm.ts': value('uuid'),
    'src/domain/bad-built-in.ts': "import { hash } from 'node:crypto';\nvoid hash;\n",
    'src/domain/bad-floor.ts': type('../db/rows'),
    'src/domain/bad-require.ts': "const fs: unknown = require('fs');\nvoid fs;\n",
    'src/domain/bad-config.ts': value('../config/settings'),
  },
  'floor-2-looks-down': {
    'src/db/bad-up.ts': type('../activities/sweep'),
    'src/stripe/bad-up.ts': value('../worker/create-worker'),
    'src/config/bad-up.ts': value('../client/payouts'),
  },
  'floor-2-neighbours-apart': {
    'src/db/bad-neighbour.ts': value('../stripe/answers'),
    'src/stripe/bad-neighbour.ts': type('../db/rows'),
    'src/config/bad-neighbour.ts': value('../db/rows'),
    'src/db/deep/bad-neighbour.ts': value('../../config/settings'),
  },
  'floor-3-looks-down': {
    'src/activities/bad-up.ts': type('../workflows/messages'),
    'src/activities/bad-top.ts': value('../gateway/server'),
  },
  'workflows-do-no-io': {
    'src/workflows/bad-npm.ts': value('pg'),
    'src/workflows/bad-activity-sdk.ts': value('@temporalio/activity'),
    'src/workflows/bad-built-in.ts': "import { readFile } from 'fs/promises';\nvoid readFile;\n",
    'src/workflows/bad-db.ts': type('../db/rows'),
    'src/workflows/bad-worker.ts': value('../worker/create-worker'),
    'src/workflows/deep/bad-client.ts': value('../../client/payouts'),
  },
  'workflows-take-only-types-from-activities': {
    'src/workflows/bad-value.ts': value('../activities/index'),
  },
  'workflows-see-one-activity-file': { 'src/workflows/bad-file.ts': type('../activities/sweep') },
  'worker-looks-down': { 'src/worker/bad-up.ts': type('../client/payouts') },
  'worker-takes-workflows-by-path': {
    'src/worker/bad-import.ts': value('../workflows/index'),
    'src/worker/bad-type.ts': type('../workflows/messages'),
  },
  'gateway-gives-no-command': {
    'src/gateway/bad-command.ts': value('../client/commands/settle'),
    'src/gateway/bad-cli.ts': type('../client/cli'),
  },
  'only-its-command-knows-the-gateway': {
    'src/client/bad-gateway.ts': value('../gateway/server'),
    'src/client/commands/bad-gateway.ts': type('../../gateway/server'),
  },
  'gateway-command-starts-it-when-asked': {
    'src/client/commands/gateway.ts': value('../../gateway/server'),
  },
  'outsiders-see-only-workflow-messages': {
    'src/client/bad-workflow.ts': type('../workflows/index'),
    'src/gateway/bad-workflow.ts': value('../workflows/index'),
  },
  'src-imports-only-src': {
    'src/client/bad-local.ts': "export const up = () => import('../../local/local-up.js');\n",
    'src/db/bad-bench.ts': type('../../bench/load'),
  },
  'local-up-imports-one-local-file': {
    'src/client/commands/local-up.ts':
      "export const up = () => import('../../../local/stack.js');\n" +
      value('../../../local/local-up'),
  },
  'local-up-loads-the-stack-when-asked': {
    // The file above breaks this one too: there is only one file that both rules are about.
  },
  'sandbox-stands-alone': {
    'local/stripe-sandbox/bad-src.ts': type('../../src/domain/money'),
    'local/stripe-sandbox/bad-local.ts': value('../stack'),
  },
  'only-tests-import-tests': {
    'src/db/bad-test.ts': value('../../test/support/database'),
    'local/bad-test.ts': type('../test/support/database'),
  },
  'no-cycles': {
    'src/stripe/bad-cycle-a.ts': type('./bad-cycle-b') + VALUE,
    'src/stripe/bad-cycle-b.ts': value('./bad-cycle-a') + VALUE,
  },
};

/** What the list of floors allows; none of it may be reported. */
const GOOD: Tree = {
  'src/domain/good.ts': value('./money'),
  'src/db/good.ts': value('../domain/money') + "import pg from 'pg';\nvoid pg;\n",
  'src/activities/good.ts': value('../db/rows') + type('../stripe/answers'),
  'src/workflows/good.ts':
    type('../activities/index') +
    "import { log } from '@temporalio/workflow';\nvoid log;\n" +
    "import { ApplicationFailure } from '@temporalio/common';\nvoid ApplicationFailure;\n" +
    value('../domain/contracts'),
  'src/worker/good.ts':
    value('../activities/index') +
    "export const workflowsPath = require.resolve('../workflows/index');\n",
  'src/client/good.ts': value('../workflows/messages') + type('../worker/create-worker'),
  'src/client/commands/gateway.ts': "export const run = () => import('../../gateway/server.js');\n",
  'src/gateway/good.ts':
    value('../db/rows') + type('../workflows/messages') + value('../client/payouts'),
  'local/good.ts': value('../src/client/payouts') + type('./stripe-sandbox/server'),
  'local/stripe-sandbox/good.ts': value('./server') + "import http from 'node:http';\nvoid http;\n",
  'test/good.test.ts': value('./support/database') + type('../local/stack'),
};
const GOOD_LOCAL_UP: Tree = {
  'src/client/commands/local-up.ts':
    type('../../../local/local-up') +
    "export const up = () => import('../../../local/local-up.js');\n",
};

interface Violation {
  from: string;
  rule: { name: string };
  /** Only of a cycle, which is reported once and names its other files here. */
  cycle?: { name: string }[];
}

let scratch: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'import-rules-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

async function plant(name: string, tree: Tree): Promise<string> {
  const folder = join(scratch, name);
  for (const [path, text] of Object.entries(tree)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  for (const file of ['tsconfig.json', 'package.json', 'eslint.config.mjs']) {
    await copyFile(join(ROOT, file), join(folder, file));
  }
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'junction');
  return folder;
}

/** Both tools end with a code that is not 0 when they find something; only their report counts. */
function report(cwd: string, tool: string, args: string[]): Promise<string> {
  const script = join(ROOT, 'node_modules', tool);
  return new Promise((done, fail) => {
    execFile(
      process.execPath,
      [script, ...args],
      { cwd, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (stdout === '') {
          fail(new Error(`${tool} printed no report: ${stderr || (error?.message ?? 'nothing')}`));
        } else {
          done(stdout);
        }
      },
    );
  });
}

async function violations(folder: string): Promise<Violation[]> {
  const stdout = await report(folder, 'dependency-cruiser/bin/dependency-cruise.mjs', [
    ...['src', 'local', 'test', 'bench'],
    ...['--config', join(ROOT, '.dependency-cruiser.cjs'), '--output-type', 'json'],
  ]);
  return (JSON.parse(stdout) as { summary: { violations: Violation[] } }).summary.violations;
}

describe('the import rules of .dependency-cruiser.cjs', () => {
  const ruleNames = forbidden.map(({ name }) => name);
  let found: Violation[];

  beforeAll(async () => {
    const bad = Object.assign({}, ...Object.values(BAD)) as Tree;
    found = await violations(await plant('bad', { ...NEIGHBOURS, ...bad }));
  }, RUN_TIMEOUT_MS);

  it('each has a bad file here, and each fires', () => {
    expect(Object.keys(BAD).sort()).toEqual([...ruleNames].sort());
    expect([...new Set(found.map(({ rule }) => rule.name))].sort()).toEqual([...ruleNames].sort());
  });

  it.each(Object.entries(BAD))('%s fires on each of its bad files', (rule, files) => {
    const fired = found
      .filter(({ rule: { name } }) => name === rule)
      .flatMap(({ from, cycle = [] }) => [from, ...cycle.map(({ name }) => name)]);
    expect(fired).toEqual(expect.arrayContaining(Object.keys(files)));
  });

  it('fire for their own reason, and on nothing else', () => {
    const owner = new Map(
      Object.entries(BAD).flatMap(([rule, files]) =>
        Object.keys(files).map((file): [string, string] => [file, rule]),
      ),
    );
    const others = found.filter(({ from, rule }) => owner.get(from) !== rule.name);
    expect(others.map(({ from, rule }) => `${rule.name} ${from}`)).toEqual([
      'local-up-loads-the-stack-when-asked src/client/commands/local-up.ts',
    ]);
  });

  it(
    'let pass what the floors allow',
    async () => {
      const tree = { ...NEIGHBOURS, ...GOOD, ...GOOD_LOCAL_UP };
      expect(await violations(await plant('good', tree))).toEqual([]);
    },
    RUN_TIMEOUT_MS,
  );
});

/** Each line that ends in `// !! rule` must be reported for that rule, every other line not at all. */
const LINTED: Tree = {
  'src/activities/index.ts': `export const pay = (): number => 1;\nexport interface Activities { pay: number }\n`,
  'src/activities/sweep.ts': `export interface Sweep { pay: number }\n`,
  'src/workflows/bad.ts': [
    "import { readFileSync } from 'node:fs'; // !! @typescript-eslint/no-restricted-imports",
    "import { join } from 'path'; // !! @typescript-eslint/no-restricted-imports",
    "import { stat } from 'fs/promises'; // !! @typescript-eslint/no-restricted-imports",
    "import { Pool } from 'pg'; // !! @typescript-eslint/no-restricted-imports",
    "import { Stripe } from 'stripe'; // !! @typescript-eslint/no-restricted-imports",
    "import { sql } from 'drizzle-orm'; // !! @typescript-eslint/no-restricted-imports",
    "import { text } from 'drizzle-orm/pg-core'; // !! @typescript-eslint/no-restricted-imports",
    "import { Context } from '@temporalio/activity'; // !! @typescript-eslint/no-restricted-imports",
    "import { Client } from '@temporalio/client'; // !! @typescript-eslint/no-restricted-imports",
    "import { Worker } from '@temporalio/worker'; // !! @typescript-eslint/no-restricted-imports",
    "import { TestWorkflowEnvironment } from '@temporalio/testing'; // !! @typescript-eslint/no-restricted-imports",
    "import { pay } from '../activities/index'; // !! @typescript-eslint/no-restricted-imports",
    "import type { Sweep } from '../activities/sweep'; // !! @typescript-eslint/no-restricted-imports",
    "import type { Activities } from '../activities/index';",
    "import { ApplicationFailure } from '@temporalio/common';",
    "import { log } from '@temporalio/workflow';",
    'export const used = [readFileSync, join, stat, Pool, Stripe, sql, text, Context, Client];',
    'export const more = [Worker, TestWorkflowEnvironment, pay, ApplicationFailure, log];',
    'export type Types = [Sweep, Activities];',
  ].join('\n'),
  'src/workflows/deep/er/bad.ts': [
    'export const a = process.env; // !! no-restricted-globals',
    "export const b = fetch('https://example.com'); // !! no-restricted-globals",
    'export const c = console; // !! no-restricted-globals',
    "export const d = Buffer.from(''); // !! no-restricted-globals",
    'export const e = setInterval; // !! no-restricted-globals',
    'export const f = new WeakRef({}); // !! no-restricted-globals',
    'export const g = FinalizationRegistry; // !! no-restricted-globals',
    'export const h = globalThis.process; // !! no-restricted-globals',
    'export const now = Date.now() + Math.random();',
  ].join('\n'),
  'src/domain/bad.ts': [
    "import { v5 } from 'uuid'; // !! @typescript-eslint/no-restricted-imports",
    "import { createHash } from 'node:crypto'; // !! @typescript-eslint/no-restricted-imports",
    'export const a = process.pid; // !! no-restricted-globals',
    'export const b = Date.now(); // !! no-restricted-globals',
    'export const c = new Date(0); // !! no-restricted-globals',
    'export const d = Math.random(); // !! no-restricted-properties',
    'export const e = crypto.randomUUID(); // !! no-restricted-globals',
    'export const f = [v5, createHash];',
  ].join('\n'),
  'src/db/bad.ts': [
    "import { Pool } from 'pg'; // !! @typescript-eslint/consistent-type-imports",
    "import { type Client } from 'pg'; // !! @typescript-eslint/no-import-type-side-effects",
    'export const work = async (): Promise<void> => Promise.resolve();',
    'export const f = (pool: Pool, client: Client): void => {',
    '  void pool; void client;',
    '  work(); // !! @typescript-eslint/no-floating-promises',
    '  [1].forEach(work); // !! @typescript-eslint/no-misused-promises',
    '};',
    'export const g = (x: "a" | "b"): number => {',
    '  switch (x) { // !! @typescript-eslint/switch-exhaustiveness-check',
    "    case 'a': return 1;",
    '  }',
    '  return 2;',
    '};',
    'export const h = (x: any) => x === 1; // !! @typescript-eslint/no-explicit-any',
    '/** @deprecated */',
    'export const old = 1;',
    'export const i = (a: number) => { if (a) return 1; return 2; }; // !! curly',
    'export function five(a: 1, b: 1, c: 1, d: 1, e: 1) { return [a, b, c, d, e]; } // !! @typescript-eslint/max-params',
    'export default work; // !! no-restricted-exports',
  ].join('\n'),
  'src/db/long.ts': `export function long() { // !! max-lines-per-function\n${'  long();\n'.repeat(70)}}\n`,
  'src/db/uses-old.ts': [
    "import { old } from './bad';",
    'export const j = old; // !! @typescript-eslint/no-deprecated',
  ].join('\n'),
};

interface LintedFile {
  filePath: string;
  messages: { ruleId: string | null; line: number; message: string }[];
}

describe('the bans of eslint.config.mjs', () => {
  let files: LintedFile[];

  beforeAll(async () => {
    const folder = await plant('linted', LINTED);
    files = JSON.parse(
      await report(folder, 'eslint/bin/eslint.js', ['--format', 'json', 'src']),
    ) as LintedFile[];
  }, RUN_TIMEOUT_MS);

  it.each(Object.keys(LINTED))('fire on the marked lines of %s only', (path) => {
    const marks = LINTED[path]!.split('\n').flatMap((text, index) => {
      const rule = /\/\/ !! (\S+)$/.exec(text)?.[1];
      return rule === undefined ? [] : [`${index + 1} ${rule}`];
    });
    const { messages } = files.find(({ filePath }) => filePath.endsWith(path))!;
    expect(messages.filter(({ ruleId }) => ruleId === null)).toEqual([]);
    const rules = new Set(marks.map((mark) => mark.split(' ')[1]));
    const bans = /restricted|max-|curly/;
    const fired = messages
      .filter(({ ruleId }) => rules.has(ruleId ?? '') || bans.test(ruleId ?? ''))
      .map(({ line, ruleId }) => `${line} ${ruleId}`);
    expect([...new Set(fired)].sort()).toEqual(marks.sort());
  });
});

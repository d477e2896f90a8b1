/**
 * Goal: what accounting gets is every record, in a stable order, equal to the ledger to the cent, and harmless in a spreadsheet;
 * a stopped export leaves nothing, and a large one takes no more memory than a small one.
 * Method: the built command on debts that the real sandbox has paid; hostile texts are inserted by SQL; the files are parsed back.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  createReadStream,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { parse } from 'csv-parse/sync';
import { Client } from 'pg';

import { recordInstallation } from '../../src/db/installation';
import { trialBalance } from '../../src/db/ledger';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { decimalAmount } from '../../src/domain/money';
import {
  givenPayableSettlement,
  openActivityBed,
  type ActivityBed,
} from '../activities/activity-bed';
import { reversalBed } from '../activities/reversal-bed';
import { until } from '../e2e/bed';
import { runCli, spawnCli, type CommandResult } from '../support/processes';

const CLI = path.resolve(__dirname, '../../dist/src/client/cli.js');
const LONG_MS = 300_000;
const MANY = 200_000;

let bed: ActivityBed;
let folder: string;
/** One settlement in yen with two paid and one refused, and one in dollars with one paid. */
let yen: readonly PayoutTransfer[];
let dollars: readonly PayoutTransfer[];

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'payouts-export-'));
  bed = await openActivityBed();
  await recordInstallation(bed.database, bed.platform);
  yen = await givenPayableSettlement(bed, { currency: 'jpy', winners: 3 });
  dollars = await givenPayableSettlement(bed, { winners: 1 });
  await bed.fault({ kind: 'status', status: 400, code: 'transfers_not_allowed' });
  for (const transfer of [...yen, ...dollars]) {
    await bed.step(transfer);
  }
  await givenReversalUnderWay(dollars[0]!);
});

afterAll(async () => {
  await bed.close();
  rmSync(folder, { recursive: true, force: true });
});

async function givenReversalUnderWay(transfer: PayoutTransfer): Promise<void> {
  const { begin, ordered } = reversalBed(bed);
  await begin(await ordered({ transferId: transfer.id, amountMinor: 300 }));
}

const env = () => ({ DATABASE_URL: bed.databaseUrl });
const run = (...args: readonly string[]): Promise<CommandResult> =>
  runCli(['export', ...args], { env: env(), cwd: folder });

type Line = Readonly<Record<string, string>>;

async function csvOf(...args: readonly string[]): Promise<Line[]> {
  const { code, stderr, stdout } = await run(...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return parsed(stdout);
}

function parsed(csv: string): Line[] {
  return parse(csv, { bom: true, columns: true, record_delimiter: '\r\n' });
}

async function jsonOf(...args: readonly string[]): Promise<Readonly<Record<string, unknown>>[]> {
  const { stdout } = await run(...args, '--format', 'jsonl');
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('postings', () => {
  test('sum up to the trial balance, account by account, and name what Stripe made', async () => {
    const lines = await csvOf('postings');
    const balances = await trialBalance(bed.database);
    const sums = new Map<string, number>();
    for (const { account, amount, amount_minor: minor, currency, side } of lines) {
      expect(amount).toBe(decimalAmount(Number(minor), currency!));
      expect(side).toBe(Number(minor) > 0 ? 'debit' : 'credit');
      const key = `${account!} ${currency!}`;
      sums.set(key, (sums.get(key) ?? 0) + Number(minor));
    }
    expect(Object.fromEntries(sums)).toEqual(
      Object.fromEntries(
        balances.map(({ account, balanceMinor, currency }) => [
          `${account} ${currency}`,
          balanceMinor,
        ]),
      ),
    );
    const { byPayoutTransferId } = await bed.sandbox.oracle();
    const paid = lines.filter(
      ({ account, kind }) => kind === 'payout' && account === 'stripe_balance',
    );
    expect(paid).toHaveLength(3);
    for (const line of paid) {
      const made = byPayoutTransferId[line['transfer_id']!];
      expect({ ids: [line['stripe_transfer_id']], amount: -Number(line['amount_minor']) }).toEqual({
        ids: made?.ids,
        amount: made?.amountMinor,
      });
    }
  });

  test('of one settlement are its own; both formats say the same, in the order of the ids', async () => {
    const { settlementId } = yen[0]!;
    const lines = await csvOf('postings', '--settlement', settlementId);
    expect(new Set(lines.map((line) => line['settlement_id']))).toEqual(new Set([settlementId]));
    const entries = lines.map((line) => Number(line['entry_id']));
    expect(entries).toEqual([...entries].sort((left, right) => left - right));
    const objects = await jsonOf('postings', '--settlement', settlementId);
    const asTexts = objects.map((object) =>
      Object.fromEntries(
        Object.entries(object).map(([name, value]) => [
          name,
          value === null ? '' : JSON.stringify(value).replaceAll('"', ''),
        ]),
      ),
    );
    expect(asTexts).toEqual(lines);
    expect(await csvOf('postings', '--settlement', settlementId)).toEqual(lines);
  });

  test('negative amounts stay numbers, also as digits of the currency', async () => {
    const { stdout } = await run('postings', '--settlement', dollars[0]!.settlementId);
    expect(stdout).toContain('"stripe_balance","credit",-1000,-10.00,"usd"\r\n');
  });

  test('a time takes a part: from it on, and before it', async () => {
    const all = await csvOf('postings');
    const moment = all[4]!['posted_at']!;
    const before = await csvOf('postings', '--until', moment);
    const after = await csvOf('postings', '--since', moment);
    expect(before.length).toBeGreaterThan(0);
    expect([...before, ...after]).toEqual(all);
    expect(await csvOf('postings', '--until', '2000-01-01')).toEqual([]);
  });
});

test('attempts are one line for each POST, payments’ before reversals’', async () => {
  const lines = await csvOf('attempts');
  const expected = (
    await Promise.all([...yen, ...dollars].map((transfer) => bed.attemptsOf(transfer)))
  ).flat();
  const payments = lines.filter(({ kind }) => kind === 'payment');
  expect(payments.map((line) => `${line['transfer_id']!} ${line['attempt_number']!}`)).toEqual(
    expected.map((row) => `${row.transferId} ${row.attemptNumber.toString()}`).sort(),
  );
  const refused = payments.find(({ outcome }) => outcome === 'not_created');
  expect(refused).toMatchObject({
    reason: 'payee_region_not_allowed',
    http_status: '400',
    resolution: 'not_created',
    currency: 'jpy',
    replayed: 'false',
  });
  expect(refused?.['amount']).toBe(refused?.['amount_minor']);
  expect(lines.slice(payments.length)).toMatchObject([
    {
      kind: 'reversal',
      transfer_id: dollars[0]!.id,
      amount_minor: '300',
      amount: '3.00',
      outcome: '',
    },
  ]);
});

describe('actions with hostile texts', () => {
  const formula = "=cmd|' /C calc'!A0";
  const turned = 'good\u202Egnp.exe\u0007';

  beforeAll(async () => {
    await bed.rows(
      `insert into operator_actions (action, actor, reason, subject) values
         ('pause', '@SUM(A1)', $1, $2), ('retry', '-1+1', $3, $4), ('retry', '+1', '<script>alert(1)</script>', $5)`,
      [
        formula,
        JSON.stringify({ settlementId: yen[0]!.settlementId }),
        `${turned}\r\n"quoted",=1+1`,
        JSON.stringify({ transferId: dollars[0]!.id, note: 'a\u202Eb' }),
        '{"note": "a\\u0000b"}',
      ],
    );
  });

  test('are text in a spreadsheet, and one line each', async () => {
    const { stdout } = await run('actions');
    const lines = parsed(stdout);
    expect(stdout.split('\r\n')).toHaveLength(lines.length + 2);
    expect(stdout.slice(1)).not.toMatch(/[\p{Cf}]|[^\P{Cc}\r\n]/u);
    expect(lines.slice(-3)).toMatchObject([
      { actor: "'@SUM(A1)", reason: `'${formula}` },
      { actor: "'-1+1", reason: 'good\\u202egnp.exe\\u0007\\u000d\\u000a"quoted",=1+1' },
      { actor: "'+1", reason: '<script>alert(1)</script>', subject: '{"note": "a\\u0000b"}' },
    ]);
  });

  test('are the same text in JSON, with nothing in it that a terminal obeys', async () => {
    const { stdout } = await run('actions', '--format', 'jsonl');
    expect(stdout).not.toMatch(/[\p{Cf}]|[^\P{Cc}\n]/u);
    const objects = await jsonOf('actions');
    expect(objects.slice(-3)).toMatchObject([
      { reason: formula },
      { reason: `${turned}\r\n"quoted",=1+1` },
      { reason: '<script>alert(1)</script>' },
    ]);
    expect(JSON.parse(String(objects.at(-2)?.['subject']))).toMatchObject({ note: 'a\u202Eb' });
  });

  test('of a settlement are those that name it or one of its transfers', async () => {
    expect(await csvOf('actions', '--settlement', yen[0]!.settlementId)).toMatchObject([
      { action: 'pause' },
    ]);
    expect(await csvOf('actions', '--settlement', dollars[0]!.settlementId)).toMatchObject([
      { action: 'reverse' },
      { action: 'retry', actor: "'-1+1" },
    ]);
  });
});

describe('wrong use is refused by name, and nothing is written:', () => {
  test.each<[string, readonly string[], number, string]>([
    ['what is not known', ['invoices'], 2, 'Allowed choices are attempts, postings, actions'],
    ['a format that is not known', ['actions', '--format', 'xlsx'], 2, 'csv, jsonl'],
    [
      'no time',
      ['actions', '--since', 'yesterday'],
      2,
      '--since: found "yesterday", expected a day',
    ],
    ['no day', ['actions', '--until', '2026-02-30'], 2, '--until: found "2026-02-30"'],
    ['a moment without offset', ['actions', '--since', '2026-02-03T10:00'], 2, 'expected a day'],
    [
      'an end before the beginning',
      ['actions', '--since', '2026-02-02', '--until', '2026-02-01'],
      2,
      '--since has to be before --until',
    ],
    [
      'no such settlement',
      ['actions', '--settlement', '=1\u202e'],
      1,
      'settlement =1\\u202e is not',
    ],
    ['no such folder', ['actions', '--output', 'nowhere/x.csv'], 2, 'its folder does not exist'],
  ])('%s', async (_what, args, code, words) => {
    const result = await run(...args);
    expect({ code: result.code, stdout: result.stdout }).toEqual({ code, stdout: '' });
    expect(result.stderr).toContain(words);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('a database that is away', async () => {
    const url = 'postgres://nobody:secret@127.0.0.1:1/none';
    const result = await runCli(['export', 'actions'], { env: { DATABASE_URL: url } });
    expect(result).toMatchObject({ code: 3, stdout: '' });
    expect(result.stderr).not.toContain('secret');
  });
});

describe('a file', () => {
  const file = () => path.join(folder, 'actions.csv');

  afterEach(() => {
    for (const name of readdirSync(folder)) {
      rmSync(path.join(folder, name));
    }
  });

  test('that is there is replaced only with --force', async () => {
    writeFileSync(file(), 'mine');
    const refused = await run('actions', '--output', 'actions.csv');
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('is there already; --force replaces it');
    expect(readFileSync(file(), 'utf8')).toBe('mine');
    const replaced = await run('actions', '--output', 'actions.csv', '--force');
    expect(replaced).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(parsed(readFileSync(file(), 'utf8')).length).toBeGreaterThan(0);
    expect(readdirSync(folder)).toEqual(['actions.csv']);
  });

  test('has no half under its name: a stopped command leaves nothing', async () => {
    const holder = new Client({ connectionString: bed.databaseUrl });
    await holder.connect();
    await holder.query('begin; lock table operator_actions in access exclusive mode');
    const child = spawnCli(['export', 'actions', '--output', 'actions.csv'], {
      env: env(),
      cwd: folder,
    });
    await until('the file is begun', () => readdirSync(folder).length > 0);
    expect(readdirSync(folder)).not.toContain('actions.csv');
    child.signal('SIGINT');
    await until('it is removed', () => readdirSync(folder).length === 0);
    await holder.query('rollback');
    await holder.end();
    const { code, stderr } = await child.ended;
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'payouts: stopped before it was whole\n' });
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe(`of ${MANY.toString()} records`, () => {
  /** Far less than the records take, and little more than the command itself needs. */
  const HEAP_MB = 64;

  beforeAll(async () => {
    await bed.rows(
      `insert into operator_actions (action, actor, reason, subject)
       select 'retry', 'kim', repeat('reason ', 60) || number, json_build_object('number', number)
       from generate_series(1, $1) as number`,
      [MANY],
    );
  }, LONG_MS);

  test.each(['csv', 'jsonl'])(
    'all are written as %s in a heap that holds a part of them',
    async (format) => {
      const { code, stderr } = await runCli(
        ['export', 'actions', '--format', format, '--output', `many.${format}`],
        {
          env: { ...env(), NODE_OPTIONS: `--max-old-space-size=${HEAP_MB.toString()}` },
          cwd: folder,
          timeoutMs: LONG_MS,
        },
      );
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const file = path.join(folder, `many.${format}`);
      let lines = 0;
      for await (const line of createInterface({ input: createReadStream(file) })) {
        lines += line === '' ? 0 : 1;
      }
      const [stored] = await bed.rows<{ count: number }>(
        'select count(*)::int as count from operator_actions',
      );
      expect(lines - (format === 'csv' ? 1 : 0)).toBe(stored?.count);
      rmSync(file);
    },
    LONG_MS,
  );

  test('a reader that has seen enough ends it well', async () => {
    const command = `"${process.execPath}" "${CLI}" export actions | head -n 1; exit \${PIPESTATUS[0]}`;
    const child = spawn('bash', ['-c', command], {
      env: { ...env(), PATH: process.env['PATH'] },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (text: Buffer) => (said += text.toString()));
    let shown = '';
    child.stdout.on('data', (text: Buffer) => (shown += text.toString()));
    const [code] = (await once(child, 'close')) as [number];
    expect({ code, said }).toEqual({ code: 0, said: '' });
    expect(shown).toContain('"id","acted_at","action","actor","reason","subject"');
  });
});

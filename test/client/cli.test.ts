/**
 * Goal: whatever a user gets wrong, and whatever is away, is said by name with the right exit code, and nothing is half done.
 * Method: the built command against a database, a namespace and a Stripe sandbox of this file's own; SQL and the sandbox look.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client, Connection } from '@temporalio/client';

import { freePort } from '../../local/free-port';
import { startStripeSandbox, type StripeSandbox } from '../../local/stripe-sandbox/server';
import type { SettleReport } from '../../src/client/settle';
import { API_KEY, Bed, openBlackHole, settlementOf, until } from '../e2e/bed';
import { createTestDatabase, type TestDatabase } from '../support/postgres';
import type { CommandResult } from '../support/processes';
import { testTemporalAddress } from '../support/temporal';

const LONG_MS = 300_000;
/** Without a limit of its own a command would wait for the silent ones for ever. */
const UNREACHABLE_LIMIT_MS = 40_000;
const OTHER_KEY = 'sk_test_anotherPlatform0001';
const MAX_AMOUNT = 1_000_000;
const WHY = ['--reason', 'looked at it'] as const;
const NO_TRANSFER = '00000000-0000-5000-8000-000000000000';

let sandbox: StripeSandbox;
let database: TestDatabase;
let bed: Bed;

beforeAll(async () => {
  [sandbox, database] = await Promise.all([startStripeSandbox(), createTestDatabase()]);
  const { databaseUrl } = database;
  bed = new Bed(
    { databaseUrl, temporalAddress: testTemporalAddress(), stripeApiBase: sandbox.baseUrl },
    {
      TEMPORAL_NAMESPACE: `cli-${randomBytes(4).toString('hex')}`,
      PAYOUT_MAX_AMOUNT_MINOR: MAX_AMOUNT.toString(),
    },
  );
  await bed.json('setup');
}, LONG_MS);

afterAll(async () => {
  await bed.close();
  await Promise.all([sandbox.close(), database.drop()]);
});

/** Refused: nothing on stdout, and what was expected on stderr, without a stack trace or a secret. */
function expectRefusal(result: CommandResult, code: number, ...said: readonly string[]): void {
  expect({ code: result.code, stdout: result.stdout }).toEqual({ code, stdout: '' });
  for (const words of said) {
    expect(result.stderr).toContain(words);
  }
  expectNoSecretNorStack(result);
}

function expectNoSecretNorStack({ stdout, stderr }: CommandResult): void {
  const text = `${stdout}${stderr}`;
  for (const secret of [API_KEY, OTHER_KEY, new URL(database.databaseUrl).password]) {
    expect(text).not.toContain(secret);
  }
  expect(text).not.toMatch(/^\s+at .+:\d+:\d+\)?$/m);
}

const good = settlementOf('refused', 2);
const [first, second] = good.winners as [(typeof good.winners)[0], (typeof good.winners)[0]];
const withAmount = (amountMinor: unknown, currency = 'usd') => ({
  ...good,
  currency,
  winners: [first, { ...second, amountMinor }],
});
/** The text of a file with a number that JavaScript would not write. */
const withLiteral = (literal: string) =>
  JSON.stringify(withAmount('LITERAL')).replace('"LITERAL"', literal);

describe('a bad settlement file', () => {
  test.each<[string, unknown, string, readonly [string, string]]>([
    ['no winners', { ...good, winners: [] }, 'winners', ['a list of 0', '1 to 100000 winners']],
    [
      'a winner twice',
      { ...good, winners: [first, first] },
      'winners[1]',
      [`user "${first.userId}"`, 'each user and award once (the first is winners[0])'],
    ],
    ['nothing to pay', withAmount(0), 'winners[1].amountMinor', ['0', 'a whole number from 1']],
    [
      'a negative amount',
      withAmount(-5),
      'winners[1].amountMinor',
      ['-5', 'a whole number from 1'],
    ],
    ['a fraction', withAmount(10.5), 'winners[1].amountMinor', ['10.5', 'written in digits only']],
    ['an amount as text', withAmount('1000'), 'winners[1].amountMinor', ['"1000"', 'whole number']],
    [
      'above 2^53 − 1',
      withLiteral('9007199254740993'),
      'winners[1].amountMinor',
      ['9007199254740993', 'within 2^53 − 1'],
    ],
    [
      'above the largest prize',
      withAmount(MAX_AMOUNT + 1),
      'winners[1].amountMinor',
      ['1000001', 'at most 1000000, the largest prize allowed (PAYOUT_MAX_AMOUNT_MINOR)'],
    ],
    [
      'an unknown currency',
      { ...good, currency: 'xyz' },
      'currency',
      ['"xyz"', 'three-letter code'],
    ],
    ['JPY with a fraction', withLiteral('500.50'), 'winners[1].amountMinor', ['500.50', 'digits']],
    [
      'KWD not ending in 0',
      { ...withAmount(1_005, 'kwd'), winners: [{ ...second, amountMinor: 1_005 }] },
      'winners[0].amountMinor',
      ['1005', 'a multiple of 10'],
    ],
    [
      'ISK not in whole krónur',
      { ...withAmount(0, 'isk'), winners: [{ ...second, amountMinor: 550 }] },
      'winners[0].amountMinor',
      ['550', 'a multiple of 100'],
    ],
    [
      'a bad settlement id',
      { ...good, settlementId: 'a b' },
      'settlementId',
      ['"a b"', '1 to 100'],
    ],
    ['an empty contest id', { ...good, contestId: '' }, 'contestId', ['""', '1 to 100']],
    [
      'a user id that is too long',
      { ...good, winners: [{ ...first, userId: 'u'.repeat(101) }] },
      'winners[0].userId',
      ['uuu', '1 to 100 characters of A-Z a-z 0-9 _ . : -'],
    ],
    [
      'a total that is another',
      { ...good, totalMinor: 1 },
      'totalMinor',
      ['found 1,', "2001, the sum of the winners' amounts"],
    ],
    ['an unknown field', { ...good, prize: 1 }, 'prize', ['an unknown field', 'only the fields']],
    ['a missing field', { ...good, contestId: undefined }, 'contestId', ['nothing', 'text']],
    ['not JSON', '{"settlementId": }', 'line 1, column 18', ['}', 'valid JSON']],
    ['an empty file', '', 'line 1, column 1', ['the end of the file', 'valid JSON']],
  ])('with %s is refused', async (_what, content, place, [found, expected]) => {
    const before = await bed.count('settlements');
    const result = await bed.run(['settle', bed.file('bad.json', content), '--json']);
    expectRefusal(result, 2, `${place}: found `, found, expected);
    expect(await bed.count('settlements')).toBe(before);
  });

  test.each(['JPY', 'KWD', 'ISK'])('is not what a right amount in %s is', async (currency) => {
    const id = `right-${currency}`;
    const settlement = { ...settlementOf(id, 1), currency };
    settlement.winners[0]!.amountMinor = 1_100;
    const report = await bed.json<SettleReport>('settle', bed.file('right.json', settlement));
    expect(report).toMatchObject({ created: true, currency: currency.toLowerCase() });
  });

  test('that is missing, a folder or, by its size, of 200 MB is refused', async () => {
    const before = await bed.count('settlements');
    const folder = mkdtempSync(path.join(tmpdir(), 'payouts-cli-'));
    const huge = bed.file('huge.json', '');
    truncateSync(huge, 200 * 1024 * 1024);
    const [missing, directory, large] = await Promise.all(
      [path.join(folder, 'nowhere.json'), folder, huge].map((file) => bed.run(['settle', file])),
    );
    expectRefusal(missing!, 2, 'nowhere.json', 'found no such file', 'expected a readable file');
    expectRefusal(directory!, 2, folder, 'found a folder', 'expected a readable file');
    expectRefusal(
      large!,
      2,
      'huge.json',
      'found 209715200 bytes',
      'expected at most 33554432 bytes',
    );
    expect(await bed.count('settlements')).toBe(before);
    rmSync(folder, { recursive: true });
  });
});

describe('wrong use', () => {
  test.each<[readonly string[], string]>([
    [[], 'Usage: payouts'],
    [['pay'], "unknown command 'pay'"],
    [['local', 'down'], "unknown command 'down'"],
    [['settle'], "missing required argument 'file'"],
    [['settle', 'a.json', 'b.json'], 'too many arguments'],
    [['status', 'x', '--follow'], "unknown option '--follow'"],
    [['local', 'up', '--postgres-port', '70000'], 'expected a port from 1 to 65535'],
    [['accounts', 'import', 'x.json', '--replace'], '--replace needs --reason'],
  ])('payouts %j ends with 2', async (args, said) => {
    expectRefusal(await bed.run(args), 2, said);
  });

  test('--help of every command ends with 0', async () => {
    const commands = [
      '',
      'local up',
      'setup',
      'worker',
      'accounts import',
      'settle',
      'status',
      'sweep',
      'verify',
      'pause',
      'resume',
      'retry',
      'resolve',
    ];
    const results = await Promise.all(
      [...commands, 'config'].map((name) =>
        bed.run([...name.split(' ').filter(Boolean), '--help']),
      ),
    );
    for (const { code, stdout, stderr } of results) {
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/^Usage: payouts/);
    }
  });

  test('missing and wrong settings are all named at once', async () => {
    const wrong = {
      DATABASE_URL: 'mysql://root:hunter2@db/payouts',
      TEMPORAL_ADDRESS: '',
      STRIPE_API_KEY: 'pk_test_publishable',
      STRIPE_REQUESTS_PER_SECOND: 'many',
      PAYOUT_INSTALLATION_ID: 'a b',
    };
    for (const command of ['setup', 'worker']) {
      const result = await bed.run([command], wrong);
      expectRefusal(result, 2, ...Object.keys(wrong), 'TEMPORAL_ADDRESS: is missing');
      expect(result.stderr).not.toMatch(/hunter2|pk_test_publishable/);
    }
  });

  test('a database that is not set up is said, with what to do', async () => {
    const empty = new URL(database.databaseUrl);
    const name = `empty_${randomBytes(4).toString('hex')}`;
    await bed.rows(`create database ${name}`);
    empty.pathname = `/${name}`;
    const file = bed.file('unset.json', settlementOf('unset', 1));
    const accounts = bed.file('unset-accounts.json', []);
    const commands = [
      ['settle', file],
      ['worker'],
      ['status', 'x'],
      ['accounts', 'import', accounts],
    ];
    const results = await Promise.all(
      commands.map((args) => bed.run(args, { DATABASE_URL: empty.toString() })),
    );
    for (const result of results) {
      expectRefusal(result, 2, 'the database is not set up; run `payouts setup` first');
    }
    await bed.rows(`drop database ${name} with (force)`);
  });

  test('a login that Postgres refuses names the setting and the address, and no statement', async () => {
    const password = new URL(database.databaseUrl);
    password.password = 'hunter2';
    const missing = new URL(database.databaseUrl);
    missing.pathname = '/no_such_database';
    for (const url of [password, missing]) {
      const result = await bed.run(['status', 'x'], { DATABASE_URL: url.toString() });
      expectRefusal(result, 2, 'DATABASE_URL: Postgres at 127.0.0.1:', 'refuses this user');
      expect(result.stderr).not.toMatch(/hunter2|select/);
    }
  });

  test('a certificate of Temporal that cannot be read is said as a setting', async () => {
    const result = await bed.run(['settle', bed.file('tls.json', settlementOf('tls', 1))], {
      TEMPORAL_TLS_CLIENT_CERT_PATH: '/nowhere/cert.pem',
    });
    expectRefusal(result, 2, 'TEMPORAL_', '/nowhere/cert.pem');
  });

  test('a namespace that is not there is said, with what to do', async () => {
    const file = bed.file('nowhere.json', settlementOf('nowhere', 1));
    const results = await Promise.all(
      [['settle', file], ['worker']].map((args) =>
        bed.run(args, { TEMPORAL_NAMESPACE: 'never-made' }),
      ),
    );
    for (const result of results) {
      expectRefusal(result, 2, 'run `payouts setup` first');
    }
  });

  test('the status of an unknown settlement ends with 1', async () => {
    expectRefusal(await bed.run(['status', 'nobody', '--json']), 1, 'settlement nobody is not');
  });

  test('the status of a settlement that is not accepted says what stands there, and ends with 1', async () => {
    const reason = 'winner \"ann\", award \"prize\", amount_minor: found 0, expected more';
    await bed.rows(
      `insert into settlements (settlement_id, contest_id, currency, status, rejected_reasons, rejected_at)
       values ('of-rows', 'contest', 'usd', 'rejected', $1, '2026-01-02T03:04:05Z')`,
      [JSON.stringify([reason])],
    );
    const rejected = await bed.run(['status', 'of-rows', '--json']);
    expect(rejected.code).toBe(1);
    expect(JSON.parse(rejected.stdout)).toEqual({
      settlementId: 'of-rows',
      status: 'rejected',
      contestId: 'contest',
      currency: 'usd',
      rejectedReasons: [reason],
      rejectedAt: '2026-01-02T03:04:05.000Z',
      job: null,
      transfers: [],
    });
    const text = await bed.run(['status', 'of-rows', '--watch']);
    expect(text.code).toBe(1);
    expect(text.stdout).toContain('of-rows is rejected: nobody of it is paid');
    expect(text.stdout).toContain(`  ${reason}`);
    await bed.rows(`update settlements set status = 'open' where settlement_id = 'of-rows'`);
    const open = await bed.run(['status', 'of-rows']);
    expect(open).toMatchObject({ code: 1, stdout: expect.stringContaining('of-rows is open') });
    expectNoSecretNorStack(open);
  });
});

describe('another installation', () => {
  test('or another Stripe account behind the key is refused, and nothing is sent or recorded', async () => {
    await bed.control('keys', { key: OTHER_KEY, accountId: 'acct_anotherPlatform' });
    const before = await bed.count('settlements');
    const file = bed.file('foreign.json', settlementOf('foreign', 1));
    const refused = [
      { args: ['setup'], settings: { PAYOUT_INSTALLATION_ID: 'other' } },
      { args: ['worker'], settings: { PAYOUT_INSTALLATION_ID: 'other' } },
      { args: ['settle', file], settings: { PAYOUT_INSTALLATION_ID: 'other' } },
      { args: ['setup'], settings: { STRIPE_API_KEY: OTHER_KEY } },
      { args: ['worker'], settings: { STRIPE_API_KEY: OTHER_KEY } },
    ];
    for (const { args, settings } of refused) {
      const result = await bed.run(args, settings);
      const wrong = 'STRIPE_API_KEY' in settings ? 'found acct_anotherPlatform' : 'found other';
      expectRefusal(result, 2, 'belongs to another installation; nothing is sent', wrong);
    }
    expect(await bed.count('settlements')).toBe(before);
    expect((await bed.oracle()).posts).toBe(0);
  });

  test('a key that Stripe rejects ends with 2; a Stripe that is ill ends with 3', async () => {
    await bed.control('keys', { key: 'sk_test_rejected', state: 'invalid' });
    const rejected = await bed.run(['setup'], { STRIPE_API_KEY: 'sk_test_rejected' });
    expectRefusal(rejected, 2, 'HTTP 401');
    await bed.control('faults', {
      match: { method: 'GET' },
      fault: { kind: 'status', status: 503 },
    });
    expectRefusal(await bed.run(['setup']), 3, 'HTTP 503');
  });
});

describe('a dependency that is away', () => {
  const commandsOf = (id: string) => ({
    setup: ['setup'],
    worker: ['worker'],
    settle: ['settle', bed.file(`${id}.json`, settlementOf(id, 1))],
    status: ['status', 'x'],
    sweep: ['sweep'],
    verify: ['verify'],
    pause: ['pause', ...WHY],
    resume: ['resume', ...WHY],
    retry: ['retry', NO_TRANSFER, ...WHY],
    resolve: ['resolve', NO_TRANSFER, '--unpaid', ...WHY],
    import: ['accounts', 'import', bed.file(`${id}.csv`, `userId,stripeAccountId\n${id},acct_1\n`)],
  });

  const timed = async (args: readonly string[], settings: Readonly<Record<string, string>>) => {
    const startedAt = Date.now();
    const result = await bed.run(args, settings);
    return { args, result, ms: Date.now() - startedAt };
  };

  /** Runs commands at once, each of which has to give up in time, and name the address. */
  async function expectUnreachable(
    commands: readonly (readonly string[])[],
    settings: Readonly<Record<string, string>>,
    address: string,
  ): Promise<void> {
    // What it costs at this moment to start a process at all, on a machine that other tests keep busy.
    const [start, ...runs] = await Promise.all([
      timed(['config'], {}),
      ...commands.map((args) => timed(args, settings)),
    ]);
    for (const { args, result, ms } of runs) {
      expect({ args, code: result.code }).toEqual({ args, code: 3 });
      expectRefusal(result, 3, address);
      expect(ms - start.ms).toBeLessThan(UNREACHABLE_LIMIT_MS);
    }
  }

  let hole: Awaited<ReturnType<typeof openBlackHole>>;
  let refusing: string;
  beforeAll(async () => {
    hole = await openBlackHole();
    refusing = `127.0.0.1:${String(await freePort())}`;
  });
  afterAll(() => hole.close());
  const silent = () => `127.0.0.1:${hole.port}`;
  const databaseAt = (address: string) => ({
    DATABASE_URL: database.databaseUrl.replace(/@[^/]+/, `@${address}`),
  });

  test('Postgres, refusing or silent', async () => {
    const { setup, sweep, worker, settle, status } = commandsOf('no-postgres');
    await Promise.all([
      expectUnreachable([setup, settle, sweep], databaseAt(refusing), refusing),
      expectUnreachable([setup, worker, settle, status], databaseAt(silent()), silent()),
    ]);
  });

  test('Postgres, for those who verify and steer', async () => {
    const { pause, resolve, resume, retry, verify } = commandsOf('no-postgres');
    const commands = [pause, resolve, resume, retry, verify];
    await expectUnreachable(commands, databaseAt(refusing), refusing);
  });

  test('Stripe or Temporal, for those who verify and ask', async () => {
    const { resolve, verify } = commandsOf('no-stripe');
    const stripeAway = { STRIPE_API_BASE: `http://${refusing}` };
    await expectUnreachable([resolve, verify], stripeAway, refusing);
    await expectUnreachable([verify], { TEMPORAL_ADDRESS: refusing }, refusing);
  });

  test('a pause without Temporal is in force, and lifted without it; each says so', async () => {
    const id = 'steered';
    await bed.json('settle', bed.file(`${id}.json`, settlementOf(id, 1)));
    const inForce = () =>
      bed.count('payout_controls', `settlement_id = '${id}' and lifted_at is null`);
    const away = { TEMPORAL_ADDRESS: refusing };
    const paused = await bed.run(['pause', id, ...WHY, '--json'], away);
    expectRefusal(paused, 3, 'the pause is in force; Temporal was not told', refusing);
    expect(await inForce()).toBe(1);
    const resumed = await bed.run(['resume', id, ...WHY, '--json'], away);
    expectRefusal(resumed, 3, 'the pause is lifted; whoever waited was not told', refusing);
    expect(await inForce()).toBe(0);
  });

  test('Stripe or Temporal, refusing or silent', async () => {
    const { setup, sweep, worker, import: accountsImport } = commandsOf('no-temporal');
    const stripeAt = (address: string) => ({ STRIPE_API_BASE: `http://${address}` });
    await Promise.all([
      expectUnreachable([worker], stripeAt(refusing), refusing),
      expectUnreachable([setup, worker], stripeAt(silent()), silent()),
      expectUnreachable([setup, sweep], { TEMPORAL_ADDRESS: refusing }, refusing),
      expectUnreachable([accountsImport, worker], { TEMPORAL_ADDRESS: silent() }, silent()),
    ]);
  });

  test('settle without Temporal records the settlement and says so; again, it starts the job', async () => {
    const [away, mute] = ['recorded', 'recorded-2'].map((id) => commandsOf(id).settle);
    const results = await Promise.all([
      bed.run([...away!, '--json'], { TEMPORAL_ADDRESS: refusing }),
      bed.run([...mute!, '--json'], { TEMPORAL_ADDRESS: silent() }),
    ]);
    expectRefusal(results[0], 3, 'settlement recorded is recorded and not lost', refusing);
    expectRefusal(results[1], 3, 'settlement recorded-2 is recorded and not lost', silent());
    expect(await bed.count('settlements', `settlement_id like 'recorded%'`)).toBe(2);
    expect(await bed.count('payout_transfers', `settlement_id = 'recorded'`)).toBe(1);

    const report = await bed.json<SettleReport>(...away!);
    expect(report).toMatchObject({ created: false, workflowId: 'payout-job/recorded' });
    const connection = await Connection.connect({ address: testTemporalAddress() });
    const temporal = new Client({ connection, namespace: bed.env['TEMPORAL_NAMESPACE'] ?? '' });
    const description = await temporal.workflow.getHandle('payout-job/recorded').describe();
    expect(description).toMatchObject({ runId: report.runId, status: { name: 'RUNNING' } });
    await connection.close();
  });
});

describe('a terminal', () => {
  const ID = 'watched';
  beforeAll(async () => {
    await bed.json('settle', bed.file('watched.json', settlementOf(ID, 3)));
  });

  test.each([[['status', ID]], [['status', ID, '--json']], [['config']], [['--help']]])(
    'that closes its pipe to %j sees no stack trace',
    async (args) => {
      const command = path.resolve(__dirname, '../../dist/src/client/cli.js');
      const child = spawn(process.execPath, [command, ...args], {
        env: { PATH: process.env['PATH'] ?? '', ...bed.env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let stderr = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
      // Closed before the first byte: every write breaks, as after `| head -1`.
      child.stdout.destroy();
      const [code] = (await once(child, 'close')) as [number | null];
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    },
  );

  test('Ctrl-C ends status --watch with the table and 0', async () => {
    const child = bed.spawn(['status', ID, '--watch']);
    await until('the progress is shown', () => child.stderr().includes('0/3 paid'));
    child.signal('SIGINT');
    const { code, stdout, stderr } = await child.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '0/3 paid, 0 failed, 0 waiting\n' });
    expect(stdout).toContain('watched: job pending, unpaid; 3 pending of 3');
  });
});

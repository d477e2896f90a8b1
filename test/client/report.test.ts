/**
 * Goal: a report says of every winner what the rows, the ledger and Stripe say, to the cent; the page is self-contained, readable
 * without having seen the system, and shows hostile texts as text.
 * Method: the built command on debts that the real sandbox has paid or refused; what it writes is parsed back.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parse } from 'csv-parse/sync';

import type { ReportHead, ReportWinner } from '../../src/client/report/read-report';
import { recordInstallation } from '../../src/db/installation';
import { trialBalance } from '../../src/db/ledger';
import { hashLedger } from '../../src/db/ledger-hash';
import { completeJobWhenTerminal } from '../../src/db/payout-jobs';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { DAY_MS } from '../../src/domain/durations';
import { REASONS } from '../../src/domain/reasons';
import { STATE_TEXTS } from '../../src/domain/state-texts';
import {
  givenPayable,
  givenPayableSettlement,
  openActivityBed,
  type ActivityBed,
} from '../activities/activity-bed';
import { givenScheduledSettlement, givenTransfer } from '../support/builders';
import { runCli, type CommandResult } from '../support/processes';

type JsonReport = ReportHead & { readonly winners: readonly ReportWinner[] };
type Line = Readonly<Record<string, string>>;

const LONG_MS = 300_000;
const MANY = 100_000;
const NOBODY = '00000000-0000-5000-8000-000000000000';
const FORMULA = "=cmd|' /C calc'!A0";
const SCRIPT = '<script>alert(1)</script>';
const TURNED = 'ann\u202Eexe';

let bed: ActivityBed;
let folder: string;
/** Two paid, one refused for good; complete and sealed. */
let mixed: readonly PayoutTransfer[];

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'payouts-report-'));
  bed = await openActivityBed();
  await recordInstallation(bed.database, bed.platform);
  mixed = await givenPayableSettlement(bed, { winners: 3 });
  await bed.fault({ kind: 'status', status: 400, code: 'transfers_not_allowed' });
  for (const transfer of mixed) {
    await bed.step(transfer);
  }
  await completeJobWhenTerminal(bed.database, mixed[0]!.payoutJobId);
});

afterAll(async () => {
  await bed.close();
  rmSync(folder, { recursive: true, force: true });
});

const run = (...args: readonly string[]): Promise<CommandResult> =>
  runCli(args, { env: { DATABASE_URL: bed.databaseUrl }, cwd: folder, timeoutMs: LONG_MS });

async function written(settlementId: string, format: string): Promise<string> {
  const { code, stderr, stdout } = await run('report', settlementId, '--format', format);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

const jsonOf = async (settlementId: string) =>
  JSON.parse(await written(settlementId, 'json')) as JsonReport;

const csvOf = async (settlementId: string): Promise<Line[]> =>
  parse(await written(settlementId, 'csv'), { bom: true, columns: true });

/** How much of everything to be paid the plot ends at, read against its own grid as a reader does: 0 to 1. */
function lastShare(page: string): number {
  const grid = [...page.matchAll(/<line class="(grid|total-line)"[^>]* y1="([\d.]+)"/g)];
  const none = Math.max(...grid.map(([, , y]) => Number(y)));
  const all = Number(grid.find(([, is]) => is === 'total-line')?.[2]);
  const line = /class="paid-line" d="([^"]+)"/.exec(page)?.[1] ?? '';
  const last = [...line.matchAll(/(?:V|M[\d.]+ )([\d.]+)/g)].at(-1);
  return (none - Number(last?.[1])) / (none - all);
}

/** What is wrong with a page in any case. */
function expectSelfContained(page: string): void {
  expect(page).toMatch(/^<!doctype html>\n<html lang="en">/);
  expect(page).toContain('http-equiv="Content-Security-Policy" content="default-src \'none\'');
  expect(page).not.toMatch(
    /<script|<iframe|<link|<img|<a |https?:|src=|href=|url\(|@import|\son\w+=/i,
  );
  expect(page).not.toMatch(/NaN|undefined|Infinity|\[object/);
  const tags = [...page.matchAll(/<(\/?)([a-z][a-z0-9]*)[^>]*?(\/?)>/g)];
  const open: string[] = [];
  for (const [, isEnd, name, isVoid] of tags) {
    if (isEnd === '/') {
      expect(open.pop()).toBe(name);
    } else if (isVoid !== '/' && name !== 'meta') {
      open.push(name!);
    }
  }
  expect(open).toEqual([]);
  // Every `<` is the beginning of one of these tags.
  expect(page.split('<').length - 1).toBe(tags.length + 1);
}

test('JSON has the books, their hash and seal, and every winner as the row and Stripe have him', async () => {
  const { settlementId } = mixed[0]!;
  const report = await jsonOf(settlementId);
  const seal = await hashLedger(bed.database, settlementId);
  expect(report).toMatchObject({
    settlementId,
    currency: 'usd',
    installation: { id: 'test', stripeAccountId: bed.platform.stripeAccountId, mode: 'test' },
    job: { status: 'complete', outcome: 'partially_paid' },
    total: { count: 3, amountMinor: 3_003, amount: '30.03' },
    totals: { completed: { count: 2 }, failed_terminal: { count: 1 }, pending: { count: 0 } },
    unpaid: { count: 1 },
    open: [{ status: 'failed_terminal', reason: 'payee_region_not_allowed', count: 1 }],
    ledger: {
      hash: seal?.hash,
      lastRecordId: seal?.ledgerId,
      seal: { hash: seal?.hash, lastRecordId: seal?.ledgerId, holds: true },
      trialBalance: await trialBalance(bed.database, settlementId),
    },
  });
  const { byPayoutTransferId } = await bed.sandbox.oracle();
  expect(report.winners.map(({ transferId }) => transferId)).toEqual(mixed.map(({ id }) => id));
  for (const winner of report.winners) {
    const made = byPayoutTransferId[winner.transferId];
    expect(winner.stripeTransferId).toBe(made?.ids[0] ?? null);
    const texts = winner.reason === null ? STATE_TEXTS.completed : REASONS[winner.reason];
    expect(winner).toMatchObject(
      made === undefined
        ? { status: 'failed_terminal', paidAt: null, attempts: 1, failureClass: 'payee' }
        : {
            status: 'completed',
            amountMinor: made.amountMinor,
            reversedMinor: 0,
            reversed: '0.00',
          },
    );
    expect(winner).toMatchObject({
      operatorText: texts.operatorText,
      winnerText: texts.winnerText,
    });
  }
});

test('CSV says the same as JSON, line by line', async () => {
  const { settlementId } = mixed[0]!;
  const lines = await csvOf(settlementId);
  const { winners } = await jsonOf(settlementId);
  expect(lines.map((line) => [line['transfer_id'], line['amount_minor'], line['amount']])).toEqual(
    winners.map(({ amount, amountMinor, transferId }) => [
      transferId,
      amountMinor.toString(),
      amount,
    ]),
  );
  expect(lines.map((line) => line['stripe_transfer_id'])).toEqual(
    winners.map(({ stripeTransferId }) => stripeTransferId ?? ''),
  );
  const paidMinor = lines
    .filter(({ status }) => status === 'completed')
    .reduce((sum, line) => sum + Number(line['amount_minor']), 0);
  const balances = await trialBalance(bed.database, settlementId);
  const atStripe = balances.find(({ account }) => account === 'stripe_balance');
  expect(paidMinor).toBe(atStripe?.creditMinor);
});

test('the page says for whom nothing is known what it is, how much is paid, what is open and why', async () => {
  const { settlementId } = mixed[0]!;
  const page = await written(settlementId, 'html');
  const { ledger, totals, unpaid } = await jsonOf(settlementId);
  expectSelfContained(page);
  expect(page).toContain('TEST MODE: no real money moved');
  expect(page).toContain('A settlement is the closed result of a contest');
  expect(page).toContain(`<dt>To be paid in all</dt><dd>30.03 USD</dd>`);
  expect(page).toContain(`<dt>Paid</dt><dd>${totals.completed.amount!} USD</dd>`);
  expect(page).toContain(`<dt>Still open</dt><dd>${unpaid.amount!} USD</dd>`);
  expect(page).toContain(REASONS.payee_region_not_allowed.operatorText);
  expect(page).toContain(ledger.hash!);
  expect(page).toContain('they are still the same.');
  expect(lastShare(page)).toBeCloseTo(totals.completed.amountMinor / 3_003, 2);
  expect(page).toContain(
    `${totals.completed.amount!} USD of 30.03 USD were paid (number of payments: 2)`,
  );
  expect(page.match(/<caption>/g)?.length).toBe(page.match(/<table>/g)?.length);
  expect(page.match(/<svg[^>]+role="img" aria-labelledby/g)).toHaveLength(2);
});

describe('hostile names are shown as text:', () => {
  let settlementId: string;

  beforeAll(async () => {
    const { settlement } = await givenScheduledSettlement(bed.database, {
      winners: [{ userId: SCRIPT }, { userId: FORMULA }, { userId: TURNED, award: '"><b>\u0007' }],
    });
    ({ settlementId } = settlement);
    await bed.rows(
      `insert into payout_controls (settlement_id, cause, owner, actor, reason)
       values ($1, 'operator', 'operator', $2, $3)`,
      [settlementId, `kim${TURNED}`, SCRIPT],
    );
  });

  test('in the page', async () => {
    const page = await written(settlementId, 'html');
    expectSelfContained(page);
    expect(page).not.toMatch(/[\p{Cf}]|[^\P{Cc}\n]/u);
    expect(page).toContain('&lt;script>alert(1)&lt;/script>');
    expect(page).toContain('ann\\u202eexe');
    expect(page).toContain('No payment has been made yet; 30.03 USD are to be paid.');
    expect(lastShare(page)).toBe(0);
  });

  test('in the table and in JSON', async () => {
    const users = (await csvOf(settlementId)).map((line) => line['user_id']);
    expect(users.sort()).toEqual([`'${FORMULA}`, SCRIPT, 'ann\\u202eexe'].sort());
    const json = await written(settlementId, 'json');
    expect(json).not.toMatch(/[\p{Cf}]|[^\P{Cc}\n]/u);
    const { pauses, winners } = JSON.parse(json) as JsonReport;
    expect(winners.map(({ userId }) => userId).sort()).toEqual([SCRIPT, FORMULA, TURNED].sort());
    expect(pauses).toMatchObject([{ actor: `kim${TURNED}`, reason: SCRIPT }]);
  });
});

test('one payment is a plot too', async () => {
  const transfer = await givenPayable(bed);
  await bed.step(transfer);
  const page = await written(transfer.settlementId, 'html');
  expectSelfContained(page);
  expect(lastShare(page)).toBe(1);
  expect(page).toContain('Nothing is open: everybody is paid');
});

describe(`of ${MANY.toString()} winners`, () => {
  let settlementId: string;

  beforeAll(async () => {
    const { job, settlement } = await givenScheduledSettlement(bed.database, {
      winners: [{ amountMinor: 1 }],
    });
    ({ settlementId } = settlement);
    // Rows that were paid before anybody looked; the guards would have each of them begin unpaid.
    await bed.inTransaction(
      'alter table payout_transfers disable trigger user',
      `insert into payout_transfers (id, payout_job_id, settlement_id, contest_id, user_id, award, amount_minor, currency,
         status, max_attempts, stripe_transfer_id, completed_at)
       select gen_random_uuid(), '${job.id}', '${settlementId}', '${settlement.contestId}', 'many-' || number, 'prize',
         number, 'usd', 'completed', 5, 'tr_many' || number, payout_now() + number * interval '100 milliseconds'
       from generate_series(1, ${MANY.toString()}) as number`,
      'alter table payout_transfers enable trigger user',
    );
  }, LONG_MS);

  test(
    'the page shows the largest and says how many more there are; its plot has all of them',
    async () => {
      const page = await written(settlementId, 'html');
      expect(page).toContain('These are 1000 of 100000. The CSV has all');
      expect(page).toContain('50000500.00 USD of 50000500.01 USD were paid');
      expect(page).toContain('(number of payments: 100000)');
      expect(lastShare(page)).toBeCloseTo(1, 3);
      expect(page.length).toBeLessThan(1_000_000);
    },
    LONG_MS,
  );

  test(
    'the CSV has everybody once',
    async () => {
      const result = await run('report', settlementId, '--format', 'csv', '--output', 'all.csv');
      expect(result).toEqual({ code: 0, stdout: '', stderr: '' });
      const lines: Line[] = parse(readFileSync(path.join(folder, 'all.csv')), {
        bom: true,
        columns: true,
      });
      expect(new Set(lines.map((line) => line['transfer_id'])).size).toBe(MANY + 1);
      expect(lines.reduce((sum, line) => sum + Number(line['amount_minor']), 0)).toBe(
        5_000_050_001,
      );
      expect(readdirSync(folder)).toEqual(['all.csv']);
      rmSync(path.join(folder, 'all.csv'));
    },
    LONG_MS,
  );
});

test.each<[string, readonly string[], number, string]>([
  ['no format', ['report', 'x'], 2, "required option '--format <format>' not specified"],
  ['another format', ['report', 'x', '--format', 'pdf'], 2, 'Allowed choices are csv, json, html'],
  [
    'no such settlement',
    ['report', 'none', '--format', 'html'],
    1,
    'settlement none is not recorded',
  ],
  ['no id of a transfer', ['why', 'ann'], 2, 'transfer: found "ann"'],
  ['no such transfer', ['why', NOBODY], 1, `transfer ${NOBODY} is not recorded here`],
])('%s is refused', async (_what, args, code, words) => {
  const result = await run(...args);
  expect({ code: result.code, stdout: result.stdout }).toEqual({ code, stdout: '' });
  expect(result.stderr).toContain(words);
});

test('a settlement that was not accepted has nothing to report', async () => {
  await bed.rows(
    `insert into settlements (settlement_id, contest_id, currency) values ('being-written', 'c', 'usd')`,
  );
  const result = await run('report', 'being-written', '--format', 'csv');
  expect(result).toMatchObject({ code: 1, stdout: '' });
  expect(result.stderr).toContain('being-written is open and not accepted');
});

describe('why', () => {
  test('explains a payee who is not ready, with the end of the wait and the next question', async () => {
    const transfer = await givenPayable(bed);
    await bed.fault({
      kind: 'status',
      status: 400,
      code: 'insufficient_capabilities_for_transfer',
    });
    const row = await bed.step(transfer);
    const until = new Date(row.payeeWaitSince!.getTime() + 3 * 24 * 3_600_000).toISOString();
    const { stdout } = await runCli(['why', transfer.id, '--json'], {
      env: { DATABASE_URL: bed.databaseUrl, PAYOUT_PAYEE_WAIT_DAYS: '3' },
    });
    const report = JSON.parse(stdout) as { operator: string; winner: string };
    expect(report).toMatchObject({
      transferId: transfer.id,
      status: 'blocked',
      failureClass: 'payee',
      failureReason: 'payee_capability_inactive',
    });
    expect(report.operator).toContain(`ends at ${until}`);
    expect(report.operator).toMatch(
      /was refused \(payee_capability_inactive, HTTP 400, request req_/,
    );
    expect(report.operator).toMatch(/Stripe is asked about it at \d{4}-/);
    const winner = await run('why', transfer.id, '--winner');
    expect(winner).toMatchObject({ code: 0, stderr: '' });
    expect(winner.stdout).toMatch(/^Your payout account at Stripe is not quite ready/);
    expect(winner.stdout).not.toContain('HTTP');
  });

  test('of an unknown outcome says until when the key lives and what another one needs', async () => {
    const transfer = await givenPayable(bed);
    await bed.fault({ kind: 'status', status: 500 });
    const row = await bed.step(transfer);
    expect(row.status).toBe('unknown');
    const [attempt] = await bed.attemptsOf(transfer);
    const { stdout } = await run('why', transfer.id);
    const sentMs = attempt!.sentAt.getTime();
    const [generation] = await bed.generationsOf(transfer);
    const keyEnd = generation!.listReadAt!.getTime() + 23 * 3_600_000;
    expect(stdout).toContain(`Until ${new Date(keyEnd).toISOString()} the same request`);
    expect(stdout).toContain(`the second after ${new Date(sentMs + 24 * 3_600_000).toISOString()}`);
    await bed.moveClocks({ hours: 25 });
    await bed.reconcile(transfer);
    const later = await run('why', transfer.id);
    await bed.calm();
    expect(later.stdout).toContain('unknown_key_too_old');
    expect(later.stdout).not.toContain('the same request may be sent again');
    expect(later.stdout).toMatch(/; one did at \d{4}-/);
  });

  test('names the gates of the settlement', async () => {
    const transfer = await givenTransfer(bed.database, { terms: { holdMs: DAY_MS } });
    await bed.rows(
      `insert into payout_controls (settlement_id, cause, owner, next_look_at) values ($1, 'transient_rate_limited', 'automation', payout_now())`,
      [transfer.settlementId],
    );
    const { stdout } = await run('why', transfer.id);
    expect(stdout).toContain('paused since');
    expect(stdout).toContain('The settlement is held until');
    expect(stdout).toContain('waits for its release');
    await bed.calm();
  });
});

/**
 * Goal: the pages show what stands in the database, a page of it at a time, and whatever somebody wrote into it as text.
 * Method: a real gateway on a database that was brought into each state; hostile texts are written where other systems write.
 */
import { readWhy } from '../../../src/client/explain';
import { CONSOLE_PAGE_SETTLEMENTS, CONSOLE_PAGE_WINNERS } from '../../../src/domain/limits';
import { DAY_MS } from '../../../src/domain/durations';
import { givenPayable, givenPayableSettlement } from '../../activities/activity-bed';
import { givenScheduledSettlement, givenTransfer, newId } from '../../support/builders';
import { brokenInvariants } from '../../support/invariants';
import { linksOf, textOf, type Browser } from './browser';
import { openConsoleBed, UI, type ConsoleBed } from './console-bed';

let bed: ConsoleBed;
let browser: Browser;

beforeAll(async () => {
  bed = await openConsoleBed();
  browser = await bed.browser();
});
afterAll(() => bed.close());
afterEach(async () => {
  expect(await brokenInvariants(bed)).toEqual([]);
  await bed.calm();
});

/** Every page of a list, by its links to the next. */
async function allPages(path: string) {
  const pages = [await browser.get(path)];
  for (;;) {
    const next = /href="([^"]*)" rel="next"/
      .exec(pages.at(-1)!.text)?.[1]
      ?.replaceAll('&amp;', '&');
    if (next === undefined) {
      return pages;
    }
    pages.push(await browser.get(next.replace(/#.*/, '')));
  }
}

const usersIn = (text: string) =>
  [...text.matchAll(/transfers\/[0-9a-f-]{36}"><bdi>([^<]*)</g)].map(([, user]) => user);

test('every winner stands on exactly one page, and filters narrow the list down', async () => {
  const count = 2 * CONSOLE_PAGE_WINNERS + 3;
  const transfers = await givenPayableSettlement(bed, { winners: count });
  const { settlementId } = transfers[0]!;
  await bed.step(transfers[0]!);
  const path = `/console/settlements/${settlementId}`;
  const pages = await allPages(path);
  expect(pages).toHaveLength(3);
  const users = pages.flatMap(({ text }) => usersIn(text));
  expect(users).toHaveLength(count);
  expect(new Set(users)).toEqual(new Set(transfers.map(({ userId }) => userId)));
  expect(textOf(pages[0]!)).toContain(`1 of ${count} winners paid, partially_paid`);
  const paid = await browser.get(`${path}?status=completed&user=${transfers[0]!.userId}`);
  expect(usersIn(paid.text)).toEqual([transfers[0]!.userId]);
  expect(usersIn((await browser.get(`${path}?class=payee`)).text)).toEqual([]);
  const kept = await allPages(`${path}?status=pending`);
  expect(kept.flatMap(({ text }) => usersIn(text))).toHaveLength(count - 1);
});

test('settlements come newest first, every one on exactly one page; found by the beginning of either id', async () => {
  const contestId = newId('some-contest');
  const made: string[] = [];
  for (let index = 0; index < CONSOLE_PAGE_SETTLEMENTS + 2; index += 1) {
    const { settlement } = await givenScheduledSettlement(bed.database, {
      contestId: `${contestId}-${index}`,
    });
    made.unshift(settlement.settlementId);
  }
  const pages = await allPages(`/console/settlements?view=open&q=${contestId}`);
  expect(pages).toHaveLength(2);
  const shown = pages.flatMap((page) =>
    linksOf(page).flatMap((link) => /^\/console\/settlements\/([^/?]+)$/.exec(link)?.[1] ?? []),
  );
  expect(shown).toEqual(made);
  const one = await browser.get(`/console/settlements?q=${made[3]!}`);
  expect(linksOf(one)).toContain(`/console/settlements/${made[3]!}`);
  expect(textOf(await browser.get('/console/settlements?q=%25'))).toContain('No settlement');
});

test('one winner: state, attempts with answers, keys, ledger and the runs in the Web UI', async () => {
  const transfer = await givenPayable(bed);
  await bed.fault({ kind: 'drop_before' });
  await bed.step(transfer);
  const unknown = textOf(await browser.get(bed.pathOf(transfer)));
  expect(unknown).toContain('unknown');
  expect(unknown).toContain('The connection broke before Stripe’s answer came');
  const answer = await browser.get(bed.pathOf(transfer));
  const text = textOf(answer);
  expect(text).toContain(`payout:${transfer.id}`);
  expect(text).toContain('Requests to Stripe, oldest first');
  expect(linksOf(answer)).toContain(
    `${UI}/namespaces/${bed.namespace}/workflows/${encodeURIComponent(`transfer/${transfer.id}`)}`,
  );
  const paid = await bed.step(await givenPayable(bed));
  const paidText = textOf(await browser.get(bed.pathOf(paid)));
  expect(paidText).toContain(paid.stripeTransferId!);
  expect(paidText).toMatch(/debit prizes_payable 10\.00 USD credit stripe_balance 10\.00 USD/);
  expect(paidText).toMatch(/created created 200 req_/);
});

test('a winner’s page explains the payment as payouts why does, to the operator and for the winner', async () => {
  const paid = await bed.step(await givenPayable(bed));
  const waiting = await givenPayable(bed);
  await bed.rows(
    `insert into payout_controls (settlement_id, cause, owner, actor, reason) values ($1, 'operator', 'operator', 'kim', 'see "4711"')`,
    [waiting.settlementId],
  );
  for (const transfer of [paid, waiting]) {
    const why = await readWhy(bed.database, transfer.id, { payeeWaitMs: 30 * DAY_MS });
    const text = textOf(await browser.get(bed.pathOf(transfer)));
    expect(text).toContain(`For the operator: ${why.operator}`);
    expect(text).toContain(`May be told to the winner: ${why.winner}`);
  }
});

test('a transfer under the address of another settlement is not found, neither its page nor its orders', async () => {
  const [one, other] = [await givenPayable(bed), await givenPayable(bed)];
  const foreign = `/console/settlements/${other.settlementId}/transfers/${one.id}`;
  expect((await browser.get(foreign)).status).toBe(404);
  expect((await browser.get(`${foreign}/cancel`)).status).toBe(404);
  const page = await browser.get(`${bed.pathOf(one)}/cancel`);
  const { _csrf } = Object.fromEntries(
    [...page.text.matchAll(/name="(_csrf)" value="([^"]*)"/g)].map(([, name, value]) => [
      name,
      value,
    ]),
  ) as { _csrf: string };
  const answer = await browser.post(`${foreign}/cancel`, { _csrf, reason: 'as agreed' });
  expect(answer.status).toBe(404);
  expect((await bed.rowOf(one)).cancelRequestedAt).toBeNull();
});

const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  '\u202egnp.exe',
  'bell\u0007 and line\u2028end',
  '=HYPERLINK("http://evil.example")',
];

test.each(HOSTILE)('rows of another system are shown as text: %p', async (hostile) => {
  const settlementId = `${newId('hostile')} ${hostile}`;
  await bed.rows(
    `insert into settlements (settlement_id, contest_id, currency, status, rejected_reasons, rejected_at)
     values ($1, $2, 'usd', 'rejected', $3, payout_now())`,
    [settlementId, hostile, JSON.stringify([`found ${hostile}`])],
  );
  const list = await browser.get('/console/settlements?view=rejected');
  const page = await browser.get(`/console/settlements/${encodeURIComponent(settlementId)}`);
  expect(page.status).toBe(200);
  expect(textOf(page)).toContain('It was rejected');
  for (const { text } of [list, page]) {
    expect(text).not.toMatch(/<script|<img|[\u0007\u2028\u202e]/);
  }
  expect(textOf(page)).toContain(
    hostile.replace(
      /[^\x20-\x7e]/g,
      (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`,
    ),
  );
  const missing = await browser.get(`/console/settlements/${encodeURIComponent(`no ${hostile}`)}`);
  expect(missing.status).toBe(404);
  expect(missing.text).not.toMatch(/<script|<img|[\u0007\u2028\u202e]/);
  expect(
    (await browser.get(`/console/settlements?q=${encodeURIComponent(hostile)}`)).text,
  ).not.toMatch(/<script|<img|[\u0007\u2028\u202e]/);
});

test('names of operators who are no token are shown as text', async () => {
  const transfer = await givenPayable(bed);
  await bed.rows(
    `insert into operator_actions (action, actor, reason, subject) values ('retry', $1, $1, $2)`,
    ['os/<b>\u202eroot', JSON.stringify({ transferId: transfer.id, note: '<i>' })],
  );
  const { text } = await browser.get(bed.pathOf(transfer));
  expect(text).toContain('os/&lt;b>\\u202eroot');
  expect(text).not.toContain('<i>');
});

test('the overview shows pauses, approvals that wait, unknown outcomes, who was given up and the last sweep', async () => {
  const account = newId('acct_closed').replace('-', '_');
  await bed.account(account, 'closed');
  const givenUp = await givenTransfer(bed.database, { account });
  await bed.step(givenUp);
  const unknown = await givenPayable(bed);
  await bed.fault({ kind: 'drop_before' });
  await bed.step(unknown);
  const { settlement } = await givenScheduledSettlement(bed.database, {}, { approvalAbove: {} });
  await bed.rows(
    `insert into payout_controls (settlement_id, cause, owner) values (null, 'platform_key_rejected', 'automation')`,
  );
  await bed.rows(
    `insert into admin_jobs (name, schedule, status, started_at, finished_at, succeeded_at, counts, run_count)
     values ('payout-sweep', 'every 5 minutes', 'succeeded', payout_now(), payout_now(), payout_now(), '{"started": 7}', 3)`,
  );
  const answer = await browser.get('/console');
  const text = textOf(answer);
  expect(text).toContain('Everything is paused until a person resumes it');
  expect(text).toContain(`1 winner of ${unknown.settlementId} : whether paid is not known`);
  expect(text).toContain(`1 winner of ${givenUp.settlementId} : given up, and still owed`);
  expect(linksOf(answer)).toContain(
    `/console/settlements/${givenUp.settlementId}?status=failed_terminal&reason=payee_account_closed`,
  );
  expect(linksOf(answer)).toContain(`/console/settlements/${settlement.settlementId}`);
  expect(text).toContain('succeeded, every 5 minutes');
  expect(text).toContain('7 started');
  expect(textOf(await browser.get('/console/settlements?view=awaiting_approval'))).toContain(
    settlement.settlementId,
  );
});

test('a page reloads itself only where that was asked for', async () => {
  expect((await browser.get('/console')).text).not.toContain('http-equiv');
  const on = await browser.get('/console?reload=on');
  expect(on.text).toContain('<meta http-equiv="refresh" content="10"');
  expect(linksOf(on)).toContain('/console');
});

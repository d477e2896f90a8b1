/**
 * Goal: operators work in the console with keys, on a phone and with a screen reader, and nothing that others wrote, no
 * other site and no double click makes it do what nobody ordered.
 * Method: the built gateway and a worker, in a real Chromium; Postgres and the sandbox say what was done.
 */
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Locator } from 'playwright-core';

import { CONSOLE_PAGE_WINNERS } from '../../src/domain/limits';
import { accountOf, settlementOf, until, userOf } from '../e2e/bed';
import { inChromium } from './chromium';
import {
  ALICE,
  factOf,
  logIn,
  openConsoleBed,
  rowsOf,
  tabTo,
  type ConsoleBed,
} from './console-bed';
import { flawsOf } from './page-flaws';

const LONG_MS = 300_000;
const WINNERS = 54;
const MASTERS = settlementOf('masters', WINNERS);
const PAID = [0, 1].map((index) => userOf('masters', index));
const CLOSED = [2, 3].map((index) => userOf('masters', index));
const WAITING = WINNERS - PAID.length - CLOSED.length;

/** Text that would run, or turn the line around it, if it were taken for more than text. */
const HOSTILE = {
  settlementId: `<script>alert('id')</script>`,
  contestId: `"><img src=x onerror=alert('contest')>`,
  bidi: `\u202Edesrever\u2066`,
};

inChromium((browserTest) => {
  let opened: ConsoleBed;

  beforeAll(async () => {
    opened = await openConsoleBed('console');
    const { bed } = opened;
    for (const userId of CLOSED) {
      await bed.control('accounts', { id: accountOf(userId), state: 'closed' });
    }
    const accounts = [...PAID, ...CLOSED].map((userId) => ({
      userId,
      stripeAccountId: accountOf(userId),
    }));
    await bed.json('accounts', 'import', bed.file('accounts.json', accounts));
    await bed.json('settle', bed.file('masters.json', MASTERS));
    await until(
      'everybody is paid, failed or waits',
      async () =>
        (await bed.count(
          'payout_transfers',
          `status in ('completed', 'failed_terminal', 'blocked')`,
        )) === WINNERS,
      LONG_MS,
    );
    await bed.rows(
      `insert into settlements (settlement_id, contest_id, currency, status)
       values ($1, $2, 'usd', 'open'), ($3, 'bidi', 'usd', 'open')`,
      [HOSTILE.settlementId, HOSTILE.contestId, HOSTILE.bidi],
    );
  }, LONG_MS);

  afterAll(async () => {
    await opened.close();
  }, LONG_MS);

  const at = (path: string) => `${opened.url}/console${path}`;
  const winnerPath = async (userId: string) => {
    const [row] = await opened.bed.rows<{ id: string }>(
      'select id from payout_transfers where user_id = $1',
      [userId],
    );
    return `/settlements/masters/transfers/${row!.id}`;
  };

  browserTest(
    'somebody without a mouse logs in, after a wrong token, lands where they wanted to go, and logs out',
    async (open) => {
      const { complaints, page } = await open();
      await page.goto(at('/settlements/masters'));
      await page.keyboard.type('not-a-token-of-anybody');
      await page.keyboard.press('Enter');
      const problem = page.getByRole('alert');
      expect(await problem.innerText()).toContain('Nobody was logged in');
      const field = page.getByLabel('Your token');
      expect(await field.inputValue()).toBe('');
      await tabTo(page, field);
      await page.keyboard.type(ALICE.token);
      await tabTo(page, page.getByRole('button', { name: 'Log in' }));
      await page.keyboard.press('Space');
      await page.getByRole('heading', { name: 'Settlement masters', level: 1 }).waitFor();
      expect(page.url()).toBe(at('/settlements/masters'));
      expect(await page.context().cookies()).toEqual([
        expect.objectContaining({ httpOnly: true, sameSite: 'Strict', path: '/console' }),
        expect.objectContaining({ httpOnly: true, sameSite: 'Strict', path: '/console' }),
      ]);

      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      expect(await page.locator('main:focus').count()).toBe(1);
      await tabTo(page, page.getByRole('button', { name: 'Log out' }));
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Log in' }).waitFor();
      await page.goto(at('/settlements/masters'));
      await page.getByRole('heading', { name: 'Log in' }).waitFor();
      // Chromium itself says that an answer was 401.
      expect(complaints.filter((complaint) => !complaint.includes('401'))).toEqual([]);
    },
    LONG_MS,
  );

  browserTest(
    'winners are paged and filtered, and the counts and sums are those of the filter',
    async (open) => {
      const { complaints, page } = await open();
      await logIn(page, at('/settlements/masters'), ALICE);
      const winners = () => rowsOf(page, /^Winners/);
      const first = await winners();
      expect(first).toHaveLength(CONSOLE_PAGE_WINNERS);
      await page.getByRole('link', { name: 'Next page' }).click();
      await page.getByRole('link', { name: 'First page' }).waitFor();
      const users = [...first, ...(await winners())].map(([user]) => user);
      expect([...users].sort()).toEqual(MASTERS.winners.map(({ userId }) => userId));
      expect(await page.getByRole('link', { name: 'Next page' }).count()).toBe(0);

      await page.getByLabel('State').selectOption('failed');
      await page.getByRole('button', { name: 'Show', exact: true }).click();
      await page.getByText('2 winners, 20.05 USD').waitFor();
      expect(
        (await winners()).map(([user, amount, state, , , why]) => [user, amount, state, why]),
      ).toEqual([
        [CLOSED[0], '10.02 USD', 'failed', 'payee_account_closed'],
        [CLOSED[1], '10.03 USD', 'failed', 'payee_account_closed'],
      ]);
      await page.getByLabel('User id begins with').fill(CLOSED[1]!);
      await page.keyboard.press('Enter');
      await page.getByText('1 winner, 10.03 USD').waitFor();
      await page.getByRole('link', { name: 'Show all' }).click();
      await page.getByLabel('Reason', { exact: true }).selectOption('payee_account_missing');
      await page.getByRole('button', { name: 'Show', exact: true }).click();
      await page.getByText(`${WAITING.toString()} winners`).first().waitFor();
      expect(complaints).toEqual([]);
    },
    LONG_MS,
  );

  browserTest(
    'a winner’s page has the whole history, and its link opens the run in the Temporal Web UI',
    async (open) => {
      const { complaints, page } = await open();
      await logIn(page, at('/settlements/masters?status=failed_terminal'), ALICE);
      await page.getByRole('link', { name: CLOSED[0]! }).click();
      await page.getByRole('heading', { level: 1, name: `Winner ${CLOSED[0]!}` }).waitFor();
      expect(await rowsOf(page, /^Requests to Stripe/)).toEqual([
        [
          ...['1', '1', expect.stringMatching(/UTC$/), expect.stringMatching(/UTC$/)],
          ...['not created', expect.any(String), '400'],
          ...[expect.stringMatching(/^req_/), expect.stringContaining('payee_account_closed')],
        ],
      ]);
      expect(
        (await rowsOf(page, /^Ledger records/)).map(([, kind, , entries]) => [kind, entries]),
      ).toEqual([['refusal', 'none: no money moved']]);
      expect(await factOf(page, 'account').innerText()).toContain(accountOf(CLOSED[0]!));
      const transferId = await factOf(page, 'transfer').innerText();
      expect(complaints).toEqual([]);

      await page.getByRole('link', { name: 'in the Temporal Web UI' }).click();
      await page.getByRole('heading', { level: 1, name: `transfer/${transferId}` }).waitFor();
      await page.getByText('payee_account_closed').first().waitFor();
    },
    LONG_MS,
  );

  browserTest(
    'text of others is shown as text: no tag, no script, no turned line',
    async (open) => {
      const { complaints, page } = await open();
      await logIn(page, at('/settlements?view=handed_in'), ALICE);
      const ids = async () => (await rowsOf(page, /^Settlements/)).map(([id]) => id);
      expect(await ids()).toEqual(
        expect.arrayContaining([HOSTILE.settlementId, '\\u202edesrever\\u2066']),
      );
      await page.getByRole('link', { name: HOSTILE.settlementId }).click();
      const heading = page.getByRole('heading', { level: 1 });
      expect(await heading.innerText()).toBe(`Settlement ${HOSTILE.settlementId}`);
      expect(await factOf(page, 'contest').innerText()).toBe(HOSTILE.contestId);
      expect(await page.locator('img, script').count()).toBe(0);

      await page.goto(at(`/settlements?q=${encodeURIComponent(HOSTILE.contestId)}`));
      expect(await page.getByRole('searchbox').inputValue()).toBe(HOSTILE.contestId);
      expect(await page.locator('img, script').count()).toBe(0);
      expect(complaints).toEqual([]);

      // Should a text get through all the same: the page runs nothing, and says so.
      await page.evaluate(
        `document.body.insertAdjacentHTML('beforeend', ${JSON.stringify(`<img src="data:," onerror="alert(1)">`)})`,
      );
      await until('it is refused', () => complaints.length > 0);
      expect(complaints.join()).toContain('Content Security Policy');
      expect(complaints.join()).not.toContain('dialog');
    },
    LONG_MS,
  );

  browserTest(
    'a page of another origin sends our forms in vain, and cannot put our pages into a frame',
    async (open) => {
      const { page } = await open();
      await logIn(page, at('/settlements/masters'), ALICE);
      const other = await openOtherSite((path) => formOfOthers(at(path), at('/')));
      try {
        for (const path of ['/settlements/masters/cancel/confirm', '/pauses/pause/confirm']) {
          await page.goto(other.url(path));
          await page.getByRole('button', { name: 'Win!' }).click();
          await page.getByText('the form was sent by another site; nothing was changed').waitFor();
        }
        expect(await opened.bed.count('operator_actions', `action <> 'retry'`)).toBe(0);
        await page.goto(other.url('/logout'));
        const frame = page.frames()[1]!;
        expect(await frame.locator('body').innerText()).not.toContain('Overview');
        await page.getByRole('button', { name: 'Win!' }).click();
        await page.getByText('the form was sent by another site; nothing was changed').waitFor();
        await page.goto(at('/'));
        await page.getByText(`logged in as ${ALICE.name}`).waitFor();
      } finally {
        other.close();
      }
    },
    LONG_MS,
  );

  const retriesOf = (transferId: string) =>
    opened.bed.count(
      'operator_actions',
      `action = 'retry' and subject::text like '%${transferId}%'`,
    );

  /** The retried winner's account is still closed, so the try ends as the one before it. */
  const untilRefusedAgain = (transferId: string) =>
    until(
      'it was tried again',
      async () =>
        (await opened.bed.count(
          'payout_transfers',
          `id = '${transferId}' and status = 'failed_terminal' and attempt_count = 2`,
        )) === 1,
      LONG_MS,
    );

  browserTest(
    'somebody without a mouse retries a winner: the reason, what would happen, and one effect',
    async (open) => {
      const { complaints, page } = await open();
      const path = await winnerPath(CLOSED[0]!);
      const transferId = path.split('/').at(-1)!;
      await logIn(page, at(path), ALICE);
      const press = async (target: Locator, key: string) => {
        await tabTo(page, target);
        await page.keyboard.press(key);
      };
      await press(page.getByRole('link', { name: 'Retry' }), 'Enter');
      await tabTo(page, page.getByLabel('Reason'));
      await page.keyboard.type('<b>no markup</b>');
      await page.keyboard.press('Enter');
      expect(await page.getByRole('alert').innerText()).toContain('Nothing was changed');
      await tabTo(page, page.getByLabel('Reason'));
      await page.keyboard.press('ControlOrMeta+a');
      await page.keyboard.type('the account is mended');
      await page.keyboard.press('Enter');
      expect(await factOf(page, 'your reason').innerText()).toBe('the account is mended');
      expect(await factOf(page, 'in the name of').innerText()).toBe(ALICE.name);
      expect(await retriesOf(transferId)).toBe(0);
      expect(await flawsOf(page)).toEqual([]);
      await press(page.getByRole('button', { name: 'Retry now' }), 'Space');
      await page.getByRole('status').waitFor();
      await untilRefusedAgain(transferId);
      expect(await retriesOf(transferId)).toBe(1);
      expect(complaints.filter((complaint) => !complaint.includes('400'))).toEqual([]);
    },
    LONG_MS,
  );

  browserTest(
    'a double click on the last button acts once',
    async (open) => {
      const { page } = await open();
      const path = await winnerPath(CLOSED[1]!);
      const transferId = path.split('/').at(-1)!;
      await logIn(page, at(`${path}/retry`), ALICE);
      await page.getByLabel('Reason').fill('clicked twice');
      await page.getByRole('button', { name: 'Go on to confirm' }).click();
      const now = page.getByRole('button', { name: 'Retry now' });
      await now.dblclick();
      await now.waitFor({ state: 'detached' });
      await untilRefusedAgain(transferId);
      expect(await retriesOf(transferId)).toBe(1);
    },
    LONG_MS,
  );

  const READ_PAGES = ['/login', '/', '/settlements', '/settlements/masters', '/pauses', '/nowhere'];

  browserTest(
    'every page can be used by keyboard and screen reader, and fits a phone',
    async (open) => {
      const { page } = await open({ widthPixels: 360 });
      await page.goto(at('/login'));
      expect(await flawsOf(page)).toEqual([]);
      await logIn(page, at('/'), ALICE);
      const found: Record<string, string[]> = {};
      const paths = [
        ...READ_PAGES,
        await winnerPath(PAID[0]!),
        await winnerPath(CLOSED[0]!),
        ...['/settlements/masters/retry-failed', '/settlements/masters/pause', '/pauses/pause'],
        `${await winnerPath(PAID[0]!)}/reverse`,
        `/settlements/${encodeURIComponent(HOSTILE.settlementId)}`,
      ];
      for (const path of paths) {
        await page.goto(at(path));
        found[path] = await flawsOf(page);
      }
      expect(found).toEqual(Object.fromEntries(paths.map((path) => [path, []])));
    },
    LONG_MS,
  );
});

/** What somebody puts into a page of theirs: a form with fields that ours have, and our page in a frame. */
function formOfOthers(action: string, framed: string): string {
  const fields = { reason: 'because', value: '', seen: '', token: ALICE.token };
  const inputs = Object.entries(fields).map(
    ([name, value]) => `<input name="${name}" value="${value}">`,
  );
  return `<form method="post" action="${action}">${inputs.join('')}<button>Win!</button></form><iframe src="${framed}"></iframe>`;
}

/** A site of somebody else on this machine: another port is another origin, though not another site to cookies. */
async function openOtherSite(htmlFor: (path: string) => string) {
  const server = createServer((request, response) => {
    response
      .setHeader('content-type', 'text/html')
      .end(`<!doctype html>${htmlFor(request.url ?? '/')}`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: (path: string) => `http://127.0.0.1:${port.toString()}${path}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

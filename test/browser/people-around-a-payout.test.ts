/**
 * Goal: people around one large settlement. One records it, another looks at it, approves it and mends what went wrong; part
 * of a payment comes back. In the end the report, the console, the ledger and Stripe say the same to the cent.
 * Method: one story on real parts: the built gateway, a worker and the command line, the console in a real Chromium, the
 * sandbox as Stripe. Each step begins where the one before it has ended.
 */
import type { Page } from 'playwright-core';

import type { SettlementPreview } from '../../src/client/preview';
import type { ReportHead } from '../../src/client/report/read-report';
import type { VerifyReport } from '../../src/client/verify/verify-report';
import { formatAmount } from '../../src/domain/money';
import { accountOf, settlementOf, until, userOf } from '../e2e/bed';
import { inChromium } from './chromium';
import { ALICE, BOB, factOf, logIn, openConsoleBed, rowsOf, type ConsoleBed } from './console-bed';
import { brokenWordsOf } from './page-flaws';

const LONG_MS = 300_000;
const WINNERS = 8;
const GRAND = settlementOf('grand', WINNERS);
/** One cent below the settlement's total. */
const LIMIT = `usd=${(GRAND.winners.reduce((sum, { amountMinor }) => sum + amountMinor, 0) - 1).toString()}`;
const CANCELLED = userOf('grand', 0);
const WRONG_ACCOUNT = [1, 2].map((index) => userOf('grand', index));
const REVERSED = userOf('grand', 7);
const FIRST_PART_MINOR = 333;
const usd = (minor: number) => formatAmount(minor, 'usd');
const amountOf = (userId: string) =>
  GRAND.winners.find((winner) => winner.userId === userId)!.amountMinor;
const PAID_MINOR = GRAND.winners
  .filter(({ userId }) => userId !== CANCELLED)
  .reduce((sum, { amountMinor }) => sum + amountMinor, 0);

inChromium((browserTest) => {
  let opened: ConsoleBed;
  let ofBob: { readonly PAYOUT_OPERATOR_TOKEN: string };

  beforeAll(async () => {
    opened = await openConsoleBed('people', { PAYOUT_APPROVAL_ABOVE: LIMIT });
    ofBob = { PAYOUT_OPERATOR_TOKEN: BOB.token };
    const { bed } = opened;
    for (const userId of WRONG_ACCOUNT) {
      await bed.control('accounts', { id: accountOf(userId), state: 'closed' });
    }
    const accounts = GRAND.winners.map(({ userId }) => ({
      userId,
      stripeAccountId: accountOf(userId),
    }));
    await bed.json('accounts', 'import', bed.file('accounts.json', accounts));
  }, LONG_MS);

  afterAll(async () => {
    await opened.close();
  }, LONG_MS);

  const settlementPage = () => `${opened.url}/console/settlements/grand`;
  const preview = () => opened.bed.json<SettlementPreview>('preview', 'grand');

  async function transferOf(userId: string): Promise<string> {
    const [row] = await opened.bed.rows<{ id: string }>(
      'select id from payout_transfers where user_id = $1',
      [userId],
    );
    return row!.id;
  }

  const untilTransfers = (what: string, where: string, count: number) =>
    until(what, async () => (await opened.bed.count('payout_transfers', where)) === count, LONG_MS);

  browserTest(
    'alice records a settlement above the limit: nothing is sent, and she cannot approve it herself',
    async (open) => {
      const answer = await fetch(`${opened.url}/v1/settlements`, {
        method: 'POST',
        headers: { authorization: `Bearer ${ALICE.token}`, 'content-type': 'application/json' },
        body: JSON.stringify(GRAND),
      });
      expect(answer.status).toBe(201);
      await until(
        'the job waits for approval',
        async () => (await opened.bed.count('payout_jobs', `status = 'awaiting_approval'`)) === 1,
        LONG_MS,
      );
      const { page } = await open();
      await logIn(page, `${settlementPage()}/approve`, ALICE);
      await confirm(page, 'Approve', 'I know that it is right');
      expect(await page.getByRole('alert').innerText()).toMatch(/^Refused: .*Nothing was changed/s);
      expect((await opened.bed.oracle()).posts).toBe(0);
    },
    LONG_MS,
  );

  browserTest(
    'bob looks at it; meanwhile a winner is cancelled: what he saw is refused by the console and by the command line',
    async (open) => {
      const { page } = await open();
      await logIn(page, `${settlementPage()}/approve`, BOB);
      await giveReason(page, 'looked at every winner');
      const seen = await preview();
      expect(await factOf(page, 'hash of what is approved').innerText()).toBe(seen.hash);
      expect(seen).toMatchObject({ approval: 'required', recordedBy: ALICE.name });

      await opened.bed.json('cancel', await transferOf(CANCELLED), '--reason', 'disqualified');
      await page.getByRole('button', { name: 'Approve now' }).click();
      expect(await page.getByRole('alert').innerText()).toMatch(/^Refused: .*Nothing was changed/s);
      const approve = ['approve', 'grand', '--hash', seen.hash, '--reason', 'looked at it'];
      expect(await opened.bed.run(approve, ofBob)).toMatchObject({ code: 1 });
      const changed = await preview();
      expect(changed.hash).not.toBe(seen.hash);
      expect(changed).toMatchObject({ approval: 'required', toPayMinor: PAID_MINOR });
      expect((await opened.bed.oracle()).posts).toBe(0);
    },
    LONG_MS,
  );

  browserTest(
    'bob approves what it is now: all are paid but those with a wrong account',
    async (open) => {
      const { complaints, page } = await open();
      await logIn(page, `${opened.url}/console`, BOB);
      await page.getByRole('main').getByRole('link', { name: 'grand' }).first().click();
      await page.getByRole('link', { name: 'Approve' }).click();
      expect(await factOf(page, 'is approved').innerText()).toBe(`7 winners, ${usd(PAID_MINOR)}`);
      await confirm(page, 'Approve', 'looked at it again');
      expect(await page.getByRole('status').innerText()).toContain('Approved: 7 winners');
      await untilTransfers('five are paid', `status = 'completed'`, 5);
      await untilTransfers('two have failed', `status = 'failed_terminal'`, 2);
      expect(complaints).toEqual([]);
    },
    LONG_MS,
  );

  browserTest(
    'alice replaces the wrong accounts, bob confirms them and retries the failed in bulk: everybody is paid',
    async (open) => {
      const { bed } = opened;
      const mended = WRONG_ACCOUNT.map((userId) => ({
        userId,
        stripeAccountId: `${accountOf(userId)}_new`,
      }));
      const replacing = ['accounts', 'import', bed.file('mended.json', mended), '--replace'];
      const replaced = await bed.run([...replacing, '--reason', 'the winners wrote to us'], {
        PAYOUT_OPERATOR_TOKEN: ALICE.token,
      });
      expect(replaced).toMatchObject({ code: 0 });

      const { complaints, page } = await open();
      await logIn(page, settlementPage(), BOB);
      for (const { stripeAccountId, userId } of mended) {
        await page.goto(`${settlementPage()}/transfers/${await transferOf(userId)}`);
        await page.getByRole('link', { name: 'Confirm the account' }).click();
        expect(await factOf(page, 'account that is confirmed').innerText()).toBe(stripeAccountId);
        await confirm(page, 'Confirm the account', 'called the winner');
        expect(await page.getByRole('status').innerText()).toContain(stripeAccountId);
      }
      await page.goto(settlementPage());
      await page.getByRole('link', { name: 'Retry all failed' }).click();
      await confirm(page, 'Retry all failed', 'the accounts are mended');
      expect(await page.getByRole('status').innerText()).toContain('2 winners retried');
      await untilTransfers('seven are paid', `status = 'completed'`, 7);
      expect((await bed.completed('grand', LONG_MS)).job.counts).toMatchObject({
        completed: 7,
        cancelled: 1,
      });
      expect(complaints).toEqual([]);
    },
    LONG_MS,
  );

  browserTest(
    'bob takes one payment back in two parts',
    async (open) => {
      const { complaints, page } = await open();
      const transferId = await transferOf(REVERSED);
      await logIn(page, `${settlementPage()}/transfers/${transferId}`, BOB);
      for (const part of [FIRST_PART_MINOR.toString(), '']) {
        await page.getByRole('link', { name: 'Reverse' }).click();
        await page.getByLabel('Amount in minor units').fill(part);
        await confirm(page, 'Reverse', 'paid too much');
        expect(await page.getByRole('status').innerText()).toContain('are taken back');
        const expectedMinor = part === '' ? amountOf(REVERSED) : FIRST_PART_MINOR;
        await untilTransfers(
          'it came back',
          `id = '${transferId}' and amount_reversed = ${expectedMinor.toString()}`,
          1,
        );
        await page.reload();
      }
      const reversals = await rowsOf(page, /^Ordered reversals/);
      expect(reversals.map(([, by, why, amount]) => [by, why, amount])).toEqual([
        [BOB.name, 'paid too much', usd(FIRST_PART_MINOR)],
        [BOB.name, 'paid too much', usd(amountOf(REVERSED) - FIRST_PART_MINOR)],
      ]);
      expect(await factOf(page, 'came back').innerText()).toBe(usd(amountOf(REVERSED)));
      expect(await page.getByRole('link', { name: 'Reverse' }).count()).toBe(0);
      expect(complaints).toEqual([]);
    },
    LONG_MS,
  );

  browserTest(
    'the report, the console, the ledger and Stripe say the same to the cent',
    async (open) => {
      const { bed } = opened;
      const figures = { paidMinor: PAID_MINOR, reversedMinor: amountOf(REVERSED) };

      expect(await figuresOfStripe()).toEqual(figures);
      expect(await figuresOfLedger()).toEqual(figures);

      const { stdout } = await bed.run(['report', 'grand', '--format', 'json']);
      const report = JSON.parse(stdout) as ReportHead;
      expect({
        paidMinor: report.totals.completed.amountMinor,
        reversedMinor: report.reversed.amountMinor,
      }).toEqual(figures);

      const { complaints, page } = await open();
      const html = await bed.run(['report', 'grand', '--format', 'html']);
      await page.setContent(html.stdout);
      expect(await brokenWordsOf(page)).toEqual([]);
      const shown = await page.locator('dl.figures').innerText();
      expect(shown).toContain(usd(figures.paidMinor));
      expect(shown).toContain(usd(figures.reversedMinor));

      await logIn(page, settlementPage(), BOB);
      await page.getByText(`7 completed (${usd(figures.paidMinor)})`).waitFor();
      const winners = await rowsOf(page, /^Winners/);
      expect(winners.filter(([, , state = '']) => state.includes('came back'))).toEqual([
        expect.arrayContaining([
          REVERSED,
          `completed, ${usd(figures.reversedMinor)} came back`,
        ]) as string[],
      ]);
      expect(complaints).toEqual([]);

      const verified = await bed.json<VerifyReport>('verify', 'grand');
      expect(verified).toMatchObject({
        ok: true,
        totals: {
          usd: {
            paidHereMinor: figures.paidMinor,
            paidAtStripeMinor: figures.paidMinor,
            reversedMinor: figures.reversedMinor,
            payableMinor: amountOf(CANCELLED),
          },
        },
      });
    },
    LONG_MS,
  );

  async function figuresOfStripe() {
    const { byPayoutTransferId, withoutPayoutTransferId } = await opened.bed.oracle();
    const paid = Object.values(byPayoutTransferId);
    expect(withoutPayoutTransferId).toEqual([]);
    expect(paid.map(({ count }) => count)).toEqual(paid.map(() => 1));
    return {
      paidMinor: paid.reduce((sum, { amountMinor }) => sum + amountMinor, 0),
      reversedMinor: paid.reduce((sum, { reversedMinor }) => sum + reversedMinor, 0),
    };
  }

  /** Signed entries: a credit is below zero. */
  async function figuresOfLedger() {
    const { stdout } = await opened.bed.run([
      ...['export', 'postings', '--settlement', 'grand', '--format', 'jsonl'],
    ]);
    const entries = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { kind: string; account: string; amount_minor: number });
    const sumOf = (account: string, kind: string) =>
      entries
        .filter((entry) => entry.account === account && entry.kind === kind)
        .reduce((sum, entry) => sum + entry.amount_minor, 0);
    return {
      paidMinor: -sumOf('stripe_balance', 'payout'),
      reversedMinor: sumOf('stripe_balance', 'reversal'),
    };
  }
});

async function giveReason(page: Page, reason: string): Promise<void> {
  await page.getByLabel('Reason').fill(reason);
  await page.getByRole('button', { name: 'Go on to confirm' }).click();
}

/** From the first page of an order to its end. */
async function confirm(page: Page, title: string, reason: string): Promise<void> {
  await giveReason(page, reason);
  await page.getByRole('button', { name: `${title} now` }).click();
}

/**
 * Goal: the Web UI of Temporal answers a user: the query that README.md gives to copy finds the unpaid winners of a contest,
 * and their pages tell reason, amount and state, as they are now.
 * Method: the real Web UI of the run's Temporal server in a real Chromium; a worker and a namespace of this file's own.
 */
import type { Locator, Page } from 'playwright-core';

import { transferIdOf } from '../../src/db/transfer-id';
import { DEFAULT_AWARD } from '../../src/domain/ids';
import { REASONS } from '../../src/domain/reasons';
import { accountOf, until, type Bed } from '../e2e/bed';
import { startWorkerStack, type WorkerStack } from '../e2e/worker-stack';
import { queryOf } from '../support/saved-query-tables';
import { testTemporalUiUrl } from '../support/temporal';
import { inChromium } from './chromium';

const LONG_MS = 300_000;
/** Each reading draws the details anew; asking faster than that would never see them. */
const READ_ANEW_MS = 2_000;
const UNPAID = queryOf('README.md', 'who of a contest is not paid?');
/** The contest's id is that of the query, so that nothing has to be changed in it before it is pasted. */
const SETTLEMENT = {
  settlementId: 'masters',
  contestId: 'my-contest',
  currency: 'usd',
  winners: [
    { userId: 'paid', amountMinor: 125_000 },
    { userId: 'no-account', amountMinor: 50_000 },
    { userId: 'closed', amountMinor: 20_005 },
  ],
};

let stack: WorkerStack;

inChromium((browserTest) => {
  let bed: Bed;

  beforeAll(async () => {
    stack = await startWorkerStack('web-ui');
    ({ bed } = stack);
    await importAccounts('paid', 'closed');
    await bed.control('accounts', { id: accountOf('closed'), state: 'closed' });
    await bed.json('settle', bed.file('settlement.json', SETTLEMENT));
    await until('two winners are listed as unpaid', async () => {
      const { count } = await stack.temporal.workflow.count(UNPAID);
      const failed = await stack.temporal.workflow.count(`${UNPAID} AND ExecutionStatus="Failed"`);
      return count === 2 && failed.count === 1;
    });
  }, LONG_MS);

  afterAll(() => stack.close(), LONG_MS);

  const importAccounts = (...userIds: readonly string[]) =>
    bed.json(
      'accounts',
      'import',
      bed.file(
        'accounts.json',
        userIds.map((userId) => ({ userId, stripeAccountId: accountOf(userId) })),
      ),
    );

  browserTest(
    'the query of README.md, pasted, lists who is not paid, and nobody else',
    async (open) => {
      const { page } = await open();
      await listUnpaid(page);
      expect(await page.getByRole('heading', { level: 1 }).innerText()).toMatch(/^2\s+Workflows$/);
      expect((await rowOf(page, 'no-account').innerText()).split(/\s+/)).toContain('Running');
      expect((await rowOf(page, 'closed').innerText()).split(/\s+/)).toContain('Failed');
      expect(await rowOf(page, 'paid').count()).toBe(0);
    },
    LONG_MS,
  );

  browserTest(
    'the page of one who failed tells reason and amount: history, memo, details',
    async (open) => {
      const { page } = await open();
      await listUnpaid(page);
      await openRun(page, 'closed');
      const end = page.getByRole('row').filter({ hasText: 'Workflow Execution Failed' });
      expect(await end.innerText()).toContain('payee_account_closed');
      const send = page.getByRole('row').filter({ hasText: 'createStripeTransfer' });
      expect(await send.first().innerText()).toContain('send 200.05 USD to the winner');

      await page.getByRole('tab', { name: 'Memo' }).click();
      await page.getByText('"reason": "payee_account_closed"').waitFor();

      const details = await openDetails(page);
      expect(await tableIn(details)).toEqual({
        state: 'failed_terminal',
        amount: '200.05 USD',
        attempts: '1',
        'Stripe transfer': '—',
      });
      await details.getByText(REASONS.payee_account_closed.operatorText).waitFor();
      const summary = metadataOf(page, 'Summary');
      await summary.getByText('pay 200.05 USD, settlement masters').waitFor();
    },
    LONG_MS,
  );

  browserTest(
    'the page of the job tells how many are paid and not, and how much',
    async (open) => {
      const { page } = await open();
      await page.goto(runs());
      await page.getByRole('link', { name: 'payout-job/masters' }).click();
      const details = await openDetails(page);
      await details.getByText('Job processing, partially_paid').waitFor();
      expect(await rowsIn(details)).toEqual([
        ['blocked', '1', '500.00 USD'],
        ['completed', '1', '1250.00 USD'],
        ['failed_terminal', '1', '200.05 USD'],
      ]);
    },
    LONG_MS,
  );

  browserTest(
    'the details of one who waits are live: once the account is there, the same page says paid',
    async (open) => {
      const { page } = await open();
      await listUnpaid(page);
      await openRun(page, 'no-account');
      const details = await openDetails(page);
      expect(await tableIn(details)).toMatchObject({ state: 'blocked', amount: '500.00 USD' });
      await details.getByText(REASONS.payee_account_missing.operatorText).waitFor();

      await importAccounts('no-account');
      await until(
        'paid',
        async () => (await bed.count('payout_transfers', `status = 'completed'`)) === 2,
        LONG_MS,
      );
      const completed = details.getByRole('cell', { name: 'completed', exact: true });
      await until(
        'the page shows it',
        async () => {
          await page.keyboard.press('r');
          return completed.waitFor({ timeout: READ_ANEW_MS }).then(
            () => true,
            () => false,
          );
        },
        LONG_MS,
      );
      const state = await tableIn(details);
      expect(state).toMatchObject({ amount: '500.00 USD', attempts: '1' });
      expect(state['Stripe transfer']).toMatch(/^tr_/);
    },
    LONG_MS,
  );
});

const runs = () => `${testTemporalUiUrl()}/namespaces/${stack.namespace}/workflows`;

/** What a user does who has copied the query: opens the raw query field, pastes, Enter. */
async function listUnpaid(page: Page): Promise<void> {
  await page.goto(runs());
  // The one control here without a name or a role of its own: a button that shows only `</>`.
  await page.getByTestId('toggle-manual-query').click();
  await page.getByRole('searchbox', { name: 'Enter a query' }).focus();
  await page.keyboard.insertText(UNPAID);
  await page.keyboard.press('Enter');
  await page.waitForURL(/[?]query=PayoutContestId/);
  await rowOf(page, 'closed').waitFor();
  // The list that was there before goes with the answer.
  await rowOf(page, 'paid').waitFor({ state: 'detached' });
}

function transferOf(userId: string): string {
  const { contestId } = SETTLEMENT;
  return transferIdOf({ installationId: 'local', contestId, userId, award: DEFAULT_AWARD });
}

function rowOf(page: Page, userId: string): Locator {
  return page.getByRole('row').filter({ hasText: `transfer/${transferOf(userId)}` });
}

async function openRun(page: Page, userId: string): Promise<void> {
  const workflowId = `transfer/${transferOf(userId)}`;
  await rowOf(page, userId).getByRole('link', { name: workflowId }).click();
  await page.getByRole('heading', { level: 1, name: workflowId }).waitFor();
}

type Metadata = ReturnType<typeof metadataOf>;

async function openDetails(page: Page): Promise<Metadata> {
  await page.getByRole('tab', { name: 'User Metadata' }).click();
  const details = metadataOf(page, 'Current Details');
  await details.getByRole('table').waitFor();
  return details;
}

/** The Web UI shows text of users in a frame below its heading, so that nothing in it can act. */
function metadataOf(page: Page, heading: 'Summary' | 'Current Details') {
  const place = heading === 'Summary' ? 'first' : 'last';
  return page.getByRole('main').locator('iframe')[place]().contentFrame();
}

async function rowsIn(details: Metadata): Promise<string[][]> {
  const rows = await details
    .getByRole('row')
    .filter({ has: details.getByRole('cell') })
    .all();
  return Promise.all(rows.map((row) => row.getByRole('cell').allInnerTexts()));
}

async function tableIn(details: Metadata): Promise<Record<string, string>> {
  return Object.fromEntries((await rowsIn(details)) as [string, string][]);
}

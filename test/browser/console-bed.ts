/**
 * Goal: what tests of the console in a browser start from: an installation with two people who have tokens, a worker and a
 * gateway, and a person's hands on its pages.
 * Method: the built command as processes; hands that only press keys where a test is about keys.
 */
import { randomBytes } from 'node:crypto';
import type { Locator, Page } from 'playwright-core';

import { freePort } from '../../local/free-port';
import { startStripeSandbox } from '../../local/stripe-sandbox/server';
import { Bed, until } from '../e2e/bed';
import { createTestDatabase } from '../support/postgres';
import { testTemporalAddress, testTemporalUiUrl } from '../support/temporal';

export interface Person {
  readonly name: string;
  readonly token: string;
}

export const ALICE: Person = { name: 'alice', token: `t-${randomBytes(12).toString('hex')}` };
export const BOB: Person = { name: 'bob', token: `t-${randomBytes(12).toString('hex')}` };

export interface ConsoleBed {
  readonly bed: Bed;
  /** Of the gateway, without a slash at the end. */
  readonly url: string;
  close(): Promise<void>;
}

/** One installation in a namespace of its own, with one worker and one gateway. */
export async function openConsoleBed(
  name: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<ConsoleBed> {
  const [sandbox, database, port] = await Promise.all([
    startStripeSandbox(),
    createTestDatabase(),
    freePort(),
  ]);
  const bed = new Bed(
    {
      databaseUrl: database.databaseUrl,
      temporalAddress: testTemporalAddress(),
      stripeApiBase: sandbox.baseUrl,
    },
    {
      TEMPORAL_NAMESPACE: `${name}-${randomBytes(4).toString('hex')}`,
      TEMPORAL_UI_URL: testTemporalUiUrl(),
      STRIPE_WEBHOOK_SECRET: 'whsec_consoleOfThisRun0001',
      GATEWAY_PORT: port.toString(),
      GATEWAY_TOKENS: [ALICE, BOB].map((person) => `${person.name}=${person.token}`).join(','),
      ...settings,
    },
  );
  const close = async () => {
    await bed.close();
    await Promise.all([sandbox.close(), database.drop()]);
  };
  try {
    await bed.json('setup');
    await Promise.all([bed.worker(), startGateway(bed)]);
  } catch (error) {
    await close();
    throw error;
  }
  return { bed, url: `http://127.0.0.1:${port.toString()}`, close };
}

async function startGateway(bed: Bed): Promise<void> {
  const gateway = bed.spawn(['gateway', '--json']);
  await Promise.race([
    until('the gateway is ready', () => gateway.stdout().includes('"url"')),
    gateway.ended.then(({ code, stderr }) => {
      throw new Error(`the gateway ended with ${String(code)}: ${stderr}`);
    }),
  ]);
}

/** Opens a page of the console as somebody who has to log in for it first. */
export async function logIn(page: Page, address: string, { name, token }: Person): Promise<void> {
  await page.goto(address);
  await page.getByLabel('Your token').fill(token);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByText(`logged in as ${name}`).waitFor();
}

const TABS_MAX = 200;

/** Goes to something by Tab alone, as somebody without a mouse does. */
export async function tabTo(page: Page, target: Locator): Promise<void> {
  for (let tabs = 0; tabs <= TABS_MAX; tabs += 1) {
    if ((await target.and(page.locator(':focus')).count()) > 0) {
      return;
    }
    await page.keyboard.press('Tab');
  }
  throw new Error(`${TABS_MAX.toString()} times Tab did not lead to ${target.toString()}`);
}

/** The texts of a table's body, row by row. */
export async function rowsOf(page: Page, caption: string | RegExp): Promise<string[][]> {
  const rows = page.getByRole('table', { name: caption }).locator('tbody tr');
  return Promise.all((await rows.all()).map((row) => row.locator('th, td').allInnerTexts()));
}

/** A fact of the list of facts on a page. */
export function factOf(page: Page, name: string): Locator {
  return page.locator(`dt:text-is("${name}") + dd`);
}

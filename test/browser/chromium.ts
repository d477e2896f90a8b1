/**
 * Goal: what tests in a real browser start from: one headless Chromium a file, a window with cookies of its own for
 * each person, and nothing of the network but this machine.
 * Method: playwright-core drives the Chromium of the system; a test that fails leaves pictures in a temporary folder.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';

import { LOOPBACK } from '../../local/free-port';
import { CHROMIUM_SETTING, findChromium } from './find-chromium';

/** One person at a browser: a page, and what it did that a test has to know. */
export interface Window {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors of scripts, refused contents (CSP) and dialogs, in the order they came. */
  readonly complaints: readonly string[];
  /** Addresses outside this machine that were asked for, in vain; any of them fails the test. */
  readonly outside: readonly string[];
}

export interface WindowOptions {
  readonly widthPixels?: number;
}

type OpenWindow = (options?: WindowOptions) => Promise<Window>;
type BrowserTest = (
  name: string,
  steps: (open: OpenWindow) => Promise<void>,
  limitMs?: number,
) => void;

const WHY_SKIPPED = `no browser was opened: there is no Chromium on PATH, and ${CHROMIUM_SETTING} names none`;
const START_LIMIT_MS = 60_000;
const STEP_LIMIT_MS = 45_000;
const HEIGHT_PIXELS = 900;
const WIDTH_PIXELS = 1_280;

/** No name is resolved, so that not even the browser's own services leave this machine. */
const ONLY_THIS_MACHINE = [
  '--no-proxy-server',
  `--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE ${LOOPBACK}`,
];

/**
 * Declares the tests of a file that need a browser; without one nothing of `declare` is run, also no beforeAll, and one
 * skipped test says why.
 */
export function inChromium(
  declare: (browserTest: BrowserTest, browser: () => Browser) => void,
): void {
  const executablePath = findChromium(process.env);
  if (executablePath === undefined) {
    // Jest shows nothing of the console of a file whose tests are all skipped.
    process.stdout.write(`\n${WHY_SKIPPED}\n`);
    test.skip(WHY_SKIPPED, () => undefined);
    return;
  }
  let opened: OpenedBrowser;
  beforeAll(async () => {
    opened = await openBrowser(executablePath);
  }, START_LIMIT_MS);
  afterAll(async () => {
    await opened.close();
  });
  const browserTest: BrowserTest = (name, steps, limitMs) => {
    test(name, () => runInWindows(opened.browser, name, steps), limitMs);
  };
  declare(browserTest, () => opened.browser);
}

interface OpenedBrowser {
  readonly browser: Browser;
  close(): Promise<void>;
}

async function openBrowser(executablePath: string): Promise<OpenedBrowser> {
  // What a browser writes outside its profile goes under HOME; a test leaves nothing in anybody's.
  const home = mkdtempSync(join(tmpdir(), 'payouts-browser-'));
  const browser = await chromium.launch({
    executablePath,
    // Chromium's sandbox wants a user without rights of its own and refuses to start for root, which tests in a container are.
    chromiumSandbox: process.getuid?.() !== 0,
    args: ONLY_THIS_MACHINE,
    env: { PATH: process.env['PATH'] ?? '', HOME: home },
    timeout: START_LIMIT_MS,
  });
  return {
    browser,
    close: async () => {
      await browser.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/**
 * Runs the steps of one test and closes the windows that they have opened.
 *
 * @throws also when a page asked for anything outside this machine
 */
export async function runInWindows(
  browser: Browser,
  name: string,
  steps: (open: OpenWindow) => Promise<void>,
): Promise<void> {
  const windows: Window[] = [];
  try {
    await steps(async (options) => {
      const window = await openWindow(browser, options ?? {});
      windows.push(window);
      return window;
    });
    expect(windows.flatMap(({ outside }) => outside)).toEqual([]);
  } catch (error) {
    await keepPictures(name, windows);
    throw error;
  } finally {
    await Promise.all(windows.map(({ context }) => context.close()));
  }
}

async function openWindow(
  browser: Browser,
  { widthPixels = WIDTH_PIXELS }: WindowOptions,
): Promise<Window> {
  const context = await browser.newContext({
    viewport: { width: widthPixels, height: HEIGHT_PIXELS },
    // A service worker's requests would pass the rule below unseen.
    serviceWorkers: 'block',
    locale: 'en-GB',
    timezoneId: 'UTC',
  });
  context.setDefaultTimeout(STEP_LIMIT_MS);
  const outside = await keepOnThisMachine(context);
  const page = await context.newPage();
  return { page, context, complaints: complaintsOf(page), outside };
}

/** @returns the addresses that are asked for all the same, as they come */
async function keepOnThisMachine(context: BrowserContext): Promise<readonly string[]> {
  const outside: string[] = [];
  await context.route(isOutside, async (route) => {
    outside.push(route.request().url());
    await route.abort();
  });
  await context.routeWebSocket(isOutside, (socket) => {
    outside.push(socket.url());
    void socket.close();
  });
  return outside;
}

function isOutside(url: URL): boolean {
  return !['data:', 'blob:', 'about:'].includes(url.protocol) && url.hostname !== LOOPBACK;
}

/** @returns what the page complains of, as it comes */
function complaintsOf(page: Page): readonly string[] {
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error') {
      complaints.push(`console: ${message.text()}`);
    }
  });
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  return complaints;
}

/** Pictures and pages of every window, outside the repository. */
async function keepPictures(name: string, windows: readonly Window[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'payouts-browser-failed-'));
  for (const [index, { page, complaints }] of windows.entries()) {
    const file = join(folder, `window-${(index + 1).toString()}`);
    try {
      await page.screenshot({ path: `${file}.png`, fullPage: true });
      writeFileSync(`${file}.html`, await page.content());
    } catch (error) {
      writeFileSync(`${file}.txt`, String(error));
    }
    writeFileSync(`${file}.log`, [page.url(), ...complaints].join('\n'));
  }
  process.stderr.write(`\n${name}: what the windows showed is in ${folder}\n`);
}

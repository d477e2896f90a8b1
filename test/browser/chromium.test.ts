/**
 * Goal: tests in a browser find it, or say why they do not run; no page reaches anything but this machine, and what a
 * failed test has seen is kept outside the repository.
 * Method: programs of this file's own on a PATH; real windows that ask for other machines by every road a page has.
 */
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { until } from '../e2e/bed';
import { inChromium, runInWindows } from './chromium';
import { findChromium } from './find-chromium';

describe('the browser is', () => {
  let folder: string;
  const program = (name: string, mode = 0o755) => {
    const file = join(folder, name);
    writeFileSync(file, '');
    chmodSync(file, mode);
    return file;
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'payouts-find-'));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  test('the one that the setting names', () => {
    program('chromium');
    const named = program('another');
    expect(findChromium({ PAYOUT_TEST_CHROMIUM: named, PATH: folder })).toBe(named);
  });

  test('else the first that is on PATH and can be run, by the order of their names', () => {
    program('chromium', 0o644);
    const second = program('chromium-browser');
    program('google-chrome');
    expect(findChromium({ PAYOUT_TEST_CHROMIUM: ' ', PATH: `/nowhere::${folder}` })).toBe(second);
  });

  test('none, if there is none', () => {
    expect(findChromium({ PATH: folder })).toBeUndefined();
    expect(findChromium({})).toBeUndefined();
  });

  test('asked for in vain: a setting that names nothing is an error, and skips nothing', () => {
    expect(() => findChromium({ PAYOUT_TEST_CHROMIUM: join(folder, 'chromium') })).toThrow(
      /^PAYOUT_TEST_CHROMIUM: .*chromium is not a program/,
    );
  });
});

inChromium((browserTest, browser) => {
  let server: Server;
  let url: string;

  beforeAll(async () => {
    server = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html').end('<!doctype html><h1>here</h1>');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port.toString()}/`;
  });

  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  browserTest('a page of this machine opens, and its windows share no cookies', async (open) => {
    const first = await open();
    const second = await open();
    await first.page.goto(url);
    await second.page.goto(url);
    await first.page.evaluate(`document.cookie = 'person=ann'`);
    expect(await first.page.evaluate('document.cookie')).toBe('person=ann');
    expect(await second.page.evaluate('document.cookie')).toBe('');
    expect(await first.page.getByRole('heading').innerText()).toBe('here');
  });

  test.each([
    ['a picture', `document.body.append(Object.assign(new Image(), { src: 'http://192.0.2.1/' }))`],
    ['a request', `fetch('https://example.com/').catch(() => undefined)`],
    ['a beacon', `navigator.sendBeacon('http://localhost:9/')`],
    ['a socket', `void new WebSocket('ws://192.0.2.1/')`],
    ['another page', `location.href = 'http://192.0.2.1/'`],
  ])(
    'a test fails whose page leaves this machine by %s; its windows are kept',
    async (name, script) => {
      const printed = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
      const leaving = runInWindows(browser(), name, async (open) => {
        const { page, outside } = await open();
        await page.goto(url);
        await page.evaluate(script);
        await until('it asked', () => outside.length > 0);
      });
      await expect(leaving).rejects.toThrow(/192[.]0[.]2[.]1|example[.]com|localhost/);
      const [, folder = ''] = /is in (.+)\n/.exec(String(printed.mock.lastCall?.[0])) ?? [];
      printed.mockRestore();
      expect(folder.startsWith(tmpdir())).toBe(true);
      expect(readdirSync(folder)).toContain('window-1.log');
      rmSync(folder, { recursive: true });
    },
  );
});

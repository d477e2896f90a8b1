/**
 * Goal: only the holder of a token is let in, for some hours, at every gateway with the same tokens, and comes to the page that was wanted and nowhere else.
 * Method: gateways on real sockets; cookies are forged as somebody would who knows all of the code and none of the tokens.
 */
import { createHmac } from 'node:crypto';
import { Signer } from '@fastify/cookie';

import { SESSION_COOKIE, Sessions } from '../../../src/gateway/console/session';
import { WrongLogins } from '../../../src/gateway/console/wrong-logins';
import {
  CONSOLE_SESSION_MS,
  CONSOLE_WRONG_LOGINS_MAX,
  CONSOLE_WRONG_LOGINS_WINDOW_MS,
} from '../../../src/domain/limits';
import { ALICE, BOB, openGatewayBed, type GatewayBed } from '../gateway-bed';
import { request } from '../http-client';
import { Browser, textOf } from './browser';

let bed: GatewayBed;
let url: string;

beforeAll(async () => {
  bed = await openGatewayBed();
  ({ url } = await bed.start());
});
afterAll(() => bed.close());

/** A browser with a session cookie of anybody's making. */
function browserWith(cookie: string): Browser {
  const browser = new Browser(url);
  browser.cookies.set(SESSION_COOKIE, encodeURIComponent(cookie));
  return browser;
}

async function loggedIn(token = ALICE.token): Promise<Browser> {
  const browser = new Browser(url);
  expect((await browser.login(token)).status).toBe(303);
  return browser;
}

const isLoginAsked = async (browser: Browser) => {
  const { headers, status } = await browser.get('/console');
  return status === 303 && headers.location === '/console/login';
};

test('a known token is let in under its name; the cookie is for the console, for hours and out of reach of scripts', async () => {
  const browser = new Browser(url);
  const answer = await browser.login(ALICE.token);
  const [cookie = ''] = answer.headers['set-cookie'] ?? [];
  expect(cookie).toMatch(/; Max-Age=28800; Path=\/console; HttpOnly; SameSite=Strict$/);
  expect(cookie).not.toContain(ALICE.token);
  expect(textOf(await browser.follow(answer))).toContain('logged in as alice');
});

test('over https, as the proxy says, the cookie stays on https', async () => {
  const browser = new Browser(url);
  const answer = await browser.post(
    '/console/login',
    { token: ALICE.token },
    { 'x-forwarded-proto': 'https' },
  );
  expect(answer.headers['set-cookie']?.[0]).toContain('; Secure');
});

test.each(['wrong', '', ALICE.token.slice(0, -1), `${ALICE.token}x`])(
  'another token is refused and counted: %p',
  async (token) => {
    const browser = new Browser(url);
    const before = await authFailures();
    const answer = await browser.login(token);
    expect(answer.status).toBe(401);
    expect(textOf(answer)).toContain('Nobody was logged in');
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect(await isLoginAsked(browser)).toBe(true);
    expect(await authFailures()).toBe(before + 1);
  },
);

async function authFailures(): Promise<number> {
  const { text } = await request(url, '/metrics');
  return [...text.matchAll(/^payouts_gateway_auth_failures_total\{.*\} (\d+)$/gm)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );
}

const keyOf = (token: string) =>
  createHmac('sha256', token).update('payouts console session').digest();
const signed = (value: string, token: string) => new Signer(keyOf(token)).sign(value);
const inMs = (ms: number) => (Date.now() + ms).toString();

test('a cookie that is signed as ours are is taken: the next test refuses for the right reasons', async () => {
  const cookie = signed(`alice~${inMs(60_000)}`, ALICE.token);
  expect(await isLoginAsked(browserWith(cookie))).toBe(false);
});

test.each([
  ['too old', () => signed(`alice~${inMs(-1)}`, ALICE.token)],
  ['valid too long', () => signed(`alice~${inMs(CONSOLE_SESSION_MS + 60_000)}`, ALICE.token)],
  ['one name with the signature of another', () => signed(`alice~${inMs(60_000)}`, BOB.token)],
  [
    'another name in front of a good signature',
    () => signed(`alice~${inMs(60_000)}`, ALICE.token).replace('alice', 'bob'),
  ],
  ['unsigned', () => `alice~${inMs(60_000)}`],
  ['an empty signature', () => `alice~${inMs(60_000)}.`],
  ['signed with the token itself', () => new Signer(ALICE.token).sign(`alice~${inMs(60_000)}`)],
  ['of nobody', () => signed(`eve~${inMs(60_000)}`, 'eve')],
  ['of __proto__', () => signed(`__proto__~${inMs(60_000)}`, 'eve')],
  ['a message of ours', () => signed(`~${inMs(60_000)}`, ALICE.token)],
  ['not text', () => '\u0000\uffff'],
])('a cookie that is %s lets nobody in', async (_what, cookie) => {
  expect(await isLoginAsked(browserWith(cookie()))).toBe(true);
});

test('a session ends after its hours, by the clock of the gateway', () => {
  let nowMs = 1_000_000;
  const sessions = new Sessions([ALICE], () => nowMs);
  const cookie = sessions.open('alice');
  nowMs += CONSOLE_SESSION_MS - 1;
  expect(sessions.read(cookie)?.name).toBe('alice');
  nowMs += 1;
  expect(sessions.read(cookie)).toBeUndefined();
});

test('two gateways with the same tokens share sessions and forms; one where the token was revoked or replaced does not', async () => {
  const browser = await loggedIn();
  const page = await browser.get('/console/pauses/pause');
  const other = await bed.start();
  const there = browser.at(other.url);
  expect(textOf(await there.get('/console'))).toContain('logged in as alice');
  const answer = await there.submit(page, '/console/pauses/pause', { reason: 'a look' });
  expect(textOf(answer)).toContain('Pause: confirm');
  for (const tokens of [
    `bob=${BOB.token}`,
    `alice=another-token-that-is-long-enough-to-be-taken,bob=${BOB.token}`,
  ]) {
    const revoked = await bed.start({ GATEWAY_TOKENS: tokens });
    expect(await isLoginAsked(browser.at(revoked.url))).toBe(true);
  }
});

test('a deep link without a login leads to the login and from there to its page', async () => {
  const browser = new Browser(url);
  const deep = '/console/settlements?view=open&q=%C3%A9';
  const asked = await browser.get(deep);
  expect(asked.status).toBe(303);
  expect(asked.headers.location).toBe(`/console/login?next=${encodeURIComponent(deep)}`);
  const page = await browser.follow(asked);
  const answer = await browser.submit(page, '/console/login', { token: ALICE.token });
  expect(answer.headers.location).toBe(deep);
});

test.each([
  'https://evil.example/console',
  '//evil.example/console',
  '/\\evil.example/console',
  '\\\\evil.example',
  'javascript:alert(1)',
  '/v1/openapi.json',
  '/consoleevil',
  '/console/../v1/openapi.json',
  '/console/logout',
  ' //evil.example',
  '/\t/evil.example',
])('after a login nobody is sent to %p', async (next) => {
  const browser = new Browser(url);
  const answer = await browser.post('/console/login', { token: ALICE.token, next });
  expect(answer.status).toBe(303);
  expect(answer.headers.location).toBe('/console');
  const page = await browser.get(`/console/login?next=${encodeURIComponent(next)}`);
  expect(page.text).toContain('name="next" value="/console"');
});

test('whoever logs out has to log in again', async () => {
  const browser = await loggedIn();
  const answer = await browser.submit(await browser.get('/console'), '/console/logout');
  expect(answer.headers.location).toBe('/console/login');
  expect(browser.cookies.has(SESSION_COOKIE)).toBe(false);
  expect(await isLoginAsked(browser)).toBe(true);
});

test('the cookie opens no route of the API, and a bearer token no page', async () => {
  const browser = await loggedIn();
  expect((await browser.get('/metrics')).status).toBe(401);
  expect((await request(url, '/console')).status).toBe(303);
});

test('after too many wrong logins from an address also a right one waits', async () => {
  const { url: slow } = await bed.start();
  const browser = new Browser(slow);
  for (let tries = 0; tries < CONSOLE_WRONG_LOGINS_MAX; tries += 1) {
    expect((await browser.post('/console/login', { token: 'wrong' })).status).toBe(401);
  }
  const answer = await browser.post('/console/login', { token: ALICE.token });
  expect(answer.status).toBe(429);
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  expect(browser.cookies.has(SESSION_COOKIE)).toBe(false);
});

test('the wait ends with its window, and other addresses do not wait', () => {
  let nowMs = 0;
  const logins = new WrongLogins(() => nowMs);
  for (let tries = 0; tries < CONSOLE_WRONG_LOGINS_MAX; tries += 1) {
    expect(logins.waitMs('a')).toBe(0);
    logins.count('a');
  }
  expect(logins.waitMs('a')).toBe(CONSOLE_WRONG_LOGINS_WINDOW_MS);
  expect(logins.waitMs('b')).toBe(0);
  nowMs += CONSOLE_WRONG_LOGINS_WINDOW_MS;
  expect(logins.waitMs('a')).toBe(0);
});

test('no token and no cookie is written to the log', () => {
  expect(bed.log()).not.toContain(ALICE.token);
  expect(bed.log()).not.toContain(signed('alice~', ALICE.token).slice(-20));
  expect(bed.log()).toContain('/console/login');
});

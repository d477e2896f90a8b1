/**
 * Goal: a form changes something only where the person who is logged in has sent it from our own page; every answer of the console is safe to show.
 * Method: forms are stolen, left without their token, sent by other sites and by other people, over real sockets; the database says that nothing changed.
 */
import { brokenInvariants } from '../../support/invariants';
import { ALICE, BOB } from '../gateway-bed';
import { request, type Answer } from '../http-client';
import { Browser, formsOf, textOf } from './browser';
import { askedToConfirm, openConsoleBed, type ConsoleBed } from './console-bed';

let bed: ConsoleBed;
let url: string;

beforeAll(async () => {
  bed = await openConsoleBed();
  ({ url } = bed.gateway);
});
afterAll(() => bed.close());
afterEach(async () => {
  expect(await bed.actionsOn(null)).toEqual([]);
  expect(await brokenInvariants(bed)).toEqual([]);
});

const PAUSE = '/console/pauses/pause';

/** The last form before everything is paused: whoever sends it rightly pauses. */
async function loadedForm(browser: Browser) {
  const page = await askedToConfirm(browser, PAUSE);
  const form = formsOf(page).find(({ action }) => action === `${PAUSE}/confirm`);
  expect(form?.fields['_csrf']).toMatch(/.{40,}/);
  return form!;
}

test('without its token, with a changed one, or with two, a form is refused', async () => {
  const browser = await bed.browser();
  const { action, fields } = await loadedForm(browser);
  const { _csrf: token = '', ...others } = fields;
  for (const stolen of [others, { ...others, _csrf: '' }, { ...others, _csrf: `${token}x` }]) {
    const answer = await browser.post(action, stolen);
    expect(answer.status).toBe(403);
    expect(textOf(answer)).toContain('this form was not made for your login');
  }
  const body = `${new URLSearchParams(fields).toString()}&_csrf=${encodeURIComponent(token)}`;
  const twice = await request(url, action, {
    method: 'POST',
    token: null,
    body,
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      cookie: [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; '),
    },
  });
  expect(twice.status).toBe(403);
});

test('another person cannot send it, not even with the cookie of the form planted in their browser', async () => {
  const alice = await bed.browser();
  const { action, fields } = await loadedForm(alice);
  const bob = await bed.browser(BOB.token);
  expect((await bob.post(action, fields)).status).toBe(403);
  bob.cookies.set('payouts_form', alice.cookies.get('payouts_form')!);
  expect((await bob.post(action, fields)).status).toBe(403);
});

test('a form of an earlier login of the same person is refused', async () => {
  const browser = await bed.browser();
  const { action, fields } = await loadedForm(browser);
  await browser.login(ALICE.token);
  expect((await browser.post(action, fields)).status).toBe(403);
});

test.each<Record<string, string>>([
  { 'sec-fetch-site': 'cross-site' },
  { 'sec-fetch-site': 'same-site' },
  { origin: 'https://evil.example' },
  { origin: 'null' },
  { origin: 'not a url' },
])('sent by another site it is refused, whatever it carries: %p', async (headers) => {
  const browser = await bed.browser();
  const { action, fields } = await loadedForm(browser);
  const answer = await browser.post(action, fields, headers);
  expect(answer.status).toBe(403);
  expect(textOf(answer)).toContain('sent by another site; nothing was changed');
  const login = await new Browser(url).post('/console/login', { token: ALICE.token }, headers);
  expect([login.status, login.headers['set-cookie']]).toEqual([403, undefined]);
});

test('a browser without Sec-Fetch-Site is known by its Origin', async () => {
  const browser = await bed.browser();
  const { fields } = await loadedForm(browser);
  const answer = await browser.post(
    PAUSE,
    { _csrf: fields['_csrf']!, reason: 'as agreed' },
    { origin: url },
  );
  expect(textOf(answer)).toContain('Pause: confirm');
});

test('without a login, or after it has ended, a form is refused and says so', async () => {
  const browser = await bed.browser();
  const { action, fields } = await loadedForm(browser);
  browser.cookies.delete('payouts_session');
  const answer = await browser.post(action, fields);
  expect(answer.status).toBe(401);
  expect(textOf(answer)).toContain('you are not logged in');
});

test.each([
  '',
  '   ',
  'x'.repeat(501),
  '<script>alert(1)</script>',
  'two\nlines',
  'turned\u202earound',
])('a reason that is none is asked for again: %p', async (reason) => {
  const browser = await bed.browser();
  const answer = await browser.submit(await browser.get(PAUSE), PAUSE, { reason });
  expect(answer.status).toBe(400);
  expect(textOf(answer)).toContain('The reason has to be');
  expect(answer.text).not.toContain('<script');
  const { action, fields } = await loadedForm(browser);
  expect((await browser.post(action, { ...fields, reason })).status).toBe(400);
});

test('unknown fields, and fields twice, are refused', async () => {
  const browser = await bed.browser();
  const { action, fields } = await loadedForm(browser);
  const answer = await browser.post(action, { ...fields, more: 'than asked' });
  expect(answer.status).toBe(400);
  expect(answer.headers['content-type']).toContain('text/html');
});

const SECURITY = {
  'content-security-policy':
    "default-src 'none';style-src 'self';form-action 'self';base-uri 'none';frame-ancestors 'none'",
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
};

function expectSafe(answer: Answer): void {
  expect(answer.headers).toMatchObject(SECURITY);
  expect(answer.headers['x-request-id']).toMatch(/./);
}

test.each<[string, number, (browser: Browser) => Promise<Answer>]>([
  ['the overview', 200, (browser) => browser.get('/console')],
  ['the overview with a slash', 200, (browser) => browser.get('/console/')],
  ['the login', 200, (browser) => browser.get('/console/login')],
  ['no such page', 404, (browser) => browser.get('/console/none')],
  ['no such settlement', 404, (browser) => browser.get('/console/settlements/none')],
  ['a wrong filter', 400, (browser) => browser.get('/console/settlements?view=none')],
  ['a refused form', 403, (browser) => browser.post('/console/logout', {})],
  ['a page by POST', 405, (browser) => browser.post('/console/settlements', {})],
  ['a form by GET', 405, (browser) => browser.get('/console/pauses/pause/confirm')],
  ['too much', 413, (browser) => browser.post('/console/login', { token: 'x'.repeat(20_000) })],
  [
    'JSON',
    415,
    (browser) => browser.post('/console/login', {}, { 'content-type': 'application/json' }),
  ],
  [
    'compressed',
    415,
    (browser) => browser.post('/console/login', {}, { 'content-encoding': 'gzip' }),
  ],
])('%s: %i, a page with every security header, kept by nobody', async (_what, status, ask) => {
  const answer = await ask(await bed.browser());
  expect(answer.status).toBe(status);
  expectSafe(answer);
  expect(answer.headers['cache-control']).toBe('no-store');
  expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
  expect(textOf(answer)).toContain('TEST: no real money');
  expect(answer.text).not.toContain('<script');
  expect(answer.text).not.toMatch(/ style=/);
});

test('HEAD is none of its methods; the redirect to the login and the stylesheet are safe too', async () => {
  const head = await request(url, '/console', { method: 'HEAD', token: null });
  expect([head.status, head.headers.allow]).toEqual([405, 'GET']);
  expectSafe(await new Browser(url).get('/console'));
  const style = await new Browser(url).get('/console/style.css');
  expect(style.headers['content-type']).toContain('text/css');
  expectSafe(style);
});

test('the API keeps its errors in JSON', async () => {
  const { headers, text } = await request(url, '/v1/none');
  expect(headers['content-type']).toContain('application/json');
  expect(JSON.parse(text)).toMatchObject({ error: { code: 'not_found' } });
});

/**
 * Goal: only what Stripe signed just now is believed, and of that only ids are read.
 * Method: bodies and headers as docs.stripe.com/webhooks describes them, signed with the SDK's own test helper and, for
 * headers that it does not make, by hand; the time is passed in.
 */
import { createHmac, randomUUID } from 'node:crypto';
import Stripe from 'stripe';

import { WEBHOOK_AGE_MAX_MS, WEBHOOK_FUTURE_MAX_MS } from '../../src/domain/limits';
import { readWebhook, type WebhookDelivery, type WebhookReading } from '../../src/stripe/webhooks';

const NOW_MS = Date.UTC(2026, 10, 22, 12);
const NOW = NOW_MS / 1_000;
const SECRET = 'whsec_newOfThisTest';
const OLD_SECRET = 'whsec_oldOfThisTest';
const PAYOUT = randomUUID();

const EVENT = {
  id: 'evt_1',
  object: 'event',
  type: 'transfer.created',
  livemode: false,
  created: NOW - 2,
  api_version: '2026-10-28.endive',
  data: {
    object: {
      id: 'tr_1',
      object: 'transfer',
      description: 'for Jane Doe',
      metadata: { payout_transfer_id: PAYOUT, installation_id: 'local', note: 'Jane Doe' },
    },
  },
};

function sign(payload: string, timestamp = NOW, secret = SECRET): string {
  return Stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp });
}

function mac(payload: string, timestamp: string, secret = SECRET): string {
  return createHmac('sha256', secret).update(`${timestamp}.${payload}`).digest('hex');
}

function read(payload: string, delivery: Partial<WebhookDelivery> = {}): WebhookReading {
  return readWebhook({
    body: Buffer.from(payload),
    signature: sign(payload),
    secrets: [SECRET],
    livemode: false,
    nowMs: NOW_MS,
    ...delivery,
  });
}

const TEXT = JSON.stringify(EVENT);

function eventWith(change: Record<string, unknown>): string {
  return JSON.stringify({ ...EVENT, ...change });
}

test('a signed event is read as ids, and nothing else of it', () => {
  expect(read(TEXT)).toEqual({
    ok: true,
    event: {
      eventId: 'evt_1',
      type: 'transfer.created',
      objectId: 'tr_1',
      accountId: null,
      payoutTransferId: PAYOUT,
      installationId: 'local',
      livemode: false,
      createdAt: new Date((NOW - 2) * 1_000),
    },
  });
});

test('of metadata that is no id of ours nothing is kept', () => {
  const metadata = { payout_transfer_id: 'Jane Doe', installation_id: 'x@example.com' };
  const object = { id: 'tr_1', object: 'transfer', metadata };
  expect(read(eventWith({ data: { object } }))).toMatchObject({
    ok: true,
    event: { payoutTransferId: null, installationId: null },
  });
});

test('the account of an event is that of the event, else the one that its object names', () => {
  const capability = { object: { id: 'transfers', object: 'capability', account: 'acct_named' } };
  const type = 'capability.updated';
  expect(read(eventWith({ type, data: capability }))).toMatchObject({
    event: { accountId: 'acct_named', objectId: 'transfers' },
  });
  expect(read(eventWith({ type, data: capability, account: 'acct_event' }))).toMatchObject({
    event: { accountId: 'acct_event' },
  });
});

test('an object without an id, such as a balance, is named by its kind', () => {
  const data = { object: { object: 'balance', available: [] } };
  expect(read(eventWith({ type: 'balance.available', data }))).toMatchObject({
    event: { objectId: 'balance' },
  });
});

describe('while a secret is rolled over', () => {
  test.each([
    ['the new one', SECRET],
    ['the old one', OLD_SECRET],
  ])('what is signed with %s is believed', (_which, secret) => {
    const secrets = [SECRET, OLD_SECRET];
    expect(read(TEXT, { signature: sign(TEXT, NOW, secret), secrets }).ok).toBe(true);
  });

  test('afterwards the old one is refused', () => {
    expect(read(TEXT, { signature: sign(TEXT, NOW, OLD_SECRET) })).toEqual(
      refused('bad_signature'),
    );
  });
});

function refused(refusal: string) {
  return { ok: false, refusal };
}

describe('is refused', () => {
  test('without a signature', () => {
    expect(read(TEXT, { signature: undefined })).toEqual(refused('no_signature'));
    expect(read(TEXT, { signature: '' })).toEqual(refused('no_signature'));
  });

  test.each([
    ['of another body', sign(`${TEXT} `)],
    ['of another secret', sign(TEXT, NOW, 'whsec_another')],
    ['that is only the decoy of test mode', `t=${NOW},v0=${mac(TEXT, NOW.toString())}`],
    ['without a time', `v1=${mac(TEXT, NOW.toString())}`],
    ['that is no header of Stripe’s', 'Bearer something'],
    ['for another time than it says', `t=${NOW - 1},v1=${mac(TEXT, NOW.toString())}`],
    ['with two times, of which the second is right', `t=${NOW - 9_999},${sign(TEXT)}`],
    ['for a time that is no number', `t=NaN,v1=${mac(TEXT, 'NaN')}`],
  ])('a signature %s', (_which, signature) => {
    expect(read(TEXT, { signature })).toEqual(refused('bad_signature'));
  });

  test('what was signed more than five minutes ago; not a second sooner', () => {
    const age = WEBHOOK_AGE_MAX_MS / 1_000;
    expect(read(TEXT, { signature: sign(TEXT, NOW - age) }).ok).toBe(true);
    expect(read(TEXT, { signature: sign(TEXT, NOW - age - 1) })).toEqual(refused('stale'));
  });

  test('what is signed for more than a minute in the future, which the SDK lets pass', () => {
    const skew = WEBHOOK_FUTURE_MAX_MS / 1_000;
    expect(read(TEXT, { signature: sign(TEXT, NOW + skew) }).ok).toBe(true);
    expect(read(TEXT, { signature: sign(TEXT, NOW + skew + 1) })).toEqual(refused('future'));
  });

  test.each([
    ['no JSON', 'not json', 'not_json'],
    ['nothing', '', 'not_json'],
    ['a thin event', JSON.stringify({ object: 'v2.core.event', id: 'evt_thin' }), 'thin_event'],
    ['something else', JSON.stringify({ object: 'list', data: [] }), 'not_an_event'],
    ['an event without an object', JSON.stringify({ ...EVENT, data: {} }), 'not_an_event'],
    ['an event with an id that is none', JSON.stringify({ ...EVENT, id: 'x y' }), 'not_an_event'],
    ['an event of live mode', JSON.stringify({ ...EVENT, livemode: true }), 'wrong_mode'],
  ])('%s, well signed', (_what, payload, refusal) => {
    const timestamp = NOW.toString();
    // The helper of the SDK signs no empty text.
    const signature = `t=${timestamp},v1=${mac(payload, timestamp)}`;
    expect(read(payload, { signature })).toEqual(refused(refusal));
  });
});

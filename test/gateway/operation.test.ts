/**
 * Goal: who runs the gateway sees what is there and what is not, without making it worse, and stops it without losing a
 * request.
 * Method: parts are cut off and come back; rows are written as the product writes them; a lock holds a request.
 */
import { settlementOf as fileOf, until } from '../e2e/bed';
import { givenTransfer, untilSomebodyWaitsForLock } from '../support/builders';
import { movePayoutClock } from '../support/clock';
import { ALICE, openGatewayBed, type GatewayBed } from './gateway-bed';
import { openRaw, parseAnswer, post, request } from './http-client';

let bed: GatewayBed;

beforeAll(async () => {
  bed = await openGatewayBed();
});
afterAll(() => bed.close());

type Part = 'postgres' | 'temporal' | 'stripe';
interface Readiness {
  readonly ready: boolean;
  readonly parts: Record<Part, { ok: boolean; since: string; code: string | null }>;
}

async function readinessOf(url: string): Promise<{ status: number; state: Readiness }> {
  const { status, text } = await request(url, '/readyz', { token: null });
  return { status, state: JSON.parse(text) as Readiness };
}

test.each<Part>(['postgres', 'temporal', 'stripe'])(
  'without %s it is not ready, says since when, and is ready again when it is back',
  async (part) => {
    const { url } = await bed.start();
    // A busy machine may take longer for its first look than a look has.
    const before = await until('it is ready', async () => {
      const now = await readinessOf(url);
      return now.status === 200 && now;
    });
    expect(before.state.ready).toBe(true);
    bed[part].cut();
    const away = await until('the part is seen to be away', async () => {
      const now = await readinessOf(url);
      return now.status === 503 && now;
    });
    bed[part].restore();
    expect(away.state.ready).toBe(false);
    expect(away.state.parts[part]).toMatchObject({ ok: false, code: expect.any(String) });
    expect(Date.parse(away.state.parts[part].since)).toBeGreaterThan(
      Date.parse(before.state.parts[part].since),
    );
    const others = (['postgres', 'temporal', 'stripe'] as const).filter((other) => other !== part);
    for (const other of others) {
      expect(away.state.parts[other]).toEqual(before.state.parts[other]);
    }
    expect((await request(url, '/healthz', { token: null })).status).toBe(200);
    await until('the part is back', async () => (await readinessOf(url)).status === 200);
  },
);

test('a key that Stripe refuses is said as such', async () => {
  const { url } = await bed.start();
  await bed.sandbox.control('keys', { key: bed.env['STRIPE_API_KEY'], state: 'invalid' });
  const { status, state } = await readinessOf(url);
  await bed.sandbox.control('keys', { key: bed.env['STRIPE_API_KEY'], state: 'active' });
  expect({ status, stripe: state.parts.stripe }).toMatchObject({
    status: 503,
    stripe: { ok: false, code: 'stripe_401' },
  });
});

test('thirty questions at once make one call to Stripe', async () => {
  const { url } = await bed.start();
  // The one call that fails: whoever asked Stripe again would see it well.
  const match = { method: 'GET', path: '/v1/balance' };
  await bed.sandbox.control('faults', { match, fault: { kind: 'status', status: 503 }, times: 1 });
  const answers = await Promise.all(Array.from({ length: 30 }, () => readinessOf(url)));
  expect(new Set(answers.map(({ state }) => state.parts.stripe.code))).toEqual(
    new Set(['stripe_503']),
  );
});

test('the metrics are what Postgres has', async () => {
  const { url } = await bed.start();
  const transfer = await givenTransfer(bed.database, { account: 'acct_metrics' });
  await bed.rows(
    `update payout_transfers set status = 'unknown', failure_class = 'unknown',
       failure_reason = 'unknown_paid_run', updated_at = payout_now() where id = $1`,
    [transfer.id],
  );
  const failed = await givenTransfer(bed.database, { account: 'acct_failed' });
  for (const status of ['blocked', 'failed_terminal']) {
    await bed.rows(
      `update payout_transfers set status = $2, failure_class = 'payee', failure_reason = 'payee_wait_over'
       where id = $1`,
      [failed.id, status],
    );
  }
  await bed.rows(
    `update payout_jobs set status = 'awaiting_funds', funds_needed_minor = 1, funds_available_minor = 0
     where id = $1`,
    [failed.payoutJobId],
  );
  await bed.rows(
    `insert into payout_controls (settlement_id, cause, owner) values (null, 'operator', 'operator'),
       ('s-1', 'operator', 'operator'), ('s-2', 'operator', 'operator')`,
  );
  await bed.rows(
    `insert into stripe_events (event_id, type, object_id, livemode, created_at, status, result, processed_at)
     values ('evt_1', 'transfer.created', 'tr_1', false, now(), 'received', 'stripe_403', null),
       ('evt_2', 'transfer.created', 'tr_2', false, now(), 'processed', 'known', now())`,
  );
  await bed.rows(
    `insert into admin_jobs (name, schedule, status, registered_at, finished_at, succeeded_at)
     values ('payout-sweep', 'every 5 minutes', 'running', payout_now(), payout_now(), payout_now()),
       ('ill', 'every 5 minutes', 'failed', payout_now(), payout_now() + interval '59 minutes', null)`,
  );
  await movePayoutClock(bed, { hours: 1 });
  const { text } = await request(url, '/metrics');
  await movePayoutClock(bed, { ms: 0 });
  await bed.rows('update payout_controls set lifted_at = payout_now()');
  expect(text).toContain('payouts_database_up 1');
  expect(text).toContain('payouts_settlements{status="accepted"} 2');
  expect(text).toContain('payouts_open_jobs{status="pending"} 1');
  expect(text).toContain('payouts_open_jobs{status="awaiting_approval"} 0');
  expect(text).toContain('payouts_open_jobs{status="awaiting_funds"} 1');
  expect(text).not.toContain('payouts_open_jobs{status="complete"}');
  expect(text).toContain('payouts_failed_transfers 1');
  expect(text).toContain('payouts_settlements{status="rejected"} 0');
  expect(text).toContain('payouts_open_transfers{status="unknown"} 1');
  expect(text).toContain('payouts_open_transfers{status="pending"} 0');
  expect(text).toContain('payouts_pauses_in_force{scope="everything"} 1');
  expect(text).toContain('payouts_pauses_in_force{scope="settlement"} 2');
  expect(text).toContain('payouts_stripe_events{result="waiting"} 1');
  expect(text).toContain('payouts_stripe_events{result="known"} 1');
  expect(text).toMatch(/payouts_oldest_unknown_age_seconds 36\d\d/);
  expect(text).toMatch(/payouts_recurring_work_age_seconds\{name="payout-sweep"\} 36\d\d/);
  // It fails again and again: that it ended a minute ago is no good news.
  expect(text).toMatch(/payouts_recurring_work_age_seconds\{name="ill"\} 36\d\d/);
});

test('without Postgres the metrics say so, and keep what the gateway counted itself', async () => {
  const { url } = await bed.start();
  await request(url, '/healthz');
  bed.postgres.cut();
  const { status, text } = await request(url, '/metrics');
  bed.postgres.restore();
  expect(status).toBe(200);
  expect(text).toContain('payouts_database_up 0');
  expect(text).toMatch(/payouts_gateway_requests_total\{[^}]*route="\/healthz",status="200"\} 1/);
  expect(text).not.toMatch(
    /^payouts_(settlements|open_jobs|failed_transfers|oldest_unknown_age_seconds)[ {]/m,
  );
});

test('a stop lets the request under way finish, takes no other, and closes everything', async () => {
  const gateway = await bed.start();
  const holder = await bed.connect().database.$client.connect();
  await holder.query('begin');
  await holder.query('lock table settlements in access exclusive mode');
  const answer = post(gateway.url, fileOf('under-way', 2));
  await untilSomebodyWaitsForLock(bed);
  const closed = gateway.close();
  await expect(request(gateway.url, '/healthz')).rejects.toThrow();
  await holder.query('commit');
  holder.release();
  expect((await answer).status).toBe(201);
  await closed;
  const sessions = await bed.rows<{ n: number }>(
    `select count(*)::int as n from payout_jobs where settlement_id = 'under-way'`,
  );
  expect(sessions[0]?.n).toBe(1);
});

test('what a stopping gateway still answers closes its connection', async () => {
  const gateway = await bed.start();
  const holder = await bed.connect().database.$client.connect();
  await holder.query('begin');
  await holder.query('lock table settlements in access exclusive mode');
  const body = JSON.stringify(fileOf('kept-alive', 1));
  const { socket, ended } = await openRaw(gateway.url);
  socket.write(
    `POST /v1/settlements HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${ALICE.token}\r\n` +
      `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  await untilSomebodyWaitsForLock(bed);
  const closed = gateway.close();
  await holder.query('commit');
  holder.release();
  const answer = parseAnswer(await ended);
  expect({ status: answer.status, connection: answer.headers.connection }).toEqual({
    status: 201,
    connection: 'close',
  });
  await closed;
});

/**
 * Goal: each bad input is refused with a clear answer, counted once by the metric that docs/RUNBOOK.md names for it, and
 * changes nothing.
 * Method: one gateway with everything real behind it and the built command beside it; each input is given once, and what
 * the scrape and the hash of all rows say before and after is compared. What moves by itself, such as requests under
 * way, is not in the list; the counters' own rows and columns are not in the hash.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Stripe from 'stripe';

import { markCompleted } from '../../src/db/transfer-moves';
import { settlementOf as fileOf, until } from '../e2e/bed';
import { givenClaimedTransfer, givenScheduledSettlement, refusalOf } from '../support/builders';
import { runCli } from '../support/processes';
import { ALICE, openGatewayBed, WEBHOOK_SECRET, type GatewayBed } from './gateway-bed';
import { openRaw, parseAnswer, post, request } from './http-client';

const MEGABYTE = 1024 * 1024;
const CONNECTIONS_MAX = 200;
const RUNBOOK = readFileSync(join(__dirname, '../../docs/RUNBOOK.md'), 'utf8');

let bed: GatewayBed;
let url: string;
/** A second gateway, which waits for slow clients so shortly that whole requests may come too late on a busy machine. */
let impatientUrl: string;
/** Paid; nobody may change it. */
let paidId: string;

beforeAll(async () => {
  bed = await openGatewayBed();
  ({ url } = await bed.start({}, { connectionsMax: CONNECTIONS_MAX }));
  const limits = { headersTimeoutMs: 300, requestTimeoutMs: 600, timeoutLookMs: 50 };
  ({ url: impatientUrl } = await bed.start({}, limits));
  const { transfer } = await givenClaimedTransfer(bed.database);
  await markCompleted(bed.database, transfer, 'tr_paid');
  paidId = transfer.id;
}, 120_000);
afterAll(() => bed.close());

/** What grows by itself, or is asked by the test. */
const OF_THE_TEST = /route="\/metrics"|_duration_|_age_seconds/;

/** The counters and gauges by name and labels, 0 where they are not there yet. */
async function scrape(at = url): Promise<Map<string, number>> {
  const { text } = await request(at, '/metrics');
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines
      .filter((line) => !OF_THE_TEST.test(line))
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]),
  );
}

/** Counts of the way that something took, beside the counter of what was wrong with it. */
const WAY = 'payouts_gateway_requests_total';

function grown(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>) {
  const names = [...new Set([...before.keys(), ...after.keys()])];
  const changes = names.map((name) => [name, (after.get(name) ?? 0) - (before.get(name) ?? 0)]);
  return Object.fromEntries(changes.filter(([, by]) => by !== 0)) as Record<string, number>;
}

/** Every row of every table, without the counters. */
async function allRows(): Promise<string> {
  const tables = await bed.rows<{ name: string }>(
    `select table_name as name from information_schema.tables
     where table_schema = 'public' and table_type = 'BASE TABLE' and table_name <> 'refusal_counts' order by 1`,
  );
  const hash = createHash('sha256');
  for (const { name } of tables) {
    const rows = await bed.rows<{ text: string }>(
      `select (to_jsonb(t) - 'delivery_count')::text as text from ${name} as t order by 1`,
    );
    hash.update(`${name}\n${rows.map(({ text }) => text).join('\n')}\n`);
  }
  return hash.digest('hex');
}

function event(id: string): string {
  return JSON.stringify({
    id,
    object: 'event',
    type: 'customer.created',
    livemode: false,
    created: Math.floor(Date.now() / 1_000),
    data: { object: { id: 'cus_1', object: 'customer' } },
  });
}

interface Signing {
  readonly secret?: string;
  readonly ageS?: number;
}

function deliver(payload: string, { ageS = 0, secret = WEBHOOK_SECRET }: Signing = {}) {
  const timestamp = Math.floor(Date.now() / 1_000) - ageS;
  const header = Stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp });
  return request(url, '/v1/webhooks/stripe', {
    method: 'POST',
    token: null,
    body: payload,
    headers: { 'stripe-signature': header },
  });
}

async function order(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCli(args, { env: bed.env as Record<string, string> });
  return `${String(code)} ${stdout}${stderr}`;
}

const statusOf = async (answer: Promise<{ status: number; text: string }>) => {
  const { status, text } = await answer;
  return `${status} ${text}`;
};

async function slowly(head: string): Promise<string> {
  const { socket, ended } = await openRaw(impatientUrl);
  socket.write(head);
  const { status, text } = parseAnswer(await ended);
  return `${status} ${text}`;
}

const POST_HEAD = `POST /v1/settlements HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${ALICE.token}\r\n`;

interface BadInput {
  /** What docs/RUNBOOK.md calls it. */
  readonly what: string;
  readonly counter: string;
  /** The gateway that counts it, where it is not the one of all. */
  readonly at?: () => string;
  /** What is there already when it is given. */
  readonly given?: () => Promise<unknown>;
  /** Gives it once. @returns the answer */
  readonly give: () => Promise<string>;
  readonly answer: RegExp;
}

const BAD_INPUTS: readonly BadInput[] = [
  {
    what: 'a forged webhook',
    counter: 'payouts_gateway_webhooks_total{result="bad_signature"}',
    give: () => statusOf(deliver(event('evt_forged'), { secret: 'whsec_other' })),
    answer: /^400 .*bad_signature/,
  },
  {
    what: 'a stale webhook',
    counter: 'payouts_gateway_webhooks_total{result="stale"}',
    give: () => statusOf(deliver(event('evt_stale'), { ageS: 600 })),
    answer: /^400 .*stale/,
  },
  {
    what: 'a future-dated webhook',
    counter: 'payouts_gateway_webhooks_total{result="future"}',
    give: () => statusOf(deliver(event('evt_future'), { ageS: -600 })),
    answer: /^400 .*future/,
  },
  {
    what: 'a replayed webhook',
    counter: 'payouts_gateway_webhooks_total{result="repeated"}',
    given: async () => {
      await deliver(event('evt_replayed'));
      await until(
        'the first delivery has ended',
        async () =>
          (await bed.rows(`select from stripe_events where status = 'ignored'`)).length === 1 &&
          (await scrape()).get('payouts_gateway_webhooks_total{result="ignored"}') === 1,
      );
    },
    give: () => statusOf(deliver(event('evt_replayed'))),
    answer: /^200 {"received":true}/,
  },
  {
    what: 'a wrong token',
    counter: 'payouts_gateway_auth_failures_total{reason="unknown"}',
    give: () => statusOf(post(url, fileOf('guessed', 1), { token: 'a-wrong-token-of-somebody' })),
    answer: /^401 .*unauthorized/,
  },
  {
    what: 'a body of 50 MB',
    counter: `${WAY}{method="POST",route="/v1/settlements",status="413"}`,
    give: () => statusOf(post(url, ' '.repeat(50 * MEGABYTE))),
    answer: /^413 .*body_too_large/,
  },
  {
    what: 'a client that is slow with its headers',
    counter: 'payouts_gateway_broken_requests_total{code="request_timeout"}',
    at: () => impatientUrl,
    give: () => slowly(POST_HEAD),
    answer: /^408 .*request_timeout/,
  },
  {
    what: 'a client that is slow with its body',
    counter: 'payouts_gateway_broken_requests_total{code="request_timeout"}',
    at: () => impatientUrl,
    give: () =>
      slowly(`${POST_HEAD}content-type: application/json\r\ncontent-length: 900\r\n\r\n{`),
    answer: /^408 .*request_timeout/,
  },
  {
    what: 'winners changed after scheduling',
    counter: 'payouts_refused_changes_total',
    given: () => givenScheduledSettlement(bed.database, { settlementId: 'scheduled' }),
    give: () =>
      refusalOf(
        bed.rows(
          `update settlement_winners set amount_minor = 1 where settlement_id = 'scheduled'`,
        ),
      ),
    answer: /settlement_winners_frozen/,
  },
  {
    what: 'a debt changed after scheduling',
    counter: 'payouts_refused_changes_total',
    give: () =>
      refusalOf(bed.rows('update payout_transfers set amount_minor = 1 where id = $1', [paidId])),
    answer: /whose a transfer is and its amount never change/,
  },
  {
    what: 'a state that no rule leads to',
    counter: 'payouts_refused_changes_total',
    give: () =>
      refusalOf(bed.rows(`update payout_transfers set status = 'pending' where id = $1`, [paidId])),
    answer: /payout_transfers_transition/,
  },
  {
    what: 'cancelling a paid winner',
    counter: 'payouts_refused_orders_total{code="already_paid"}',
    give: () => order('cancel', paidId, '--reason', 'not wanted any more'),
    answer: /^1 .*it is paid/s,
  },
  {
    what: 'operator text with markup',
    counter: 'payouts_refused_orders_total{code="reason_not_plain_text"}',
    give: () => order('cancel', paidId, '--reason', '<b>now</b>'),
    answer: /^2 .*--reason: found "<b>now<\/b>", expected .* no markup/s,
  },
  {
    what: 'operator text with control characters',
    counter: 'payouts_refused_orders_total{code="reason_not_plain_text"}',
    give: () => order('pause', '--reason', 'now\u001b[2J'),
    answer: /^2 .*--reason: found "now\\u001b\[2J", expected/s,
  },
];

test.each(BAD_INPUTS)(
  '$what is refused, counted once, and changes nothing',
  async ({ answer, at, counter, give, given, what }) => {
    await given?.();
    const rows = await allRows();
    const before = await scrape(at?.());
    expect(await give()).toMatch(answer);
    const after = await until('it is counted', async () => {
      const now = await scrape(at?.());
      return now.get(counter) !== before.get(counter) && now;
    });
    const counted = Object.entries(grown(before, after));
    // The way that it took is counted beside it; nothing else is, and it itself once.
    expect(counted.filter(([name]) => name === counter || !name.startsWith(WAY))).toEqual([
      [counter, 1],
    ]);
    expect(await allRows()).toBe(rows);
    expectInRunbook(what, counter);
  },
);

test('1,000 connections: those that are one too many are closed, each counted, and change nothing', async () => {
  const rows = await allRows();
  const name = 'payouts_gateway_refused_connections_total';
  const before = (await scrape()).get(name) ?? 0;
  const connections = await Promise.all(Array.from({ length: 1_000 }, () => openRaw(url)));
  for (const { socket } of connections) {
    socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
  }
  const answers = await Promise.all(connections.map(({ ended }) => ended));
  const closed = answers.filter((answer) => answer === '').length;
  expect(closed).toBeGreaterThan(0);
  expect((await scrape()).get(name)).toBe(before + closed);
  expect(await allRows()).toBe(rows);
  expectInRunbook('one connection too many', name);
});

test('invalid rows written by SQL are rejected as a settlement, counted, and nobody of it is owed', async () => {
  const name = 'payouts_settlements{status="rejected"}';
  const before = await scrape();
  await bed.rows(
    `insert into settlements (settlement_id, contest_id, currency) values ('by-sql', 'c', 'usd')`,
  );
  await bed.rows(
    `insert into settlement_winners (settlement_id, user_id, amount_minor) values ('by-sql', 'no id!', 5)`,
  );
  const others = () =>
    bed.rows(
      `select 'job' as what, id::text from payout_jobs union all select 'transfer', id::text from payout_transfers
       union all select 'ledger', id::text from ledger_transactions
       union all select 'winner', to_jsonb(w)::text from settlement_winners as w order by 1, 2`,
    );
  const owed = await others();
  await bed.rows(`update settlements set status = 'completed' where settlement_id = 'by-sql'`);
  const after = await until('it is rejected', async () => {
    const now = await scrape();
    return now.get(name) !== before.get(name) && now;
  });
  expect(grown(before, after)).toEqual({ [name]: 1 });
  expect(await others()).toEqual(owed);
  expect(
    (await bed.rows(`select rejected_reasons from settlements where status = 'rejected'`))[0],
  ).toMatchObject({ rejected_reasons: [expect.stringContaining('no id!')] });
  expectInRunbook('invalid rows written by SQL', name);
});

test('an order without a plain reason stays wrong use where it cannot be counted', async () => {
  const env = {
    ...(bed.env as Record<string, string>),
    DATABASE_URL: 'postgres://x@127.0.0.1:1/x',
  };
  const { code, stderr } = await runCli(['cancel', paidId, '--reason', '<b>'], { env });
  expect(code).toBe(2);
  expect(stderr).toMatch(/^payouts: --reason: .*\n$/);
});

/** The runbook's list of bad inputs has a row for it with this counter. */
function expectInRunbook(what: string, counter: string): void {
  const row = RUNBOOK.split('\n').find((line) => line.startsWith(`| ${what} `));
  expect(row).toContain(`\`${counter}\``);
}

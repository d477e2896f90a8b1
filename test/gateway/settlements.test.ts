/**
 * Goal: a settlement that comes over HTTP is recorded once, whole, under its caller's name, and its job starts once,
 * whoever repeats it and whatever is away.
 * Method: a gateway on real sockets, real Postgres, the run's Temporal server behind a port that can be cut.
 */
import { readStatus } from '../../src/client/read-status';
import { insertUserStripeAccount } from '../../src/db/user-stripe-accounts';
import { GATEWAY_START_DEADLINE_MS } from '../../src/domain/limits';
import { settlementOf as fileOf } from '../e2e/bed';
import { brokenInvariants } from '../support/invariants';
import { BOB, openGatewayBed, type GatewayBed } from './gateway-bed';
import { post, request, type Answer } from './http-client';

const MAX_AMOUNT = 1_000_000;
/** What a busy machine may add to an answer. */
const BUSY_MS = 15_000;

let bed: GatewayBed;
let url: string;

beforeAll(async () => {
  bed = await openGatewayBed();
  ({ url } = await bed.start({ PAYOUT_MAX_AMOUNT_MINOR: MAX_AMOUNT.toString() }));
});
afterAll(() => bed.close());
afterEach(async () => {
  expect(await brokenInvariants(bed)).toEqual([]);
});

interface ErrorOf {
  readonly code: string;
  readonly message: string;
  readonly problems?: { place: string; found: string; expected: string }[];
}
const errorOf = ({ text }: Answer) => (JSON.parse(text) as { error: ErrorOf }).error;
const reportOf = ({ text }: Answer) => JSON.parse(text) as Record<string, unknown>;

async function count(table: string, settlementId: string): Promise<number> {
  const [row] = await bed.rows<{ n: number }>(
    `select count(*)::int as n from ${table} where settlement_id = $1`,
    [settlementId],
  );
  return row?.n ?? 0;
}

/** The runs of a settlement's job, by what Temporal says of each. */
async function runOf(settlementId: string): Promise<string> {
  return (await bed.client.workflow.getHandle(`payout-job/${settlementId}`).describe()).runId;
}

test('twenty callers with one settlement: one 201, else 200, one job, one run, one debt each', async () => {
  const body = fileOf('raced', 3);
  const answers = await Promise.all(Array.from({ length: 20 }, () => post(url, body)));
  expect(answers.map(({ status }) => status).sort()).toEqual([
    ...Array.from({ length: 19 }, () => 200),
    201,
  ]);
  expect(new Set(answers.map((answer) => reportOf(answer)['runId']))).toEqual(
    new Set([await runOf('raced')]),
  );
  expect(await count('payout_jobs', 'raced')).toBe(1);
  expect(await count('payout_transfers', 'raced')).toBe(3);
  expect(answers.map(reportOf).filter(({ created }) => created === true)).toHaveLength(1);
});

test('the report is that of payouts settle, and the caller’s name stays with the settlement', async () => {
  const answer = await post(url, fileOf('named', 2), { token: BOB.token });
  expect(reportOf(answer)).toEqual({
    settlementId: 'named',
    workflowId: 'payout-job/named',
    runId: await runOf('named'),
    created: true,
    transfers: 2,
    totalMinor: 2_001,
    currency: 'usd',
  });
  await post(url, fileOf('named', 2));
  expect(
    await bed.rows(`select recorded_by, status from settlements where settlement_id = 'named'`),
  ).toEqual([{ recorded_by: BOB.name, status: 'accepted' }]);
});

test('other content under the same id, and an award of another settlement, are refused and change nothing', async () => {
  await post(url, fileOf('settled', 2));
  const changed = await post(url, fileOf('settled', 3));
  expect({ status: changed.status, code: errorOf(changed).code }).toEqual({
    status: 409,
    code: 'settlement_conflict',
  });
  const second = { ...fileOf('settled', 2), settlementId: 'settled-again' };
  const doubled = await post(url, second);
  expect({ status: doubled.status, code: errorOf(doubled).code }).toEqual({
    status: 409,
    code: 'award_already_settled',
  });
  expect(errorOf(doubled).message).toContain('already paid by settlement settled');
  expect(await count('payout_transfers', 'settled')).toBe(2);
  expect(await count('settlements', 'settled-again')).toBe(0);
});

const [winner] = fileOf('bad', 1).winners;
const withWinner = (text: string) =>
  `{"settlementId":"bad","contestId":"c","currency":"usd","winners":[${text}]}`;

test.each<[string, string, number, string, string, string]>([
  [
    'malformed JSON',
    '{"settlementId": }',
    400,
    'malformed_json',
    'line 1, column 18',
    'valid JSON',
  ],
  ['no body', '', 400, 'malformed_json', 'line 1, column 1', 'valid JSON'],
  [
    'a field given twice',
    withWinner('{"userId":"u","amountMinor":5,"amountMinor":500}'),
    422,
    'invalid_settlement',
    'winners[0].amountMinor',
    'it once',
  ],
  [
    'a fraction',
    withWinner('{"userId":"u","amountMinor":12.00}'),
    422,
    'invalid_settlement',
    'winners[0].amountMinor',
    'written in digits only',
  ],
  [
    'a number that would be rounded',
    withWinner('{"userId":"u","amountMinor":9007199254740993}'),
    422,
    'invalid_settlement',
    'winners[0].amountMinor',
    'within 2^53 − 1',
  ],
  [
    'a prize above the largest',
    withWinner(`{"userId":"u","amountMinor":${MAX_AMOUNT + 1}}`),
    422,
    'invalid_settlement',
    'winners[0].amountMinor',
    'at most 1000000',
  ],
  [
    'a winner twice',
    withWinner(`${JSON.stringify(winner)},${JSON.stringify(winner)}`),
    422,
    'invalid_settlement',
    'winners[1]',
    'each user and award once',
  ],
  [
    'an id with a slash',
    withWinner('{"userId":"../x","amountMinor":5}'),
    422,
    'invalid_settlement',
    'winners[0].userId',
    '1 to 100 characters',
  ],
])('%s is refused by place, and nothing is recorded', async (_what, text, ...expected) => {
  const [status, code, place, words] = expected;
  const answer = await post(url, text);
  expect({ status: answer.status, code: errorOf(answer).code }).toEqual({ status, code });
  expect(errorOf(answer).problems).toEqual([
    { place, found: expect.any(String), expected: expect.stringContaining(words) },
  ]);
  expect(await count('settlements', 'bad')).toBe(0);
});

test('text that is not UTF-8, or compressed, is not guessed at', async () => {
  const headers = { 'content-type': 'application/json' };
  const latin = Buffer.from(withWinner('{"userId":"ü","amountMinor":5}'), 'latin1');
  const wrong = await request(url, '/v1/settlements', { method: 'POST', body: latin, headers });
  expect({ status: wrong.status, ...errorOf(wrong).problems?.[0] }).toMatchObject({
    status: 400,
    expected: 'UTF-8 text',
  });
  const zipped = await post(url, fileOf('bad', 1), { headers: { 'content-encoding': 'gzip' } });
  expect(zipped.status).toBe(415);
});

test('without Temporal it is recorded, which the answer says in time; posted again, its job runs', async () => {
  bed.temporal.cut();
  const startedAt = Date.now();
  const answers = await Promise.all([
    post(url, fileOf('waiting', 2)),
    post(url, fileOf('waiting', 2)),
  ]);
  expect(Date.now() - startedAt).toBeLessThan(GATEWAY_START_DEADLINE_MS + BUSY_MS);
  expect(answers.map(({ status }) => status)).toEqual([202, 202]);
  expect(answers.map((answer) => reportOf(answer)['created']).sort()).toEqual([false, true]);
  for (const answer of answers) {
    expect(reportOf(answer)).toMatchObject({ runId: null, transfers: 2 });
    expect(reportOf(answer)['message']).toContain('the sweep starts its job');
  }
  expect(await count('payout_transfers', 'waiting')).toBe(2);
  bed.temporal.restore();
  // The channel tries again by itself, at the latest after TEMPORAL_RECONNECT_LONGEST_MS.
  let again = await post(url, fileOf('waiting', 2));
  const giveUpAt = Date.now() + 30_000;
  while (again.status === 202 && Date.now() < giveUpAt) {
    again = await post(url, fileOf('waiting', 2));
  }
  expect(again.status).toBe(200);
  expect(reportOf(again)).toMatchObject({ created: false, runId: await runOf('waiting') });
});

test('the status has the facts of payouts status, a page at a time', async () => {
  await insertUserStripeAccount(bed.database, { userId: 'paged-u000', stripeAccountId: 'acct_1' });
  await post(url, fileOf('paged', 5));
  const { job, transfers } = await readStatus(bed.database, 'paged');
  const collected: unknown[] = [];
  let after = '';
  do {
    const answer = await request(url, `/v1/settlements/paged?limit=2${after}`);
    const page = JSON.parse(answer.text) as { transfers: unknown[]; next: string | null };
    expect(page).toMatchObject({ settlementId: 'paged', status: 'accepted', job });
    expect(page.transfers.length).toBeLessThanOrEqual(2);
    collected.push(...page.transfers);
    after = page.next === null ? '' : `&after=${page.next}`;
  } while (after !== '');
  expect(collected).toEqual(transfers);
});

test('a settlement that another system writes is told apart from one that is accepted', async () => {
  const ask = async (id: string) => reportOf(await request(url, `/v1/settlements/${id}`));
  await bed.rows(
    `insert into settlements (settlement_id, contest_id, currency, status, rejected_reasons, rejected_at)
     values ('written', 'c', 'usd', 'open', null, null),
       ('refused', 'c', 'usd', 'rejected', '["winners: found nobody"]', '2026-11-22T10:00:00Z')`,
  );
  const rows = { contestId: 'c', currency: 'usd', job: null, transfers: [] };
  const none = { ...rows, rejectedReasons: [], rejectedAt: null };
  expect(await ask('written')).toEqual({ settlementId: 'written', status: 'open', ...none });
  expect(await ask('refused')).toEqual({
    ...rows,
    settlementId: 'refused',
    status: 'rejected',
    rejectedReasons: ['winners: found nobody'],
    rejectedAt: '2026-11-22T10:00:00.000Z',
  });
  const taken = await post(url, fileOf('written', 1));
  expect(taken.status).toBe(409);
});

test.each([
  ['limit=0', 'query.limit'],
  ['limit=2001', 'query.limit'],
  ['limit=ten', 'query.limit'],
  ['after=nobody', 'query.after'],
  ['offset=3', 'query'],
])('?%s is refused by name', async (query, place) => {
  const answer = await request(url, `/v1/settlements/paged?${query}`);
  expect({ status: answer.status, place: errorOf(answer).problems?.[0]?.place }).toEqual({
    status: 400,
    place,
  });
});

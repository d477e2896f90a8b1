/**
 * Goal: what must hold of reversals whoever writes (drizzle/0009_guards_of_reversals.sql), and each statement about them
 * is seen to break.
 * Method: each guard is met by the owner of the tables with the plain SQL that it has to refuse; the statements are asked
 * after one thing was changed behind triggers and constraints.
 */
import { checkInvariants } from '../../src/db/invariants';
import { findReversal, type PayoutReversal } from '../../src/db/payout-reversals';
import {
  REVERSAL_STATUSES,
  REVERSAL_TRANSITIONS,
  type ReversalStatus,
} from '../../src/domain/reversal-state';
import { openActivityBed, type ActivityBed } from '../activities/activity-bed';
import { givenPaid, reversalBed, type ReversalBed } from '../activities/reversal-bed';
import { refusalOf } from '../support/builders';

let bed: ActivityBed;
let reversals: ReversalBed;

beforeAll(async () => {
  bed = await openActivityBed();
  reversals = reversalBed(bed);
});

afterAll(() => bed.close());

const NOTHING = 'nothing was refused';

async function givenOrder(amountMinor = 100): Promise<PayoutReversal> {
  const { id: transferId } = await givenPaid(bed);
  return reversals.ordered({ transferId, amountMinor });
}

/** Its answer is lost; Stripe made it. */
async function givenUnknown(): Promise<PayoutReversal> {
  const order = await givenOrder();
  await reversals.fault({ kind: 'drop_after' });
  return reversals.step(order);
}

const change = ({ id }: { readonly id: string }, assignment: string) =>
  refusalOf(bed.rows(`update payout_reversals set ${assignment} where id = '${id}'`));
const changeAttempt = ({ id }: { readonly id: string }, assignment: string) =>
  refusalOf(
    bed.rows(`update payout_reversal_attempts set ${assignment} where reversal_id = '${id}'`),
  );

test.each([
  'id = gen_random_uuid()',
  `settlement_id = 'other'`,
  `stripe_transfer_id = 'tr_other'`,
  `idempotency_key = 'reversal:other'`,
  'amount_minor = amount_minor + 1',
  `currency = 'eur'`,
  `metadata = '{}'`,
  `stripe_account_id = 'acct_other'`,
  'livemode = not livemode',
  'reversed_before_minor = reversed_before_minor + 1',
  `requested_by = 'other'`,
  `reason = 'other'`,
  `created_at = created_at + interval '1 second'`,
  `first_sent_at = first_sent_at + interval '1 second'`,
  'attempt_count = attempt_count - 1',
])('an order is frozen: %s', async (assignment) => {
  expect(await change(await givenUnknown(), assignment)).toContain(
    'a reversal is frozen when it is ordered',
  );
});

test.each([`stripe_reversal_id = 'trr_other'`, 'came_back_minor = 99'])(
  'a completed order keeps what came of it: %s',
  async (assignment) => {
    const order = await reversals.drive(await givenOrder());
    expect(await change(order, assignment)).toContain('is frozen');
  },
);

test('another amount than was ordered is said of a completed order only', async () => {
  expect(await change(await givenOrder(), 'came_back_minor = 99')).toBe(
    'payout_reversals_came_back',
  );
});

test.each([
  `sent_at = sent_at + interval '1 second'`,
  `answered_at = answered_at + interval '1 second'`,
  `outcome = 'not_created'`,
  'ends_reversal = not ends_reversal',
  `reason = 'reversal_refused'`,
])('what an attempt learnt is kept: %s', async (assignment) => {
  expect(await changeAttempt(await givenUnknown(), assignment)).toContain(
    'what an attempt learnt is kept',
  );
});

test('only the news that money came back overrules a proof', async () => {
  const order = await givenUnknown();
  expect(await changeAttempt(order, `resolution = 'not_created'`)).toBe(NOTHING);
  expect(await changeAttempt(order, 'resolution = null')).toContain('is kept');
  const created = `resolution = 'created', stripe_reversal_id = 'trr_x'`;
  expect(await changeAttempt(order, created)).toBe(NOTHING);
  expect(await changeAttempt(order, `resolution = 'not_created'`)).toContain('is kept');
});

test('nothing of it is deleted, row by row or whole', async () => {
  await givenUnknown();
  for (const table of ['payout_reversals', 'payout_reversal_attempts']) {
    expect(await refusalOf(bed.rows(`delete from ${table}`))).toContain('never deleted');
    expect(await refusalOf(bed.rows(`truncate ${table} cascade`))).toContain('never deleted');
  }
});

test.each([
  `'completed', null, 0`,
  `'processing', null, 0`,
  `'pending', payout_now(), 0`,
  `'pending', null, 1`,
])('an order begins new and pending, not as %s', async (values) => {
  const { id } = await reversals.drive(await givenOrder());
  const insert = bed.rows(
    `insert into payout_reversals (transfer_id, settlement_id, stripe_transfer_id, idempotency_key, amount_minor,
       currency, metadata, stripe_account_id, livemode, reversed_before_minor, requested_by, reason,
       status, first_sent_at, attempt_count)
     select transfer_id, settlement_id, stripe_transfer_id, idempotency_key || 'x', amount_minor, currency, metadata,
       stripe_account_id, livemode, reversed_before_minor, requested_by, reason, ${values}
     from payout_reversals where id = $1`,
    [id],
  );
  expect(await refusalOf(insert)).toBe('payout_reversals_begin_pending');
});

test('of a transfer one is open, whoever writes', async () => {
  const { id } = await givenOrder();
  const second = bed.rows(
    `insert into payout_reversals (transfer_id, settlement_id, stripe_transfer_id, idempotency_key, amount_minor,
       currency, metadata, stripe_account_id, livemode, reversed_before_minor, requested_by, reason)
     select transfer_id, settlement_id, stripe_transfer_id, idempotency_key || 'x', amount_minor, currency, metadata,
       stripe_account_id, livemode, reversed_before_minor, requested_by, reason
     from payout_reversals where id = $1`,
    [id],
  );
  expect(await refusalOf(second)).toBe('payout_reversals_one_open');
});

test('it is not refused while a send of it may have brought money back', async () => {
  const order = await givenUnknown();
  expect(await change(order, `status = 'refused', ended_at = payout_now()`)).toBe(
    'payout_reversals_unresolved_send',
  );
});

describe('transitions', () => {
  const edges = Object.entries(REVERSAL_TRANSITIONS).flatMap(([from, targets]) =>
    targets.map((to) => `${from} -> ${to}`),
  );

  test('Postgres has those of the code', async () => {
    const rows = await bed.rows<{ edge: string }>(
      `select from_status || ' -> ' || to_status as edge from payout_reversal_transitions`,
    );
    expect(rows.map(({ edge }) => edge).sort()).toEqual([...edges].sort());
  });

  const columns = (status: ReversalStatus) =>
    [
      `status = '${status}'`,
      `ended_at = ${['completed', 'refused'].includes(status) ? 'payout_now()' : 'null'}`,
      `stripe_reversal_id = ${status === 'completed' ? `'trr_' || id` : 'null'}`,
      `failure_reason = 'reversal_refused', failure_class = 'request'`,
    ].join(', ');
  const pairs = REVERSAL_STATUSES.flatMap((from) =>
    REVERSAL_STATUSES.filter((to) => to !== from).map((to) => [from, to] as const),
  );

  test.each(pairs)('%s -> %s', async (from, to) => {
    const order = await givenOrder();
    if (from !== 'pending') {
      await bed.inTransaction(
        'set local session_replication_role = replica',
        `update payout_reversals set ${columns(from)} where id = '${order.id}'`,
      );
    }
    const isLegal = edges.includes(`${from} -> ${to}`);
    const keepsId = from === 'completed' ? 'stripe_reversal_id = stripe_reversal_id, ' : '';
    const refusal = await change(order, keepsId === '' ? columns(to) : `status = '${to}'`);
    expect(refusal === NOTHING).toBe(isLegal);
  });
});

describe('each statement about reversals is seen to break', () => {
  const unknownOf = `(select id from payout_reversals where status = 'unknown' and settlement_id = '$S')`;
  const CASES: readonly (readonly [name: string, ...statements: string[]])[] = [
    [
      'every completed reversal has its posting, with its amount, and nobody else has it',
      `update payout_reversals set amount_minor = amount_minor - 1 where status = 'completed' and settlement_id = '$S'`,
    ],
    [
      'every completed reversal has its posting, with its amount, and nobody else has it',
      `update payout_reversals set came_back_minor = amount_minor - 1 where status = 'completed' and settlement_id = '$S'`,
    ],
    [
      'every send of a reversal that brought money back is booked, and its order completed',
      `update payout_reversal_attempts set resolution = 'created', stripe_reversal_id = 'trr_nobody'
       where reversal_id = ${unknownOf}`,
    ],
    [
      'no reversal was refused while a send of it may have brought money back',
      `update payout_reversals set status = 'refused', ended_at = payout_now() where id = ${unknownOf}`,
    ],
    [
      'what is frozen under the key of a reversal is its order, for a payment of its transfer',
      `update payout_reversals set metadata = '{}' where id = ${unknownOf}`,
    ],
    [
      'no key of a reversal was sent when Stripe may have forgotten it',
      `update payout_reversals set first_sent_at = first_sent_at - interval '1 day' where id = ${unknownOf}`,
    ],
    [
      'every send of a reversal has its attempt row and is counted once',
      `update payout_reversals set attempt_count = 2 where id = ${unknownOf}`,
    ],
    [
      'every reversal that did not come back has a reason, of its class',
      `update payout_reversals set failure_class = 'payee' where id = ${unknownOf}`,
    ],
    [
      'no transfer has two open reversals',
      'drop index payout_reversals_one_open',
      `update payout_reversals set status = 'pending', ended_at = null, stripe_reversal_id = null
       where status = 'completed' and settlement_id = '$S'`,
    ],
  ];

  test.each(CASES)('%s', async (name, ...statements) => {
    const transfer = await givenPaid(bed);
    const { id: transferId, settlementId } = transfer;
    await reversals.drive(await reversals.ordered({ transferId, amountMinor: 100 }));
    const again = { transferId, amountMinor: 100, expectedReversedMinor: 100 };
    const second = await reversals.ordered(again);
    await reversals.fault({ kind: 'drop_after' });
    await reversals.step(second);
    const broken = async () =>
      (await checkInvariants(bed.database, settlementId))
        .filter(({ breaks }) => breaks.length > 0)
        .map((checked) => checked.name);
    expect(await broken()).toEqual([]);
    await bed.inTransaction(
      'set local session_replication_role = replica',
      ...statements.map((statement) => statement.replaceAll('$S', settlementId)),
    );
    // A send that is counted as made, of an order that is not completed, says so too.
    expect(await broken()).toContain(name);
    expect(await findReversal(bed.database, second.id)).toBeDefined();
  });
});

/**
 * Goal: every statement about money is seen to break: a check that cannot fail would say ok for ever.
 * Method: a settlement with a paid, an unknown and a failed winner, made by the activities; then one thing is changed by
 * SQL behind triggers and constraints, and exactly the statements that it contradicts have to name it.
 */
import { checkDiligence, checkInvariants, type CheckedInvariant } from '../../src/db/invariants';
import { completeJobWhenTerminal } from '../../src/db/payout-jobs';
import { insertUserStripeAccount } from '../../src/db/user-stripe-accounts';
import { openActivityBed, type ActivityBed } from '../activities/activity-bed';
import {
  givenApproval,
  givenScheduledSettlement,
  NEEDS_APPROVAL,
  newAccountId,
} from '../support/builders';

let bed: ActivityBed;

beforeAll(async () => {
  bed = await openActivityBed();
});

afterAll(() => bed.close());

interface Story {
  readonly settlement: string;
  readonly job: string;
  /** Refused with 429 at first, then paid. */
  readonly paid: string;
  /** Paid, but its answer was lost. */
  readonly unknown: string;
  /** Its account is closed. */
  readonly failed: string;
}

async function givenStory(): Promise<Story> {
  const { settlement, job, transfers } = await givenScheduledSettlement(bed.database, {
    winners: 3,
  });
  const [paid, unknown, failed] = transfers as [
    (typeof transfers)[0],
    (typeof transfers)[0],
    (typeof transfers)[0],
  ];
  for (const { userId } of [paid, unknown]) {
    await insertUserStripeAccount(bed.database, { userId, stripeAccountId: newAccountId() });
  }
  const closed = newAccountId();
  await bed.account(closed, 'closed');
  await insertUserStripeAccount(bed.database, { userId: failed.userId, stripeAccountId: closed });
  await bed.fault({ kind: 'status', status: 429, code: 'rate_limit' });
  await bed.step(paid);
  expect(await bed.step(paid)).toMatchObject({ status: 'completed', attemptCount: 2 });
  await bed.fault({ kind: 'drop_after' });
  expect(await bed.step(unknown)).toMatchObject({ status: 'unknown' });
  expect(await bed.step(failed)).toMatchObject({ status: 'failed_terminal' });
  return {
    settlement: settlement.settlementId,
    job: job.id,
    paid: paid.id,
    unknown: unknown.id,
    failed: failed.id,
  };
}

/** As the owner of the tables, with no trigger and no foreign key in the way. */
async function change(...statements: readonly string[]): Promise<void> {
  await bed.inTransaction('set local session_replication_role = replica', ...statements);
}

function namesOf(checked: readonly CheckedInvariant[]): string[] {
  return checked.filter(({ breaks }) => breaks.length > 0).map(({ name }) => name);
}

async function brokenIn({ settlement }: Story): Promise<string[]> {
  return namesOf(await checkInvariants(bed.database, settlement));
}

const posting = (kind: string, settlement: string) =>
  `(select id from ledger_transactions where kind = '${kind}' and settlement_id = '${settlement}' limit 1)`;

/** A balanced record of one minor unit. */
const record = (
  kind: string,
  settlement: string,
  about: { transfer?: string; stripe?: string; debit: string; credit: string },
) => [
  `with record as (
     insert into ledger_transactions (idempotency_key, kind, settlement_id, transfer_id, stripe_transfer_id)
     values ('test:' || gen_random_uuid(), '${kind}', '${settlement}',
       ${about.transfer === undefined ? 'null' : `'${about.transfer}'`},
       ${about.stripe === undefined ? 'null' : `'${about.stripe}'`}) returning id
   ) insert into ledger_entries (ledger_transaction_id, account, amount_minor, currency)
   select id, '${about.debit}', 1, 'usd' from record union all select id, '${about.credit}', -1, 'usd' from record`,
];

const updateTransfer = (id: string, set: string) => [
  `update payout_transfers set ${set} where id = '${id}'`,
];

const PAID_BOOKED = 'every paid transfer has one booking of its Stripe transfer, with its amount';
const PAYABLE = 'prizes_payable is the sum of the transfers that are neither paid nor voided';
const CAME_BACK = 'of no Stripe transfer came more back than was paid with it';
const VOIDED = 'every voided debt was voided in the ledger, once and whole, and no other';
const NEEDED = 'a transfer needs an approval where its settlement does, and has one only with it';
const LEGAL = 'every transfer is in a legal state';
const ENDS = 'every end of an attempt in the ledger is the end of an attempt';
const WINNERS = 'the winners of every job are its transfers, one to one';
const AGREE = 'settlement, winners, transfers and job agree on contest, currency, count and total';
const FROZEN = 'what is frozen under a key is the debt, for the account that pays';
const GENERATIONS =
  'the generations of every transfer are numbered through, and none but its newest is open';
const PAID_ATTEMPT = 'every attempt that paid has the booking of its Stripe transfer';
const NOBODY_PAID = 'nobody who is not paid has a payment in the ledger';
const SENT_OPEN = 'every send was made while its generation was open, under a claim that was given';

/** The statement, what breaks it, and which others cannot hold then either. */
const CASES: readonly [string, (story: Story) => string[], (readonly string[])?][] = [
  [
    'every ledger record sums to zero in each currency',
    ({ settlement }) => [
      `update ledger_entries set amount_minor = amount_minor + 1
       where account = 'prize_expense' and ledger_transaction_id = ${posting('settlement', settlement)}`,
    ],
  ],
  [
    'every ledger record has the entries of its kind, in the currency of its settlement',
    ({ settlement }) => [
      `update ledger_entries set account = 'overpaid'
       where account = 'prize_expense' and ledger_transaction_id = ${posting('settlement', settlement)}`,
    ],
  ],
  [
    'every ledger record but a debt names a transfer of its settlement',
    ({ settlement }) =>
      record('reversal', settlement, {
        transfer: '00000000-0000-4000-8000-000000000000',
        debit: 'stripe_balance',
        credit: 'reversed_prizes',
      }),
    [CAME_BACK],
  ],
  [
    'the debt of every job is booked once, with its total',
    ({ settlement }) =>
      record('settlement', settlement, { debit: 'prize_expense', credit: 'prizes_payable' }),
    [PAYABLE],
  ],
  [
    PAYABLE,
    ({ settlement, unknown }) =>
      record('void', settlement, {
        transfer: unknown,
        debit: 'prizes_payable',
        credit: 'prize_expense',
      }),
    [VOIDED],
  ],
  [
    PAID_BOOKED,
    ({ paid }) =>
      updateTransfer(paid, `stripe_transfer_id = 'tr_other_' || substr(id::text, 1, 8)`),
  ],
  [
    NOBODY_PAID,
    ({ settlement, failed }) =>
      record('overpaid', settlement, {
        transfer: failed,
        stripe: `tr_${failed.slice(0, 8)}`,
        debit: 'overpaid',
        credit: 'stripe_balance',
      }),
  ],
  [
    'no transfer has a second payout record',
    ({ settlement, paid }) => [
      'drop index if exists ledger_transactions_one_payout',
      ...record('payout', settlement, {
        transfer: paid,
        stripe: `tr_second_${paid.slice(0, 8)}`,
        debit: 'prizes_payable',
        credit: 'stripe_balance',
      }),
    ],
    [PAYABLE, ENDS],
  ],
  [
    'no Stripe transfer is booked twice',
    ({ settlement, paid }) => [
      'drop index if exists ledger_transactions_one_of_stripe_transfer',
      ...['one', 'two'].flatMap(() =>
        record('overpaid', settlement, {
          transfer: paid,
          stripe: `tr_twice_${paid.slice(0, 8)}`,
          debit: 'overpaid',
          credit: 'stripe_balance',
        }),
      ),
    ],
  ],
  [
    'what came back of a payment is what the ledger says',
    ({ paid }) => updateTransfer(paid, 'amount_reversed = 1'),
  ],
  [
    CAME_BACK,
    ({ settlement, paid }) =>
      record('reversal', settlement, {
        transfer: paid,
        stripe: `tr_never_booked_${paid.slice(0, 8)}`,
        debit: 'stripe_balance',
        credit: 'reversed_prizes',
      }),
  ],
  [
    WINNERS,
    ({ settlement, unknown }) => [
      `update settlement_winners set award = 'other' where settlement_id = '${settlement}'
       and user_id = (select user_id from payout_transfers where id = '${unknown}')`,
    ],
  ],
  [
    AGREE,
    ({ settlement }) => [
      `update settlements set winner_count = winner_count + 1 where settlement_id = '${settlement}'`,
    ],
  ],
  [
    'every amount is whole units of a currency that Stripe pays in',
    ({ job, settlement }) =>
      ['payout_transfers where payout_job_id', 'payout_jobs where id']
        .map((where) => {
          const [table = '', column = ''] = where.split(' where ');
          return `update ${table} set currency = 'isk' where ${column} = '${job}'`;
        })
        .concat(
          `update settlements set currency = 'isk' where settlement_id = '${settlement}'`,
          `update ledger_entries set currency = 'isk' where ledger_transaction_id in
         (select id from ledger_transactions where settlement_id = '${settlement}')`,
          `update payout_generations set currency = 'isk' where transfer_id in
         (select id from payout_transfers where payout_job_id = '${job}')`,
        ),
  ],
  [
    'every key is that of its transfer and generation',
    ({ unknown }) => [
      `update payout_generations set idempotency_key = idempotency_key || ':x' where transfer_id = '${unknown}'`,
    ],
  ],
  [
    FROZEN,
    ({ unknown }) => [
      `update payout_generations set amount_minor = amount_minor + 1 where transfer_id = '${unknown}'`,
    ],
  ],
  [
    GENERATIONS,
    ({ failed }) => [
      `update payout_generations set closed_at = null, closed_reason = null where transfer_id = '${failed}'`,
      `insert into payout_generations (transfer_id, generation, idempotency_key, amount_minor, currency, destination,
         transfer_group, metadata, stripe_account_id, livemode, closed_at, closed_reason)
       select transfer_id, 2, idempotency_key || ':g2', amount_minor, currency, destination, transfer_group, metadata,
         stripe_account_id, livemode, payout_now(), 'test' from payout_generations where transfer_id = '${failed}'`,
      `update payout_transfers set generation = 2 where id = '${failed}'`,
    ],
  ],
  [
    'a closed generation has no unresolved send',
    ({ unknown }) => [
      `update payout_generations set closed_at = payout_now(), closed_reason = 'test' where transfer_id = '${unknown}'`,
    ],
  ],
  [SENT_OPEN, ({ unknown }) => updateTransfer(unknown, 'claim_number = 0')],
  [
    'no key was sent when Stripe may have forgotten it',
    ({ unknown }) => [
      `update payout_attempts set sent_at = sent_at + interval '23 hours 1 minute' where transfer_id = '${unknown}'`,
    ],
  ],
  [
    'every send has its attempt row and is counted once',
    ({ unknown }) => updateTransfer(unknown, 'attempt_count = attempt_count + 1'),
  ],
  [
    'nobody has used up more attempts than were refused',
    ({ unknown }) => updateTransfer(unknown, 'counted_attempt_count = 1'),
  ],
  [
    'every attempt that is proven to have paid nothing has its one refusal in the ledger',
    ({ failed }) => [
      `delete from ledger_transactions where kind = 'refusal' and transfer_id = '${failed}'`,
    ],
  ],
  [
    PAID_ATTEMPT,
    ({ paid }) => [
      `update payout_attempts set stripe_transfer_id = 'tr_unbooked'
       where transfer_id = '${paid}' and resolution = 'created'`,
    ],
  ],
  [
    ENDS,
    ({ settlement, unknown }) => [
      `insert into ledger_transactions (idempotency_key, kind, settlement_id, transfer_id, attempt_number)
       values ('ledger:payout:${unknown}:1', 'refusal', '${settlement}', '${unknown}', 1)`,
    ],
  ],
  [
    'nobody with an unresolved send is failed, cancelled, blocked or to be sent anew',
    ({ unknown }) => updateTransfer(unknown, `status = 'retryable'`),
  ],
  [
    'a request to cancel waits only for an outcome that is not known',
    ({ failed }) => updateTransfer(failed, 'cancel_requested_at = payout_now()'),
  ],
  [
    'nothing was sent for anybody after it was wanted cancelled',
    ({ unknown }) =>
      updateTransfer(unknown, `cancel_requested_at = payout_now() - interval '1 hour'`),
  ],
  [
    'nothing was sent for anybody who was not approved',
    ({ job }) => [
      `update payout_jobs set approval = 'required' where id = '${job}'`,
      `update payout_transfers set approval = 'required' where payout_job_id = '${job}'`,
    ],
  ],
  [
    'nothing of a settlement was sent while it was held',
    ({ job }) => [
      `update payout_jobs set held_until = payout_now() + interval '1 hour' where id = '${job}'`,
    ],
  ],
  [
    NEEDED,
    ({ paid }) => updateTransfer(paid, `approval = 'approved', approved_account_version = 1`),
  ],
  [
    'the hash of every approval is that of what is approved',
    ({ job }) => [
      `update payout_jobs set approval = 'approved', approved_by = 'bob', approved_hash = 'old',
         approved_at = payout_now() where id = '${job}'`,
      `update payout_transfers set approval = 'approved', approved_account_version = 1 where payout_job_id = '${job}'`,
    ],
  ],
  [
    'who is cancelled has no key that could be sent',
    ({ failed }) => [
      ...updateTransfer(
        failed,
        `status = 'cancelled', failure_reason = null, failure_class = null`,
      ),
      `update payout_generations set closed_at = null, closed_reason = null where transfer_id = '${failed}'`,
    ],
  ],
  [
    VOIDED,
    ({ failed }) =>
      updateTransfer(failed, `status = 'voided', failure_reason = null, failure_class = null`),
    [PAYABLE],
  ],
  [LEGAL, ({ paid }) => updateTransfer(paid, 'completed_at = null')],
  [
    'everybody who waits or has failed has a reason, of its class',
    ({ failed }) => updateTransfer(failed, `failure_class = 'transient'`),
  ],
  [
    'no complete job has an open transfer',
    ({ job }) => [
      `update payout_jobs set status = 'complete', completed_at = payout_now(), completed_count = 1,
         sealed_ledger_hash = 'x', sealed_ledger_id = 1 where id = '${job}'`,
    ],
  ],
];

test('a settlement in the middle of its life contradicts no statement', async () => {
  const story = await givenStory();
  expect(await brokenIn(story)).toEqual([]);
});

test.each(CASES)('%s', async (name, statements, also = []) => {
  const story = await givenStory();
  await change(...statements(story));
  expect(new Set(await brokenIn(story))).toEqual(new Set([name, ...also]));
  expect(await brokenIn(await givenStory())).toEqual([]);
});

test('every complete job was sealed and counted', async () => {
  const { job } = await givenScheduledSettlement(bed.database);
  await bed.rows(`update payout_transfers set status = 'cancelled' where payout_job_id = $1`, [
    job.id,
  ]);
  await completeJobWhenTerminal(bed.database, job.id);
  expect(namesOf(await checkInvariants(bed.database, job.settlementId))).toEqual([]);
  await bed.rows(
    'update payout_jobs set sealed_ledger_hash = null, sealed_ledger_id = null where id = $1',
    [job.id],
  );
  expect(namesOf(await checkInvariants(bed.database, job.settlementId))).toEqual([
    'every complete job was sealed and counted',
  ]);
});

test('whoever recorded a settlement has not approved it, nor anything but what the hash names', async () => {
  const { settlement } = await givenScheduledSettlement(
    bed.database,
    { winners: 3 },
    { ...NEEDS_APPROVAL, recordedBy: 'ann' },
  );
  const broken = async () => namesOf(await checkInvariants(bed.database, settlement.settlementId));
  await givenApproval(bed.database, settlement.settlementId, 'bob');
  expect(await broken()).toEqual([]);
  await change(
    `update payout_jobs set approved_by = 'ann' where settlement_id = '${settlement.settlementId}'`,
  );
  expect(await broken()).toEqual(['whoever recorded a settlement has not approved it']);
});

test.each(['disable trigger ledger_entries_append_only', 'disable trigger all'])(
  'the triggers that guard the tables are in place: %s',
  async (action) => {
    await bed.rows(`alter table ledger_entries ${action}`);
    const checked = await checkInvariants(bed.database, 'nobody');
    expect(namesOf(checked)).toEqual(['the triggers that guard the tables are in place']);
    expect(checked.flatMap(({ breaks }) => breaks)).toContain('ledger_entries_append_only');
    await bed.rows('alter table ledger_entries enable trigger all');
    expect(namesOf(await checkInvariants(bed.database, 'nobody'))).toEqual([]);
  },
);

test('every trigger of the tables is one of the guards, or is guarded', async () => {
  const rows = await bed.rows<{ name: string; table: string }>(
    `select tgname as name, tgrelid::regclass::text as table from pg_trigger where not tgisinternal`,
  );
  const unguarded: string[] = [];
  for (const { name, table } of rows) {
    await bed.rows(`alter table ${table} disable trigger ${name}`);
    const checked = await checkInvariants(bed.database, 'nobody');
    if (!checked.some(({ breaks }) => breaks.includes(name))) {
      unguarded.push(name);
    }
    await bed.rows(`alter table ${table} enable trigger ${name}`);
  }
  expect(unguarded).toEqual([]);
});

test('an unknown outcome whose key is dead has been looked for, or is an alarm', async () => {
  const story = await givenStory();
  const name = 'nobody is unknown whose key is dead and whom nobody looked for at Stripe';
  const broken = async () => namesOf(await checkDiligence(bed.database, story.settlement));
  expect(await broken()).toEqual([]);
  await bed.moveClocks({ hours: 26 });
  expect(await broken()).toEqual([name]);
  await change(...updateTransfer(story.unknown, 'not_seen_since = payout_now()'));
  expect(await broken()).toEqual([]);
  await bed.calm();
});

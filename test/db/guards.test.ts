/**
 * Goal: what must hold whoever writes (drizzle/0002_guards.sql): frozen debts, requests and winners, kept facts.
 * Method: each guard is met by the owner of the tables with the plain SQL that it has to refuse.
 */
import { beginSend, recordAnswer, resolveAttempt } from '../../src/db/payout-attempts';
import { insertSettlement } from '../../src/db/settlements';
import {
  givenApproval,
  givenClaimedTransfer,
  givenScheduledSettlement,
  givenTransfer,
  newAccountId,
  newId,
  NEEDS_APPROVAL,
  openDatabaseBed,
  PLATFORM,
  refusalOf,
  settlementOf,
  type ClaimedTransfer,
  type DatabaseBed,
} from '../support/builders';

let bed: DatabaseBed;

beforeAll(async () => {
  bed = await openDatabaseBed();
});

afterAll(() => bed.close());

const NOTHING = 'nothing was refused';

/** Sets one column of one row and tells what was refused. */
function change(table: string, assignment: string, where: string): Promise<string> {
  return refusalOf(bed.rows(`update ${table} set ${assignment} where ${where}`));
}

async function givenUnresolvedSend(): Promise<ClaimedTransfer> {
  const claimed = await givenClaimedTransfer(bed.database);
  await beginSend(bed.database, claimed.claim, PLATFORM);
  return claimed;
}

describe('a debt keeps whose it is and how much it is', () => {
  test.each([
    'id = gen_random_uuid()',
    `settlement_id = 'other'`,
    `contest_id = 'other'`,
    `user_id = 'other'`,
    `award = 'other'`,
    'amount_minor = amount_minor + 1',
    `currency = 'eur'`,
  ])('%s', async (assignment) => {
    const { id } = await givenTransfer(bed.database, {});
    expect(await change('payout_transfers', assignment, `id = '${id}'`)).toContain(
      'whose a transfer is and its amount never change',
    );
  });

  test('it may not be moved to another job', async () => {
    const { id } = await givenTransfer(bed.database, {});
    const { job } = await givenScheduledSettlement(bed.database);
    expect(
      await change('payout_transfers', `payout_job_id = '${job.id}'`, `id = '${id}'`),
    ).toContain('never change');
  });

  test('it is never deleted', async () => {
    const { id } = await givenTransfer(bed.database, {});
    const gone = bed.rows('delete from payout_transfers where id = $1', [id]);
    expect(await refusalOf(gone)).toContain('transfers are never deleted');
  });

  test('paid means a Stripe id, unpaid none', async () => {
    const { transfer } = await givenClaimedTransfer(bed.database);
    const where = `id = '${transfer.id}'`;
    expect(await change('payout_transfers', `status = 'completed'`, where)).toBe(
      'payout_transfers_paid_means_stripe_id',
    );
    expect(await change('payout_transfers', `stripe_transfer_id = 'tr_1'`, where)).toBe(
      'payout_transfers_paid_means_stripe_id',
    );
  });

  test('paid keeps its Stripe id', async () => {
    const { transfer } = await givenClaimedTransfer(bed.database);
    const where = `id = '${transfer.id}'`;
    const paid = `status = 'completed', stripe_transfer_id = 'tr_${transfer.id}'`;
    expect(await change('payout_transfers', paid, where)).toBe(NOTHING);
    for (const id of [`'tr_other'`, 'null']) {
      expect(await change('payout_transfers', `stripe_transfer_id = ${id}`, where)).toContain(
        'a paid transfer keeps its Stripe id',
      );
    }
  });

  test.each([
    ['payout_transfers_reversed_is_part', 'amount_reversed = amount_minor + 1'],
    ['payout_transfers_attempts', 'counted_attempt_count = attempt_count + 1'],
    ['payout_transfers_claim', `status = 'processing', claim_run_id = null`],
    ['payout_transfers_unpaid_has_reason', `status = 'blocked'`],
  ])('%s', async (constraint, assignment) => {
    const { id } = await givenTransfer(bed.database, {});
    expect(await change('payout_transfers', assignment, `id = '${id}'`)).toBe(constraint);
  });
});

describe('a generation is frozen when it is opened', () => {
  test.each([
    'generation = 2',
    `idempotency_key = 'payout:other'`,
    'amount_minor = amount_minor + 1',
    `currency = 'eur'`,
    `destination = 'acct_other'`,
    `transfer_group = 'other'`,
    `metadata = '{}'`,
    `metadata = (select json_object_agg(key, value order by key desc) from json_each(metadata))`,
    `stripe_account_id = 'acct_other'`,
    'livemode = not livemode',
    `opened_at = opened_at + interval '1 second'`,
  ])('%s', async (assignment) => {
    const { transfer } = await givenClaimedTransfer(bed.database);
    const where = `transfer_id = '${transfer.id}'`;
    expect(await change('payout_generations', assignment, where)).toContain(
      'a generation is frozen when it is opened',
    );
  });

  test('the first send is stamped once', async () => {
    const { transfer } = await givenUnresolvedSend();
    const where = `transfer_id = '${transfer.id}'`;
    for (const value of ['payout_now()', 'null']) {
      expect(await change('payout_generations', `first_sent_at = ${value}`, where)).toContain(
        'frozen',
      );
    }
  });

  test('the end is written once, with its reason', async () => {
    const { transfer } = await givenClaimedTransfer(bed.database);
    const where = `transfer_id = '${transfer.id}'`;
    expect(await change('payout_generations', 'closed_at = payout_now()', where)).toBe(
      'payout_generations_closed_has_reason',
    );
    const close = `closed_at = payout_now(), closed_reason = 'paid'`;
    expect(await change('payout_generations', close, where)).toBe(NOTHING);
    for (const reopen of ['closed_at = null, closed_reason = null', `closed_reason = 'other'`]) {
      expect(await change('payout_generations', reopen, where)).toContain('frozen');
    }
  });

  test('it does not end while a send under its key is unresolved', async () => {
    const { transfer, claim } = await givenUnresolvedSend();
    const where = `transfer_id = '${transfer.id}'`;
    const close = `closed_at = payout_now(), closed_reason = 'key_too_old'`;
    expect(await change('payout_generations', close, where)).toBe(
      'payout_generations_unresolved_send',
    );
    await resolveAttempt(bed.database, { ...claim, attemptNumber: 1 }, 'not_created');
    expect(await change('payout_generations', close, where)).toBe(NOTHING);
  });

  test('a transfer has one open generation, and a key one generation', async () => {
    const { transfer, generation } = await givenClaimedTransfer(bed.database);
    const open = (number: number, key: string): Promise<unknown> =>
      bed.rows(
        `insert into payout_generations (transfer_id, generation, idempotency_key, amount_minor,
           currency, destination, transfer_group, metadata, stripe_account_id, livemode)
         values ($1, $2, $3, 1, 'usd', 'acct_winner', 'group', '{}', 'acct_platform', false)`,
        [transfer.id, number, key],
      );
    expect(await refusalOf(open(2, 'payout:another'))).toBe('payout_generations_one_open');
    await bed.rows(
      `update payout_generations set closed_at = payout_now(), closed_reason = 'test'
       where transfer_id = $1`,
      [transfer.id],
    );
    expect(await refusalOf(open(2, generation.idempotencyKey))).toBe(
      'payout_generations_idempotency_key_unique',
    );
    expect(await refusalOf(open(2, 'payout:another'))).toBe(NOTHING);
  });

  test('it is never deleted', async () => {
    const { transfer } = await givenClaimedTransfer(bed.database);
    const gone = bed.rows('delete from payout_generations where transfer_id = $1', [transfer.id]);
    expect(await refusalOf(gone)).toContain('generations are never deleted');
  });
});

describe('what an attempt learnt is kept', () => {
  test.each([
    'attempt_number = 9',
    'claim_number = claim_number + 1',
    `sent_at = sent_at - interval '1 second'`,
  ])('the send itself: %s', async (assignment) => {
    const { transfer } = await givenUnresolvedSend();
    expect(await change('payout_attempts', assignment, `transfer_id = '${transfer.id}'`)).toContain(
      'what an attempt learnt is kept',
    );
  });

  test.each([
    'answered_at = null',
    `outcome = 'unknown'`,
    'resolution = null',
    `resolution = 'not_created'`,
  ])('the answer that it was created: %s', async (assignment) => {
    const { transfer, claim } = await givenUnresolvedSend();
    const created = { kind: 'created', stripeTransferId: 'tr_1' } as const;
    const answer = { httpStatus: 200, replayed: false };
    await recordAnswer(bed.database, { ...claim, attemptNumber: 1 }, answer, created);
    expect(await change('payout_attempts', assignment, `transfer_id = '${transfer.id}'`)).toContain(
      'what an attempt learnt is kept',
    );
  });

  test('created names the transfer that was created', async () => {
    const { transfer } = await givenUnresolvedSend();
    expect(
      await change('payout_attempts', `resolution = 'created'`, `transfer_id = '${transfer.id}'`),
    ).toBe('payout_attempts_created_has_id');
  });

  test('an attempt belongs to a generation and is never deleted', async () => {
    const { transfer } = await givenUnresolvedSend();
    const stray = bed.rows(
      `insert into payout_attempts (transfer_id, attempt_number, generation, claim_number)
       values ($1, 2, 7, 1)`,
      [transfer.id],
    );
    expect(await refusalOf(stray)).toBe('payout_attempts_generation');
    const gone = bed.rows('delete from payout_attempts where transfer_id = $1', [transfer.id]);
    expect(await refusalOf(gone)).toContain('attempts are never deleted');
  });
});

describe('what was sent is never cut away', () => {
  test.each(['payout_attempts', 'payout_generations', 'payout_transfers'])(
    'truncate %s',
    async (table) => {
      const cut = bed.rows(`truncate ${table} cascade`);
      expect(await refusalOf(cut)).toMatch(/^TRUNCATE on payout_\w+ is refused/);
    },
  );
});

describe('an account that takes the place of another is told from it by its version', () => {
  const whereGiven = async () => {
    const { userId } = await givenTransfer(bed.database, { account: newAccountId() });
    await change('user_stripe_accounts', 'version = 2', `user_id = '${userId}'`);
    return `user_id = '${userId}'`;
  };

  test.each([
    `stripe_account_id = 'acct_other'`,
    `stripe_account_id = 'acct_other', version = 1`,
    'version = 1',
    `user_id = 'other'`,
    `user_id = 'other', version = 3`,
  ])('%s is refused', async (assignment) => {
    expect(await change('user_stripe_accounts', assignment, await whereGiven())).toContain(
      'an account that is replaced has a higher version',
    );
  });

  test.each([`stripe_account_id = 'acct_other', version = 3`, `readiness = 'not_ready'`])(
    '%s is not',
    async (assignment) => {
      expect(await change('user_stripe_accounts', assignment, await whereGiven())).toBe(NOTHING);
    },
  );

  // Written again it would have the first version, which stands for every approval before it.
  test('it is never deleted', async () => {
    const gone = bed.rows(`delete from user_stripe_accounts where ${await whereGiven()}`);
    expect(await refusalOf(gone)).toContain('accounts are replaced and never deleted');
    expect(await refusalOf(bed.rows('truncate user_stripe_accounts'))).toContain('never deleted');
  });
});

describe('unknown is not failed', () => {
  test.each(['failed_terminal', 'blocked', 'retryable'])(
    'a transfer with an unresolved send does not become %s',
    async (status) => {
      const { transfer, claim } = await givenUnresolvedSend();
      const move = `status = '${status}', failure_class = 'request', failure_reason = 'request_refused'`;
      const where = `id = '${transfer.id}'`;
      expect(await change('payout_transfers', move, where)).toBe(
        'payout_transfers_unresolved_send',
      );
      await resolveAttempt(bed.database, { ...claim, attemptNumber: 1 }, 'not_created');
      expect(await change('payout_transfers', move, where)).toBe(NOTHING);
    },
  );

  test('it may become unknown, and completed', async () => {
    const { transfer } = await givenUnresolvedSend();
    const where = `id = '${transfer.id}'`;
    const unknown = `status = 'unknown', failure_class = 'unknown', failure_reason = 'unknown_deadline'`;
    expect(await change('payout_transfers', unknown, where)).toBe(NOTHING);
    const paid = `status = 'completed', stripe_transfer_id = 'tr_${transfer.id}'`;
    expect(await change('payout_transfers', paid, where)).toBe(NOTHING);
  });
});

test('a job with an open transfer is not complete', async () => {
  const { job, transfers } = await givenScheduledSettlement(bed.database, { winners: 2 });
  const complete = `status = 'complete'`;
  const where = `id = '${job.id}'`;
  await change('payout_transfers', `status = 'cancelled'`, `id = '${transfers[0]!.id}'`);
  expect(await change('payout_jobs', complete, where)).toBe('payout_jobs_complete_means_terminal');
  await change('payout_transfers', `status = 'cancelled'`, `id = '${transfers[1]!.id}'`);
  expect(await change('payout_jobs', complete, where)).toBe(NOTHING);
});

describe('a settlement is final', () => {
  test.each(['contest_id', 'currency', 'content_hash'])('its %s never changes', async (column) => {
    const settlement = settlementOf();
    await insertSettlement(bed.database, settlement);
    const where = `settlement_id = '${settlement.settlementId}'`;
    expect(await change('settlements', `${column} = 'eur'`, where)).toContain('is final');
  });

  test('it is never deleted', async () => {
    const settlement = settlementOf();
    await insertSettlement(bed.database, settlement);
    const gone = bed.rows('delete from settlements where settlement_id = $1', [
      settlement.settlementId,
    ]);
    expect(await refusalOf(gone)).toContain('is final');
  });

  test('its winners are frozen once a job exists', async () => {
    const { settlement } = await givenScheduledSettlement(bed.database);
    const where = `settlement_id = '${settlement.settlementId}'`;
    expect(await change('settlement_winners', 'amount_minor = 1', where)).toBe(
      'settlement_winners_frozen',
    );
    const insert = bed.rows(`insert into settlement_winners values ($1, 'late', 'prize', 1)`, [
      settlement.settlementId,
    ]);
    expect(await refusalOf(insert)).toBe('settlement_winners_frozen');
    const gone = bed.rows(`delete from settlement_winners where ${where}`);
    expect(await refusalOf(gone)).toBe('settlement_winners_frozen');
  });

  test('no winner is moved in from another settlement either', async () => {
    const { settlement } = await givenScheduledSettlement(bed.database);
    const open = settlementOf();
    await insertSettlement(bed.database, open);
    expect(
      await change(
        'settlement_winners',
        `settlement_id = '${settlement.settlementId}'`,
        `settlement_id = '${open.settlementId}'`,
      ),
    ).toBe('settlement_winners_frozen');
  });
});

describe('what a guard refuses is counted', () => {
  const counted = async () => {
    const [row] = await bed.rows<{ n: string }>(
      'select case when is_called then last_value else 0 end as n from refused_changes',
    );
    return Number(row?.n);
  };

  test('also where the transaction is rolled back, and in others what was accepted is not', async () => {
    const { id } = await givenTransfer(bed.database, {});
    const before = await counted();
    await bed.rows('update payout_transfers set updated_at = payout_now() where id = $1', [id]);
    expect(await counted()).toBe(before);
    await refusalOf(
      bed.inTransaction(
        `update payout_transfers set updated_at = payout_now() where id = '${id}'`,
        `delete from payout_transfers where id = '${id}'`,
      ),
    );
    expect(await counted()).toBe(before + 1);
  });

  test('also for a user who may write the rows and nothing else', async () => {
    const user = newId('contests').replace('-', '_');
    const { job } = await givenScheduledSettlement(bed.database);
    const before = await counted();
    const refused = bed.inTransaction(
      `create role ${user}`,
      `grant usage on schema public to ${user}`,
      `grant select, insert, update on settlements, settlement_winners, payout_jobs to ${user}`,
      `set local role ${user}`,
      `update settlement_winners set amount_minor = 1 where settlement_id = '${job.settlementId}'`,
    );
    expect(await refusalOf(refused)).toBe('settlement_winners_frozen');
    expect(await counted()).toBe(before + 1);
  });

  test('by every guard, before each of its refusals', async () => {
    const guards = await bed.rows<{ name: string; source: string }>(
      `select proname as name, prosrc as source from pg_proc
       where pronamespace = 'public'::regnamespace and prosrc ~* 'raise\\s+exception'`,
    );
    expect(guards.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['refuse_change', 'refuse_illegal_transfer_transition']),
    );
    const uncounted = guards.filter(
      ({ source }) =>
        source.match(/raise\s+exception/gi)?.length !==
        source.match(/perform count_refused_change\(\);\s+raise\s+exception/gi)?.length,
    );
    expect(uncounted.map(({ name }) => name)).toEqual([]);
  });
});

describe('an approval is given once or again, and never taken back', () => {
  const APPROVED_LATER = `approved_by = 'eve', approved_hash = 'other', approved_at = approved_at + interval '1 second'`;

  async function given(isApproved: boolean) {
    const transfer = await givenTransfer(bed.database, { terms: NEEDS_APPROVAL });
    if (isApproved) {
      await givenApproval(bed.database, transfer.settlementId);
    }
    return { job: `id = '${transfer.payoutJobId}'`, transfer: `id = '${transfer.id}'` };
  }

  test.each([
    [false, `approval = 'not_required'`],
    [true, `approval = 'required', approved_by = null, approved_at = null, approved_hash = null`],
    [
      true,
      `approval = 'not_required', approved_by = null, approved_at = null, approved_hash = null`,
    ],
    [true, `approved_by = 'eve'`],
    [true, `approved_hash = 'other'`],
    [true, `approved_at = approved_at - interval '1 second'`],
    [false, `held_until = payout_now()`],
  ])('job, approved %s: %s is refused', async (isApproved, assignment) => {
    const { job } = await given(isApproved);
    expect(await change('payout_jobs', assignment, job)).toBe('payout_jobs_approval_given');
  });

  test('a later approval takes its place', async () => {
    const { job } = await given(true);
    expect(await change('payout_jobs', APPROVED_LATER, job)).toBe(NOTHING);
  });

  test.each([
    [false, `approval = 'approved', approved_account_version = 1`],
    [false, `approval = 'not_required'`],
    [true, `approval = 'required', approved_account_version = null`],
    [true, `approval = 'not_required', approved_account_version = null`],
    [true, `approved_account_version = 0`],
  ])('transfer, settlement approved %s: %s is refused', async (isApproved, assignment) => {
    const { transfer } = await given(isApproved);
    expect(await change('payout_transfers', assignment, transfer)).toBe(
      'payout_transfers_approval_given',
    );
  });

  test('a later account may be confirmed', async () => {
    const { transfer } = await given(true);
    expect(await change('payout_transfers', 'approved_account_version = 2', transfer)).toBe(
      NOTHING,
    );
  });

  test.each([
    [{}, 'required'],
    [NEEDS_APPROVAL, 'not_required'],
  ])('a transfer begins as its settlement does: %j and not %s', async (terms, approval) => {
    const { id } = await givenTransfer(bed.database, { terms });
    expect(
      await refusalOf(
        bed.rows(
          `insert into payout_transfers (id, payout_job_id, settlement_id, contest_id, user_id, award, amount_minor,
             currency, max_attempts, approval)
           select gen_random_uuid(), payout_job_id, settlement_id, contest_id, user_id, 'another', amount_minor,
             currency, max_attempts, $2 from payout_transfers where id = $1`,
          [id, approval],
        ),
      ),
    ).toBe('payout_transfers_approval_given');
  });

  test('no job begins approved', async () => {
    const settlement = settlementOf();
    await insertSettlement(bed.database, settlement);
    expect(
      await refusalOf(
        bed.rows(
          `insert into payout_jobs (settlement_id, contest_id, currency, total_minor, approval, approved_by,
             approved_hash, approved_at) values ($1, 'c', 'usd', 1, 'approved', 'eve', 'x', payout_now())`,
          [settlement.settlementId],
        ),
      ),
    ).toBe('payout_jobs_approval_given');
  });
});

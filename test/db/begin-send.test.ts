/**
 * Goal: the last gate before a POST (M6): each reason alone stops it, and a stopped send leaves no trace.
 * Method: one claim that may be sent; each test shuts one gate and compares every row before and after.
 */
import { sql } from 'drizzle-orm';

import {
  beginSend,
  findAttempts,
  recordAnswer,
  resolveAttempt,
} from '../../src/db/payout-attempts';
import { closeGeneration, findOpenGeneration } from '../../src/db/payout-generations';
import { markRetryable, markUnknown } from '../../src/db/transfer-moves';
import type { PayoutTerms } from '../../src/domain/approval';
import type { TransferClaim } from '../../src/domain/contracts';
import type { SendOutcome } from '../../src/domain/outcome';
import type { Installation } from '../../src/db/installation';
import {
  givenApproval,
  givenApprovalOfOthers,
  NEEDS_APPROVAL,
  givenClaimedTransfer,
  openDatabaseBed,
  PLATFORM,
  refusalOf,
  type ClaimedTransfer,
  type DatabaseBed,
} from '../support/builders';
import { movePayoutClock } from '../support/clock';
import { brokenInvariants } from '../support/invariants';

const SENDERS = 20;

let bed: DatabaseBed;

beforeAll(async () => {
  bed = await openDatabaseBed(SENDERS);
});

afterEach(async () => {
  await movePayoutClock(bed, { ms: 0 });
  await bed.rows('update payout_controls set lifted_at = payout_now() where lifted_at is null');
});

afterAll(async () => {
  const broken = await brokenInvariants(bed);
  await bed.close();
  // These tests write answers without what the activities write with them.
  const withoutActivities = /ledger|booking|legal state/;
  expect(broken.filter((statement) => !withoutActivities.test(statement))).toEqual([]);
});

/** Everything that a send writes. */
async function traceOf({ transfer }: ClaimedTransfer): Promise<unknown> {
  return Promise.all(
    [
      'select * from payout_transfers where id = $1',
      'select * from payout_generations where transfer_id = $1 order by generation',
      'select * from payout_attempts where transfer_id = $1 order by attempt_number',
    ].map((query) => bed.rows(query, [transfer.id])),
  );
}

function refusedOnce(reason: 'transient_conflict' | 'transient_rate_limited'): SendOutcome {
  return {
    kind: 'not_created',
    reason,
    leadsTo: 'retryable',
    closesGeneration: false,
    counted: reason === 'transient_conflict',
  };
}

async function answerAttempt(
  claim: TransferClaim,
  attemptNumber: number,
  outcome: SendOutcome,
): Promise<void> {
  const attempt = { transferId: claim.transferId, attemptNumber };
  await recordAnswer(bed.database, attempt, { httpStatus: 409, replayed: false }, outcome);
}

async function pause(settlementId: string | null): Promise<void> {
  await bed.rows(
    `insert into payout_controls (settlement_id, cause, owner) values ($1, 'test', 'operator')`,
    [settlementId],
  );
}

interface Gate {
  readonly terms?: Partial<PayoutTerms>;
  readonly shut: (claimed: ClaimedTransfer) => Promise<unknown>;
  readonly claim?: Partial<TransferClaim>;
  readonly platform?: Partial<Installation>;
}

const open = (): Promise<void> => Promise.resolve();

const GATES: Readonly<Record<string, Gate>> = {
  'everything is paused': { shut: () => pause(null) },
  'the settlement is paused': { shut: ({ transfer }) => pause(transfer.settlementId) },
  'an approval is required': { terms: NEEDS_APPROVAL, shut: open },
  'it was given up when the others were approved': {
    terms: NEEDS_APPROVAL,
    shut: ({ transfer }) => givenApprovalOfOthers(bed, transfer),
  },
  'the account was replaced after the approval, and put back': {
    terms: NEEDS_APPROVAL,
    shut: async ({ transfer }) => {
      await givenApproval(bed.database, transfer.settlementId);
      await bed.rows('update user_stripe_accounts set version = version + 2 where user_id = $1', [
        transfer.userId,
      ]);
    },
  },
  'the settlement is held': { terms: { holdMs: 60_000 }, shut: open },
  'the generation is another': { shut: open, claim: { generation: 2 } },
  'the claim number is old': {
    shut: ({ transfer }) =>
      bed.rows('update payout_transfers set claim_number = claim_number + 1 where id = $1', [
        transfer.id,
      ]),
  },
  'the claim number is from the future': { shut: open, claim: { claimNumber: 2 } },
  'another run asks with the claim of this one': { shut: open, claim: { runId: 'run-2' } },
  'the account was replaced and nothing is unresolved': {
    shut: ({ transfer }) =>
      bed.rows(
        `update user_stripe_accounts set stripe_account_id = 'acct_other', version = version + 1 where user_id = $1`,
        [transfer.userId],
      ),
  },
  'the transfer is not processing': {
    shut: ({ transfer }) => markRetryable(bed.database, transfer, 'transient_not_sent'),
  },
  'the transfer is unknown': {
    shut: ({ transfer }) => markUnknown(bed.database, transfer, 'unknown_no_answer'),
  },
  'the transfer is paid': {
    shut: ({ transfer }) =>
      bed.rows(
        `update payout_transfers set status = 'completed', stripe_transfer_id = id::text
         where id = $1`,
        [transfer.id],
      ),
  },
  'the generation is closed': {
    shut: ({ generation }) => closeGeneration(bed.database, generation, 'test'),
  },
  'the allowance is used up': {
    shut: async ({ claim }) => {
      for (const attemptNumber of [1, 2, 3]) {
        await beginSend(bed.database, claim, PLATFORM);
        await answerAttempt(claim, attemptNumber, refusedOnce('transient_conflict'));
      }
    },
  },
  'another Stripe account pays': { shut: open, platform: { stripeAccountId: 'acct_other' } },
  'another mode pays': { shut: open, platform: { livemode: true } },
  'Stripe’s list was read 12 hours ago and the key was never sent': {
    shut: () => movePayoutClock(bed, { hours: 12 }),
  },
  'Stripe’s list was never read': {
    shut: ({ transfer }) =>
      bed.rows('update payout_jobs set stripe_list_read_at = null where id = $1', [
        transfer.payoutJobId,
      ]),
  },
  'the first send is 23 hours old': {
    shut: async ({ claim }) => {
      await beginSend(bed.database, claim, PLATFORM);
      await answerAttempt(claim, 1, refusedOnce('transient_rate_limited'));
      await movePayoutClock(bed, { hours: 23 });
    },
  },
};

/** Some shut gates break what the invariants say on purpose; the row is put right for the tests after it. */
test.each(Object.entries(GATES))('nothing is sent when %s', async (name, gate) => {
  const claimed = await givenClaimedTransfer(bed.database, { terms: gate.terms ?? {} });
  await gate.shut(claimed);
  const before = await traceOf(claimed);
  const begun = await beginSend(
    bed.database,
    { ...claimed.claim, ...gate.claim },
    { ...PLATFORM, ...gate.platform },
  );
  expect(begun).toBeUndefined();
  expect(await traceOf(claimed)).toEqual(before);
  if (name === 'the transfer is paid') {
    await bed.inTransaction(
      `insert into ledger_transactions (idempotency_key, kind, settlement_id, transfer_id,
         stripe_transfer_id)
       select id::text, 'payout', settlement_id, id, stripe_transfer_id
       from payout_transfers where id = '${claimed.transfer.id}'`,
      `insert into ledger_entries (ledger_transaction_id, account, amount_minor, currency)
       select posting.id, account, sign * amount_minor, 'usd' from payout_transfers as transfer
       join ledger_transactions as posting on posting.transfer_id = transfer.id,
         (values ('prizes_payable', 1), ('stripe_balance', -1)) as side (account, sign)
       where transfer.id = '${claimed.transfer.id}'`,
    );
  }
});

test('with every gate open it is sent: one attempt, the frozen request and the seed’s key', async () => {
  const claimed = await givenClaimedTransfer(bed.database);
  const { transfer, generation, claim } = claimed;
  expect(await beginSend(bed.database, claim, PLATFORM)).toEqual({
    attemptNumber: 1,
    idempotencyKey: `payout:${transfer.id}`,
    livemode: false,
    request: {
      amountMinor: transfer.amountMinor,
      currency: 'usd',
      destination: 'acct_winner',
      transferGroup: `settlement:${transfer.settlementId}`,
      metadata: generation.metadata,
    },
  });
  const [attempt, ...more] = await findAttempts(bed.database, transfer.id);
  expect(more).toEqual([]);
  expect(attempt).toMatchObject({
    attemptNumber: 1,
    generation: 1,
    claimNumber: 1,
    answeredAt: null,
    outcome: null,
    resolution: null,
    counted: false,
  });
});

test.each([
  ['lifted', null, 'update payout_controls set lifted_at = payout_now() where lifted_at is null'],
  ['another settlement’s', 'another', 'select 1'],
])('a pause that is %s stops nothing', async (_which, settlementId, statement) => {
  const { claim } = await givenClaimedTransfer(bed.database);
  await pause(settlementId);
  await bed.rows(statement);
  expect(await beginSend(bed.database, claim, PLATFORM)).toMatchObject({ attemptNumber: 1 });
});

test('an approved job is sent, when its hold is over', async () => {
  const terms = { ...NEEDS_APPROVAL, holdMs: 60_000 };
  const { claim, transfer } = await givenClaimedTransfer(bed.database, { terms });
  await givenApproval(bed.database, transfer.settlementId);
  await movePayoutClock(bed, { ms: 60_000 });
  expect(await beginSend(bed.database, claim, PLATFORM)).toMatchObject({ attemptNumber: 1 });
});

test('the first send is stamped once; a minute before 23 hours the key may still go', async () => {
  const { claim, transfer } = await givenClaimedTransfer(bed.database);
  await beginSend(bed.database, claim, PLATFORM);
  const stamped = (await findOpenGeneration(bed.database, transfer.id))!.firstSentAt;
  expect(stamped).toBeInstanceOf(Date);
  await movePayoutClock(bed, { hours: 23, ms: -60_000 });
  expect(await beginSend(bed.database, claim, PLATFORM)).toMatchObject({ attemptNumber: 2 });
  expect((await findOpenGeneration(bed.database, transfer.id))!.firstSentAt).toEqual(stamped);
});

test('twenty senders of one claim get twenty attempt numbers and one first send', async () => {
  const { claim, transfer } = await givenClaimedTransfer(bed.database);
  const begun = await Promise.all(
    Array.from({ length: SENDERS }, () => beginSend(bed.database, claim, PLATFORM)),
  );
  const numbers = begun.map((send) => send?.attemptNumber ?? 0).sort((one, two) => one - two);
  expect(numbers).toEqual(Array.from({ length: SENDERS }, (_, index) => index + 1));
  const attempts = await findAttempts(bed.database, transfer.id);
  expect(attempts).toHaveLength(SENDERS);
  const first = (await findOpenGeneration(bed.database, transfer.id))!.firstSentAt!;
  expect(attempts.every((attempt) => attempt.sentAt >= first)).toBe(true);
});

test('of two racing claims only the newer one is sent', async () => {
  const { claim, transfer } = await givenClaimedTransfer(bed.database);
  const other = bed.connect();
  let late: ReturnType<typeof beginSend> | undefined;
  await bed.database.transaction(async (transaction) => {
    await transaction.execute(
      sql`update payout_transfers set claim_number = 2 where id = ${transfer.id}`,
    );
    late = beginSend(other.database, claim, PLATFORM);
  });
  expect(await late).toBeUndefined();
  const newer = { ...claim, claimNumber: 2 };
  expect(await beginSend(bed.database, newer, PLATFORM)).toMatchObject({ attemptNumber: 1 });
});

test('an unresolved send may be asked about again, even with the allowance used up', async () => {
  const { claim } = await givenClaimedTransfer(bed.database, { maxAttempts: 1 });
  await beginSend(bed.database, claim, PLATFORM);
  await beginSend(bed.database, claim, PLATFORM);
  await answerAttempt(claim, 2, refusedOnce('transient_conflict'));
  expect(await beginSend(bed.database, claim, PLATFORM)).toMatchObject({ attemptNumber: 3 });
});

test('the frozen metadata comes back with the same members in the same order', async () => {
  const { claim, generation } = await givenClaimedTransfer(bed.database);
  const begun = await beginSend(bed.database, claim, PLATFORM);
  expect(Object.entries(begun!.request.metadata)).toEqual(Object.entries(generation.metadata));
  // In the order of freezeRequest, which is neither the alphabet's nor that of jsonb (by length).
  expect(Object.keys(begun!.request.metadata)).toEqual([
    'payout_transfer_id',
    'settlement_id',
    'contest_id',
    'user_id',
    'installation_id',
  ]);
});

describe('the answer of an attempt', () => {
  test('is written once and counted once', async () => {
    const { claim, transfer } = await givenClaimedTransfer(bed.database);
    await beginSend(bed.database, claim, PLATFORM);
    await answerAttempt(claim, 1, refusedOnce('transient_conflict'));
    await answerAttempt(claim, 1, { kind: 'created', stripeTransferId: 'tr_late' });
    const [attempt] = await findAttempts(bed.database, transfer.id);
    expect(attempt).toMatchObject({ outcome: 'not_created', resolution: 'not_created' });
    const [row] = await bed.rows<{ counted: number }>(
      'select counted_attempt_count as counted from payout_transfers where id = $1',
      [transfer.id],
    );
    expect(row).toEqual({ counted: 1 });
  });

  test('keeps a certainty that came before it from another answer', async () => {
    const { claim, transfer } = await givenClaimedTransfer(bed.database);
    await beginSend(bed.database, claim, PLATFORM);
    const attempt = { transferId: transfer.id, attemptNumber: 1 };
    await resolveAttempt(bed.database, attempt, { stripeTransferId: 'tr_known' });
    const lost: SendOutcome = { kind: 'unknown', reason: 'unknown_deadline', alarm: false };
    await answerAttempt(claim, 1, lost);
    expect(await findAttempts(bed.database, transfer.id)).toMatchObject([
      { outcome: 'unknown', resolution: 'created', stripeTransferId: 'tr_known' },
    ]);
  });

  test('that money moved overrules what was thought to prove the contrary', async () => {
    const { claim, transfer } = await givenClaimedTransfer(bed.database);
    await beginSend(bed.database, claim, PLATFORM);
    const attempt = { transferId: transfer.id, attemptNumber: 1 };
    await resolveAttempt(bed.database, attempt, 'not_created');
    await answerAttempt(claim, 1, { kind: 'created', stripeTransferId: 'tr_after_all' });
    expect(await findAttempts(bed.database, transfer.id)).toMatchObject([
      { resolution: 'created', stripeTransferId: 'tr_after_all' },
    ]);
  });

  test('that is created does not become anything else', async () => {
    const { claim, transfer } = await givenClaimedTransfer(bed.database);
    await beginSend(bed.database, claim, PLATFORM);
    await answerAttempt(claim, 1, { kind: 'created', stripeTransferId: 'tr_kept' });
    await resolveAttempt(bed.database, { ...claim, attemptNumber: 1 }, 'not_created');
    expect(await findAttempts(bed.database, transfer.id)).toMatchObject([
      { resolution: 'created', stripeTransferId: 'tr_kept' },
    ]);
    const undo = bed.rows(
      `update payout_attempts set resolution = 'not_created' where transfer_id = $1`,
      [transfer.id],
    );
    expect(await refusalOf(undo)).toContain('what an attempt learnt is kept');
  });
});

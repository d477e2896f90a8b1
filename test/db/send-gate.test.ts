/**
 * Goal: the SQL of beginSend and the pure rule sendRefusal are one gate (M6): they let through and refuse the same sends.
 * Method: facts drawn at random and at every boundary, to the millisecond of a standing clock, are set up in real
 * Postgres; both are asked.
 */
import * as fc from 'fast-check';

import { beginSend } from '../../src/db/payout-attempts';
import { closeGeneration } from '../../src/db/payout-generations';
import { markUnknown } from '../../src/db/transfer-moves';
import type { PayoutTerms } from '../../src/domain/approval';
import { KEY_SENDABLE_MS, STRIPE_LIST_VALID_MS } from '../../src/domain/limits';
import { sendRefusal, type SendGateFacts } from '../../src/domain/send-gate';
import {
  givenApproval,
  givenApprovalOfOthers,
  givenClaimedTransfer,
  NEEDS_APPROVAL,
  openDatabaseBed,
  PLATFORM,
  type ClaimedTransfer,
  type DatabaseBed,
} from '../support/builders';
import { movePayoutClock } from '../support/clock';

const SAMPLES = 200;
const AT_ONCE = 8;
const SEED = 20_261_122;
const NOW_MS = Date.UTC(2026, 5, 1, 12);

let bed: DatabaseBed;

beforeAll(async () => {
  bed = await openDatabaseBed();
});

afterAll(async () => {
  await movePayoutClock(bed, { ms: 0 });
  await bed.close();
});

/** Where a fact has several values, the first is the one that lets a send through. */
const CLAIMS = [
  'own',
  'other number',
  'other run',
  'other generation',
  'unknown',
  'closed',
] as const;
const PAUSES = ['none', 'lifted', 'of another', 'of this', 'of everything'] as const;
const APPROVALS = ['not_required', 'approved', 'required', 'restored since'] as const;
const HOLDS = ['none', 'over', 'lasts'] as const;
const PLATFORMS = ['own', 'other account', 'other mode'] as const;
const SENDS = ['none', 'refused', 'unresolved'] as const;
const ACCOUNTS = ['frozen', 'replaced', 'missing', 'unconfirmed'] as const;

interface Situation {
  readonly claim: (typeof CLAIMS)[number];
  readonly pause: (typeof PAUSES)[number];
  readonly approval: (typeof APPROVALS)[number];
  readonly hold: (typeof HOLDS)[number];
  readonly platform: (typeof PLATFORMS)[number];
  readonly send: (typeof SENDS)[number];
  readonly account: (typeof ACCOUNTS)[number];
  readonly isCancelRequested: boolean;
  readonly isUsedUp: boolean;
  readonly firstSentAgoMs: number | null;
  /** The reading that the first send relied on. */
  readonly keyListReadAgoMs: number | null;
  readonly jobListReadAgoMs: number | null;
  readonly isListWanted: boolean;
}

const OPEN: Situation = {
  claim: 'own',
  pause: 'none',
  approval: 'not_required',
  hold: 'none',
  platform: 'own',
  send: 'none',
  account: 'frozen',
  isCancelRequested: false,
  isUsedUp: false,
  firstSentAgoMs: null,
  keyListReadAgoMs: null,
  jobListReadAgoMs: 0,
  isListWanted: false,
};

const KEY_AGES = [0, KEY_SENDABLE_MS - 1, KEY_SENDABLE_MS, KEY_SENDABLE_MS + 1];
/** The clock may have been set back since the list was read. */
const LIST_AGES = [0, -1, STRIPE_LIST_VALID_MS - 1, STRIPE_LIST_VALID_MS, STRIPE_LIST_VALID_MS + 1];

/** Mostly the first value, so that not every drawn situation is refused for some other reason. */
function mostly<Value>(values: readonly Value[]): fc.Arbitrary<Value> {
  const [first] = values as [Value];
  return fc.oneof(
    { weight: 5, arbitrary: fc.constant(first) },
    { weight: 1, arbitrary: fc.constantFrom(...values) },
  );
}

const situations: fc.Arbitrary<Situation> = fc.record({
  claim: mostly(CLAIMS),
  pause: mostly(PAUSES),
  approval: mostly(APPROVALS),
  hold: mostly(HOLDS),
  platform: mostly(PLATFORMS),
  send: fc.constantFrom(...SENDS),
  account: mostly(ACCOUNTS),
  isCancelRequested: mostly([false, true]),
  isUsedUp: mostly([false, true]),
  firstSentAgoMs: fc.constantFrom(null, ...KEY_AGES),
  keyListReadAgoMs: fc.constantFrom(null, ...KEY_AGES),
  jobListReadAgoMs: fc.constantFrom(null, ...LIST_AGES),
  isListWanted: mostly([false, true]),
});

/** Each value of each fact alone, all else open. */
function eachAlone(): Situation[] {
  return [
    OPEN,
    ...CLAIMS.map((claim) => ({ ...OPEN, claim })),
    ...PAUSES.map((pause) => ({ ...OPEN, pause })),
    ...APPROVALS.map((approval) => ({ ...OPEN, approval })),
    ...HOLDS.map((hold) => ({ ...OPEN, hold })),
    ...APPROVALS.flatMap((approval) => ACCOUNTS.map((account) => ({ ...OPEN, approval, account }))),
    ...PLATFORMS.map((platform) => ({ ...OPEN, platform })),
    ...ACCOUNTS.map((account) => ({ ...OPEN, account })),
    ...SENDS.flatMap((send) => [
      { ...OPEN, send, firstSentAgoMs: 0, isUsedUp: true },
      { ...OPEN, send, firstSentAgoMs: 0, account: 'replaced' as const },
      {
        ...OPEN,
        send,
        firstSentAgoMs: 0,
        approval: 'approved' as const,
        account: 'unconfirmed' as const,
      },
    ]),
    ...LIST_AGES.map((jobListReadAgoMs) => ({ ...OPEN, jobListReadAgoMs })),
    ...KEY_AGES.flatMap((firstSentAgoMs) =>
      [null, ...KEY_AGES].map((keyListReadAgoMs) => ({
        ...OPEN,
        firstSentAgoMs,
        keyListReadAgoMs,
      })),
    ),
    { ...OPEN, jobListReadAgoMs: null },
    { ...OPEN, isListWanted: true },
    { ...OPEN, isCancelRequested: true },
    { ...OPEN, isCancelRequested: true, send: 'unresolved', firstSentAgoMs: 0 },
    { ...OPEN, isListWanted: true, firstSentAgoMs: 0 },
    { ...OPEN, jobListReadAgoMs: null, firstSentAgoMs: 0 },
  ];
}

/** A key that was not sent has neither sends nor a reading that its first one relied on. */
function possible(situation: Situation): Situation {
  return situation.firstSentAgoMs === null
    ? { ...situation, send: 'none', keyListReadAgoMs: null }
    : situation;
}

function factsOf(situation: Situation): SendGateFacts {
  const { account, approval, claim, pause, platform, send } = situation;
  const ago = (ms: number | null) => (ms === null ? null : NOW_MS - ms);
  return {
    isClaimValid: claim === 'own',
    isCancelRequested: situation.isCancelRequested,
    isPaused: pause === 'of this' || pause === 'of everything',
    isApprovalMissing: approval === 'required' || approval === 'restored since',
    heldUntilMs: situation.hold === 'none' ? null : NOW_MS + (situation.hold === 'lasts' ? 1 : 0),
    isOfThisPlatform: platform === 'own',
    hasUnresolvedSend: send === 'unresolved',
    attemptsAreUsedUp: situation.isUsedUp,
    destinationIsPayee: account === 'frozen' || account === 'unconfirmed',
    accountIsConfirmed: account === 'frozen' || approval !== 'approved',
    key: {
      firstSentAtMs: ago(situation.firstSentAgoMs),
      listReadAtMs: ago(situation.keyListReadAgoMs),
    },
    list: { readAtMs: ago(situation.jobListReadAgoMs), isWanted: situation.isListWanted },
    nowMs: NOW_MS,
  };
}

function at(agoMs: number | null): string | null {
  return agoMs === null ? null : new Date(NOW_MS - agoMs).toISOString();
}

/** The clock stands, so that a boundary is met to the millisecond. */
async function stopPayoutClock(): Promise<void> {
  await bed.rows(
    `create or replace function payout_now() returns timestamptz language sql volatile
       return timestamptz '${new Date(NOW_MS).toISOString()}'`,
  );
}

async function setUp(situation: Situation): Promise<ClaimedTransfer> {
  const claimed = await givenClaimedTransfer(bed.database, { terms: termsOf(situation) });
  const { generation, transfer } = claimed;
  await setUpApproval(situation, claimed);
  await bed.rows(
    `update payout_jobs set stripe_list_read_at = $2,
       stripe_list_wanted_at = case when $3 then payout_now() end where id = $1`,
    [transfer.payoutJobId, at(situation.jobListReadAgoMs), situation.isListWanted],
  );
  await bed.rows(
    `update payout_generations set first_sent_at = $2, list_read_at = $3 where transfer_id = $1`,
    [transfer.id, at(situation.firstSentAgoMs), at(situation.keyListReadAgoMs)],
  );
  if (situation.claim === 'closed') {
    await closeGeneration(bed.database, generation, 'test');
  } else if (situation.claim === 'unknown') {
    await markUnknown(bed.database, transfer, 'unknown_no_answer');
  }
  if (situation.send !== 'none') {
    await bed.rows(
      `insert into payout_attempts (transfer_id, attempt_number, generation, claim_number, resolution)
       values ($1, 1, 1, 1, $2)`,
      [transfer.id, situation.send === 'refused' ? 'not_created' : null],
    );
  }
  await bed.rows(
    `update payout_transfers
     set attempt_count = 3, counted_attempt_count = case when $2 then max_attempts else 0 end,
       cancel_requested_at = case when $3 then payout_now() end where id = $1`,
    [transfer.id, situation.isUsedUp, situation.isCancelRequested],
  );
  await setUpOthers(situation, claimed);
  return claimed;
}

/** A hold of no time at all is over in the moment that it begins. */
const NO_TIME_MS = 1e-9;

function termsOf({ approval, hold }: Situation): Partial<PayoutTerms> {
  const holds = { none: 0, over: NO_TIME_MS, lasts: 1 };
  return { holdMs: holds[hold], ...(approval !== 'not_required' && NEEDS_APPROVAL) };
}

async function setUpApproval(
  { approval }: Situation,
  { transfer }: ClaimedTransfer,
): Promise<void> {
  if (approval === 'approved') {
    await givenApproval(bed.database, transfer.settlementId);
  } else if (approval === 'restored since') {
    await givenApprovalOfOthers(bed, transfer);
  }
}

async function setUpAccount(
  { account }: Situation,
  { userId }: ClaimedTransfer['transfer'],
): Promise<void> {
  if (account === 'missing') {
    // Accounts are never deleted; the gate holds all the same.
    await bed.inTransaction(
      'set local session_replication_role = replica',
      `delete from user_stripe_accounts where user_id = '${userId}'`,
    );
    return;
  }
  const isNew = account === 'replaced' || account === 'unconfirmed';
  await bed.rows(
    `update user_stripe_accounts set stripe_account_id = $2, version = version + $3 where user_id = $1`,
    [userId, account === 'replaced' ? 'acct_other' : 'acct_winner', isNew ? 1 : 0],
  );
}

/** What belongs to the winner and to the operator. */
async function setUpOthers(situation: Situation, { transfer }: ClaimedTransfer): Promise<void> {
  await setUpAccount(situation, transfer);
  if (situation.pause !== 'none') {
    const scopes = {
      'of everything': null,
      'of another': `not ${transfer.settlementId}`,
      'of this': transfer.settlementId,
      lifted: transfer.settlementId,
    };
    const settlementId = scopes[situation.pause];
    await bed.rows(
      `insert into payout_controls (settlement_id, cause, owner, lifted_at)
       values ($1, 'test', 'operator', case when $2 then payout_now() end)`,
      [settlementId, situation.pause === 'lifted'],
    );
  }
}

async function isLetThrough(situation: Situation): Promise<boolean> {
  const { claim } = await setUp(situation);
  const changed = {
    ...claim,
    ...(situation.claim === 'other number' && { claimNumber: claim.claimNumber + 1 }),
    ...(situation.claim === 'other run' && { runId: 'run-2' }),
    ...(situation.claim === 'other generation' && { generation: 2 }),
  };
  const begun = await beginSend(bed.database, changed, {
    ...PLATFORM,
    ...(situation.platform === 'other account' && { stripeAccountId: 'acct_other' }),
    ...(situation.platform === 'other mode' && { livemode: true }),
  });
  return begun !== undefined;
}

async function compare(situation: Situation): Promise<string> {
  const refusal = sendRefusal(factsOf(situation));
  expect({ situation, isLetThrough: await isLetThrough(situation) }).toEqual({
    situation,
    isLetThrough: refusal === undefined,
  });
  return refusal ?? 'sent';
}

/** Each has a settlement of its own, so that only a pause of everything has to be alone. */
async function compareAll(drawn: readonly Situation[]): Promise<string[]> {
  const apart = drawn.filter(({ pause }) => pause !== 'of everything');
  const answers: string[] = [];
  for (let start = 0; start < apart.length; start += AT_ONCE) {
    answers.push(...(await Promise.all(apart.slice(start, start + AT_ONCE).map(compare))));
  }
  for (const situation of drawn.filter(({ pause }) => pause === 'of everything')) {
    answers.push(await compare(situation));
    await bed.rows('update payout_controls set lifted_at = payout_now() where lifted_at is null');
  }
  return answers;
}

test('the gate in SQL and the pure gate agree, whatever is shut', async () => {
  await stopPayoutClock();
  const drawn = [...eachAlone(), ...fc.sample(situations, { numRuns: SAMPLES, seed: SEED })];
  const answers = await compareAll(drawn.map(possible));
  // Every answer of the gate was among them, and sending too.
  expect([...new Set(answers)].sort()).toEqual([
    'attempts_used_up',
    'platform_account_unconfirmed',
    'platform_approval_missing',
    'platform_cancel_requested',
    'platform_mode_mismatch',
    'platform_on_hold',
    'platform_paused',
    'sent',
    'transient_list_not_read',
    'transient_not_sent',
    'unknown_key_too_old',
  ]);
  expect(answers.filter((answer) => answer === 'sent').length).toBeGreaterThan(SAMPLES / 10);
}, 180_000);

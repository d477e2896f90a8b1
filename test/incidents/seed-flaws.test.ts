/**
 * Goal: no flaw that was found in the seed document is in the product; each test carries the number of its item.
 * Method: the product's own activities on real Postgres and the sandbox; each test is red where the flaw is present.
 *
 * | item     | flaw of the seed                                  | where it is shown besides or instead           |
 * | -------- | ------------------------------------------------- | ---------------------------------------------- |
 * | S53      | no SKIP LOCKED: workers wait for each other       | here; races also in test/db/payout-transfers   |
 * | S66, S52 | "all or none" against "mixed is still complete"   | here; the job's end in test/activities/payout-job |
 * | S68      | first run on a new database is watched by hand    | a later feature (limits of a run)              |
 */
import { checkJob } from '../../src/activities/check-job';
import { LedgerConflictError, postLedger } from '../../src/db/ledger';
import { findJobBySettlement } from '../../src/db/payout-jobs';
import { AwardAlreadySettledError, insertTransfers } from '../../src/db/payout-transfers';
import { markFailedTerminal } from '../../src/db/transfer-moves';
import { attemptLedgerKey } from '../../src/domain/ids';
import { payoutPosting } from '../../src/domain/ledger';
import { givenPayable, givenPayableSettlement } from '../activities/activity-bed';
import { checkedBedOfFile } from '../activities/checked-bed';
import { postsDuring } from '../activities/made-at-stripe';
import { until } from '../local/stripe-sandbox/support';
import { newId, refusalOf } from '../support/builders';
import {
  AMBIGUOUS,
  breakLedgerRecord,
  CONFLICT,
  LOST_ANSWER,
  NEVER_ARRIVED,
  RATE_LIMITED,
  retryByHand,
  stepUnder,
  takeOver,
  TOO_SMALL,
} from './fates';

const bed = checkedBedOfFile();

test('S7: a changed amount is not dropped in silence', async () => {
  const transfer = await givenPayable(bed);
  const { id, payoutJobId, settlementId, contestId, userId, award, currency, maxAttempts } =
    transfer;
  const same = {
    id,
    payoutJobId,
    settlementId,
    contestId,
    userId,
    award,
    currency,
    maxAttempts,
    amountMinor: transfer.amountMinor,
  };
  expect(await insertTransfers(bed.database, [same])).toBe(0);
  const more = [{ ...same, amountMinor: same.amountMinor + 1 }];
  await expect(insertTransfers(bed.database, more)).rejects.toThrow(AwardAlreadySettledError);
  expect(await bed.rowOf(transfer)).toEqual(transfer);
});

test('S11: an attempt is written down for good before its POST, so a crash does not erase it', async () => {
  const transfer = await givenPayable(bed);
  const claim = await bed.claimToSend(transfer);
  await bed.fault({ kind: 'hang', executed: true });
  const sending = bed.send(claim);
  await until(async () => (await bed.paidTimes(transfer)) === 1);
  // The owner of the tables is another session: it sees only what is committed.
  const attempts = await bed.rows(
    'select attempt_number, answered_at from payout_attempts where transfer_id = $1',
    [transfer.id],
  );
  expect(attempts).toEqual([{ attempt_number: 1, answered_at: null }]);
  expect(await bed.rowOf(transfer)).toMatchObject({ status: 'processing', attemptCount: 1 });
  await sending;
});

test('S14: failed is out of reach while the outcome is unknown', async () => {
  const transfer = await givenPayable(bed, 1);
  expect(await stepUnder(bed, LOST_ANSWER, transfer)).toMatchObject({ status: 'unknown' });
  const claim = await bed.claimToSend(transfer);
  await bed.post(claim);
  const failing = markFailedTerminal(bed.database, await bed.rowOf(transfer), 'attempts_used_up');
  expect(await refusalOf(failing)).toBe('payout_transfers_unresolved_send');
  expect(await takeOver(bed, transfer)).toMatchObject({ status: 'completed' });
});

test.each(Object.entries(AMBIGUOUS))(
  'S17: %s is not "not done": unknown, under the same key',
  async (_what, fate) => {
    const transfer = await givenPayable(bed);
    expect(await stepUnder(bed, fate, transfer)).toMatchObject({
      status: 'unknown',
      failureClass: 'unknown',
    });
    expect(await bed.generationsOf(transfer)).toMatchObject([{ generation: 1, closedAt: null }]);
    expect(await bed.recordsOf(transfer)).toEqual([]);
  },
);

test('S17: only a 429 is "not done"', async () => {
  const transfer = await givenPayable(bed);
  expect(await stepUnder(bed, RATE_LIMITED, transfer)).toMatchObject({ status: 'retryable' });
  expect(await bed.attemptsOf(transfer)).toMatchObject([{ resolution: 'not_created' }]);
});

test.each<[string, { status: number; code?: string; saved?: boolean }, string]>([
  [
    'an empty balance',
    { status: 400, code: 'balance_insufficient', saved: true },
    'blocked platform_balance_insufficient',
  ],
  [
    'a missing capability',
    { status: 400, code: 'insufficient_capabilities_for_transfer', saved: true },
    'blocked payee_capability_inactive',
  ],
  ['an expired key', { status: 401, code: 'api_key_expired' }, 'blocked platform_key_rejected'],
  ['a forbidden key', { status: 403 }, 'blocked platform_permission_missing'],
  [
    'a key in flight',
    { status: 409, code: 'idempotency_key_in_use' },
    'retryable transient_key_in_use',
  ],
])('S18: %s fails nobody for good', async (_what, answer, leadsTo) => {
  const transfer = await givenPayable(bed, 1);
  const { countedAttemptCount, failureReason, status } = await stepUnder(
    bed,
    { kind: 'status', ...answer },
    transfer,
  );
  expect([`${status} ${failureReason ?? ''}`, countedAttemptCount]).toEqual([leadsTo, 0]);
  await bed.liftPauses();
  await bed.moveClocks({ hours: 1 });
  expect(await takeOver(bed, transfer)).toMatchObject({ status: 'completed' });
});

test('S24: no transaction and no lock is held while Stripe is called', async () => {
  const transfer = await givenPayable(bed);
  const claim = await bed.claimToSend(transfer);
  await bed.fault({ kind: 'hang', executed: true });
  const sending = bed.send(claim);
  await until(async () => (await bed.paidTimes(transfer)) === 1);
  await bed.rows('select from payout_transfers where id = $1 for update nowait', [transfer.id]);
  const open = await bed.rows(
    `select pid from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null`,
  );
  expect(open).toEqual([]);
  expect(await bed.attemptsOf(transfer)).toMatchObject([{ answeredAt: null }]);
  await sending;
});

test('S26: an attempt is counted exactly once, also when what follows is rolled back', async () => {
  const transfer = await givenPayable(bed);
  await bed.fault(CONFLICT);
  const claim = await bed.claimToSend(transfer);
  await bed.send(claim);
  const ledger = await breakLedgerRecord(bed, transfer, 1);
  for (let look = 0; look < 2; look += 1) {
    expect(await refusalOf(bed.record(claim))).toBe('the record cannot be written');
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'processing', attemptCount: 1 });
  }
  await ledger.mend();
  await bed.record(claim);
  expect(await bed.rowOf(transfer)).toMatchObject({
    status: 'retryable',
    attemptCount: 1,
    countedAttemptCount: 1,
  });
});

test('S28: every final outcome has its record, and money only in balanced double entries', async () => {
  const transfer = await givenPayable(bed);
  await stepUnder(bed, RATE_LIMITED, transfer);
  await stepUnder(bed, CONFLICT, transfer);
  await bed.step(transfer);
  expect(await bed.recordsOf(transfer)).toEqual([
    'refusal ledger:payout:<id>:1 transient_rate_limited',
    'refusal ledger:payout:<id>:2 transient_conflict',
    'payout ledger:payout:<id>:3',
  ]);
  const entries = await bed.rows(
    `select account, amount_minor::int from ledger_entries join ledger_transactions as record
       on record.id = ledger_transaction_id where record.transfer_id = $1 order by amount_minor`,
    [transfer.id],
  );
  expect(entries).toEqual([
    { account: 'stripe_balance', amount_minor: -transfer.amountMinor },
    { account: 'prizes_payable', amount_minor: transfer.amountMinor },
  ]);
});

test('S29: a key that Stripe has forgotten is never sent again', async () => {
  const transfer = await givenPayable(bed);
  await stepUnder(bed, LOST_ANSWER, transfer);
  await bed.moveClocks({ hours: 25 });
  const posts = await postsDuring(bed, () => takeOver(bed, transfer));
  expect(posts).toBe(0);
  expect(await bed.rowOf(transfer)).toMatchObject({ status: 'completed' });
  expect(await bed.paidTimes(transfer)).toBe(1);
});

test('S29: a refusal that Stripe keeps for a day does not keep the winner from being paid', async () => {
  const transfer = await givenPayable(bed);
  const fate = { kind: 'status', status: 400, code: 'balance_insufficient', saved: true };
  await stepUnder(bed, fate, transfer);
  await bed.liftPauses();
  expect(await bed.step(transfer)).toMatchObject({ status: 'completed', generation: 2 });
  expect(await bed.paidTimes(transfer)).toBe(1);
});

test('S47: one person may win twice in a contest, and each award is paid once', async () => {
  const userId = newId('user');
  const contestId = newId('contest');
  const awards = ['first-prize', 'audience-prize'];
  const transfers = await givenPayableSettlement(bed, {
    contestId,
    winners: awards.map((award) => ({ userId, award })),
  });
  for (const transfer of transfers) {
    expect(await bed.step(transfer)).toMatchObject({ status: 'completed' });
    expect(await bed.paidTimes(transfer)).toBe(1);
  }
  expect(transfers).toHaveLength(2);
  const again = givenPayableSettlement(bed, {
    contestId,
    winners: [{ userId, award: 'first-prize' }],
  });
  await expect(again).rejects.toThrow(AwardAlreadySettledError);
});

test('S48: a second payment of one transfer is refused in the ledger, whatever its attempt number', async () => {
  const paid = await bed.step(await givenPayable(bed));
  const second = postLedger(bed.database, {
    idempotencyKey: attemptLedgerKey(paid.id, 2),
    kind: 'payout',
    settlementId: paid.settlementId,
    transferId: paid.id,
    attemptNumber: 2,
    stripeTransferId: 'tr_second',
    entries: payoutPosting(paid.amountMinor, paid.currency),
  });
  expect(await refusalOf(second)).toBe('ledger_transactions_one_payout');
});

test('S50: what failed for good is retried by a person with a new key, and paid once', async () => {
  const transfer = await givenPayable(bed, 1);
  expect(await stepUnder(bed, TOO_SMALL, transfer)).toMatchObject({ status: 'failed_terminal' });
  expect(await retryByHand(bed, transfer)).toBe('retried');
  expect(await takeOver(bed, transfer)).toMatchObject({ status: 'completed', generation: 2 });
  expect(await bed.paidTimes(transfer)).toBe(1);
});

test('S51: attempts that run out after an ambiguous one invite nobody to pay by hand', async () => {
  const transfer = await givenPayable(bed, 1);
  await stepUnder(bed, LOST_ANSWER, transfer);
  const exhausted = await stepUnder(bed, CONFLICT, transfer);
  expect(exhausted).toMatchObject({ status: 'unknown', countedAttemptCount: 1, maxAttempts: 1 });
  expect(await retryByHand(bed, transfer)).toBe('outcome_unknown');
  expect(await takeOver(bed, transfer)).toMatchObject({ status: 'completed' });
  expect(await bed.paidTimes(transfer)).toBe(1);
});

test('S52 and S66: a refused winner neither hides behind "complete" nor holds back the others', async () => {
  const [paid, refused] = await givenPayableSettlement(bed, { winners: 2 });
  await stepUnder(bed, TOO_SMALL, refused!);
  await bed.step(paid!);
  const job = await findJobBySettlement(bed.database, paid!.settlementId);
  await bed.rows(`update payout_jobs set status = 'processing' where id = $1`, [job!.id]);
  expect(await checkJob(bed.dependencies, { jobId: job!.id, sending: [] })).toMatchObject({
    progress: {
      status: 'complete',
      outcome: 'partially_paid',
      counts: { completed: 1, failed_terminal: 1 },
    },
  });
});

test('S53: of twenty runs that want one row one sends, and a locked row holds up no other', async () => {
  const [wanted, locked] = await givenPayableSettlement(bed, { winners: 2 });
  await bed.database.transaction(async (transaction) => {
    await transaction.execute(`select from payout_transfers where id = '${locked!.id}' for update`);
    const runs = Array.from({ length: 20 }, (_, index) => `run-${index.toString()}`);
    const answers = await Promise.all(runs.map((runId) => bed.claim(wanted!, runId)));
    expect(answers.filter(({ next }) => next === 'send')).toHaveLength(1);
    expect(answers.filter(({ next }) => next === 'reconcile')).toHaveLength(19);
  });
});

test.each<[string, Parameters<typeof stepUnder>[1] | undefined]>([
  ['before its send', undefined],
  ['after a send that never arrived', NEVER_ARRIVED],
  ['after a send that paid', LOST_ANSWER],
])('S54: a row whose run died %s is no orphan, and is paid once', async (_where, fate) => {
  const transfer = await givenPayable(bed);
  const claim = await bed.claimToSend(transfer, 'run-that-dies');
  if (fate !== undefined) {
    await bed.fault(fate);
    await bed.post(claim);
  }
  expect(await bed.rowOf(transfer)).toMatchObject({ status: 'processing' });
  expect(await takeOver(bed, transfer)).toMatchObject({ status: 'completed' });
  expect(await bed.paidTimes(transfer)).toBe(1);
});

test('S55: an error after the payment does not roll back that it was sent', async () => {
  const transfer = await givenPayable(bed);
  const claim = await bed.claimToSend(transfer);
  await bed.post(claim);
  // The answer was never kept: as far as the row knows, anything may have happened.
  expect(await bed.attemptsOf(transfer)).toMatchObject([{ resolution: null, outcome: null }]);
  await bed.record(claim);
  expect(await bed.rowOf(transfer)).toMatchObject({ status: 'unknown', attemptCount: 1 });
  expect(await takeOver(bed, transfer)).toMatchObject({ status: 'completed', attemptCount: 2 });
  expect(await bed.paidTimes(transfer)).toBe(1);
});

test('S59: a ledger key that is taken by other content raises, and nothing is written', async () => {
  const paid = await bed.step(await givenPayable(bed));
  const other = postLedger(bed.database, {
    idempotencyKey: attemptLedgerKey(paid.id, 1),
    kind: 'payout',
    settlementId: paid.settlementId,
    transferId: paid.id,
    attemptNumber: 1,
    stripeTransferId: 'tr_other',
    entries: payoutPosting(paid.amountMinor, paid.currency),
  });
  await expect(other).rejects.toThrow(LedgerConflictError);
  expect(await bed.recordsOf(paid)).toEqual(['payout ledger:payout:<id>:1']);
});

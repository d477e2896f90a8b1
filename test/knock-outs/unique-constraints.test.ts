/**
 * Goal: each unique constraint about money, alone: what it refuses (M10), and what refuses or notices in its place.
 * Method: the owner drops one constraint in a database of the test's own; the same work is done before and after.
 */
import type * as GenerationModule from '../../src/domain/generation';
import { settleCreatedTransfer } from '../../src/activities/settle-created-transfer';
import { assertInstallation, recordInstallation } from '../../src/db/installation';
import { postgresErrorOf } from '../../src/db/database-errors';
import { LedgerConflictError, postLedger } from '../../src/db/ledger';
import { findTransfersByJob, type PayoutTransfer } from '../../src/db/payout-transfers';
import { openGeneration } from '../../src/db/payout-generations';
import { schedulePayoutJob } from '../../src/db/schedule-payout-job';
import { insertSettlement } from '../../src/db/settlements';
import { lockTransfer, markCompleted } from '../../src/db/transfer-moves';
import { insertUserStripeAccount } from '../../src/db/user-stripe-accounts';
import { freezeRequest } from '../../src/domain/generation';
import { payoutPosting } from '../../src/domain/ledger';
import type { Settlement } from '../../src/domain/settlement';
import { givenPayable, openActivityBed, type ActivityBed } from '../activities/activity-bed';
import { newAccountId, settlementOf, TERMS } from '../support/builders';
import { brokenInvariants } from '../support/invariants';
import { postsDuring } from '../activities/made-at-stripe';

/** The key that two debts are given in the test of the key's constraint; else each debt has its own. */
let sharedKey: string | undefined;

jest.mock('../../src/domain/generation', () => {
  const actual = jest.requireActual<typeof GenerationModule>('../../src/domain/generation');
  return {
    ...actual,
    stripeIdempotencyKey: (...debt: Parameters<typeof actual.stripeIdempotencyKey>) =>
      sharedKey ?? actual.stripeIdempotencyKey(...debt),
  };
});

let bed: ActivityBed;

beforeEach(async () => {
  sharedKey = undefined;
  bed = await openActivityBed();
});

afterEach(() => bed.close());

const DROPS = {
  settlement: 'alter table payout_jobs drop constraint payout_jobs_settlement_id_unique cascade',
  award: 'alter table payout_transfers drop constraint payout_transfers_one_per_award',
  stripeTransfer:
    'alter table payout_transfers drop constraint payout_transfers_stripe_transfer_id_unique',
  stripeTransferInLedger: 'drop index ledger_transactions_one_of_stripe_transfer',
  key: 'alter table payout_generations drop constraint payout_generations_idempotency_key_unique',
  openGeneration: 'drop index payout_generations_one_open',
  ledgerKey:
    'alter table ledger_transactions drop constraint ledger_transactions_idempotency_key_unique',
  payoutPosting: 'drop index ledger_transactions_one_payout',
} as const;

/** What work says: whether it was done, or the name of the error or constraint that stopped it. */
async function endOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'done';
  } catch (error) {
    const refused = postgresErrorOf(error);
    if (refused !== undefined) {
      return refused.constraint ?? refused.message;
    }
    return error instanceof Error ? error.name : 'unknown';
  }
}

function schedule({ settlementId }: Settlement, installationId = 'test') {
  return bed.database.transaction((transaction) =>
    schedulePayoutJob(transaction, settlementId, { ...TERMS, installationId }),
  );
}

function record(settlement: Settlement): Promise<boolean> {
  return bed.database.transaction((transaction) => insertSettlement(transaction, settlement));
}

async function givenWinner(): Promise<{ userId: string; stripeAccountId: string }> {
  const stripeAccountId = newAccountId();
  const userId = stripeAccountId.replace('acct_', 'user_');
  await insertUserStripeAccount(bed.database, { userId, stripeAccountId });
  return { userId, stripeAccountId };
}

/** How many transfers Stripe made to an account. */
async function transfersTo(destination: string): Promise<number> {
  return (await bed.dependencies.stripe.transfers.list({ destination })).data.length;
}

async function payAll(settlement: Settlement): Promise<void> {
  const jobs = await bed.rows<{ id: string }>(
    'select id from payout_jobs where settlement_id = $1',
    [settlement.settlementId],
  );
  for (const { id } of jobs) {
    const page = { afterTransferId: null, transfersMax: 10 };
    for (const transfer of await findTransfersByJob(bed.database, id, page)) {
      await bed.step(transfer);
    }
  }
}

describe('one job a settlement (payout_jobs.settlement_id)', () => {
  const givenScheduledTwice = async () => {
    const { stripeAccountId, userId } = await givenWinner();
    const settlement = settlementOf({ winners: [{ userId }] });
    await record(settlement);
    await schedule(settlement);
    return { settlement, stripeAccountId, second: await endOf(schedule(settlement)) };
  };

  test('with it the second scheduling finds the first: paid once', async () => {
    const { second, settlement, stripeAccountId } = await givenScheduledTwice();
    expect(second).toBe('done');
    await payAll(settlement);
    expect(await transfersTo(stripeAccountId)).toBe(1);
  });

  test('without it the id of the job, made from the settlement, finds the first: paid once', async () => {
    await bed.rows(DROPS.settlement);
    const { second, settlement, stripeAccountId } = await givenScheduledTwice();
    expect(second).toBe('done');
    expect(await bed.rows('select from payout_jobs')).toHaveLength(1);
    await payAll(settlement);
    expect(await transfersTo(stripeAccountId)).toBe(1);
  });
});

describe('one transfer an award (contest, user, award)', () => {
  const givenAwardSettledTwice = async (secondInstallationId: string) => {
    const { stripeAccountId, userId } = await givenWinner();
    const winners = [{ userId }];
    const first = settlementOf({ contestId: 'contest', winners });
    const other = settlementOf({ contestId: 'contest', winners });
    await record(first);
    await record(other);
    await schedule(first);
    const second = await endOf(schedule(other, secondInstallationId));
    await payAll(first);
    await payAll(other);
    return { second, stripeAccountId };
  };

  test.each(['test', 'renamed'])(
    'with it another settlement, of installation %s, cannot pay the award again: paid once',
    async (installationId) => {
      const { second, stripeAccountId } = await givenAwardSettledTwice(installationId);
      expect(second).toBe('AwardAlreadySettledError');
      expect(await transfersTo(stripeAccountId)).toBe(1);
    },
  );

  test('without it the id of the transfer, made from the debt, refuses the second: paid once', async () => {
    await bed.rows(DROPS.award);
    const { second, stripeAccountId } = await givenAwardSettledTwice('test');
    expect(second).toBe('AwardAlreadySettledError');
    expect(await transfersTo(stripeAccountId)).toBe(1);
  });

  test('without it and under another installation id only the check of a process at its start is left; past that PAID TWICE', async () => {
    await recordInstallation(bed.database, bed.platform);
    const renamed = assertInstallation(bed.database, { installationId: 'renamed' });
    expect(await endOf(renamed)).toBe('InstallationMismatchError');
    await bed.rows(DROPS.award);
    const { second, stripeAccountId } = await givenAwardSettledTwice('renamed');
    expect(second).toBe('done');
    expect(await transfersTo(stripeAccountId)).toBe(2);
  });
});

describe('one debt a Stripe transfer (payout_transfers and ledger_transactions, stripe_transfer_id)', () => {
  /** One winner is paid, and the same Stripe transfer is then taken for the payment of another. */
  const givenForeignPayment = async () => {
    const paid = await bed.step(await givenPayable(bed));
    const other = await givenPayable(bed);
    await bed.claimToSend(other);
    return { other, stripeTransferId: paid.stripeTransferId! };
  };
  const settle = (other: PayoutTransfer, stripeTransferId: string) =>
    bed.database.transaction(async (transaction) =>
      settleCreatedTransfer(transaction, await lockTransfer(transaction, other.id), {
        stripeTransferId,
        attemptNumber: 0,
        generation: 1,
      }),
    );

  test('with both, neither the row nor the ledger takes it, and the other winner stays unpaid', async () => {
    const { other, stripeTransferId } = await givenForeignPayment();
    expect(await endOf(settle(other, stripeTransferId))).toBe(
      'ledger_transactions_one_of_stripe_transfer',
    );
    const row = await bed.rowOf(other);
    expect(await endOf(markCompleted(bed.database, row, stripeTransferId))).toBe(
      'payout_transfers_stripe_transfer_id_unique',
    );
    expect(row).toMatchObject({ status: 'processing' });
  });

  test('without that of the row the ledger’s refuses', async () => {
    const { other, stripeTransferId } = await givenForeignPayment();
    await bed.rows(DROPS.stripeTransfer);
    expect(await endOf(settle(other, stripeTransferId))).toBe(
      'ledger_transactions_one_of_stripe_transfer',
    );
    expect(await bed.rowOf(other)).toMatchObject({ status: 'processing' });
  });

  test('without that of the ledger the row’s refuses', async () => {
    const { other, stripeTransferId } = await givenForeignPayment();
    await bed.rows(DROPS.stripeTransferInLedger);
    expect(await endOf(settle(other, stripeTransferId))).toBe(
      'payout_transfers_stripe_transfer_id_unique',
    );
    expect(await bed.rowOf(other)).toMatchObject({ status: 'processing' });
  });

  test('without both nothing stands behind them: somebody is called paid who is not, and nobody is paid twice', async () => {
    const { other, stripeTransferId } = await givenForeignPayment();
    await bed.rows(DROPS.stripeTransfer);
    await bed.rows(DROPS.stripeTransferInLedger);
    expect(await endOf(settle(other, stripeTransferId))).toBe('done');
    expect(await bed.rowOf(other)).toMatchObject({ status: 'completed' });
    expect(await bed.paidTimes(other)).toBe(0);
  });
});

describe('one generation a key (payout_generations.idempotency_key)', () => {
  const givenOneKeyForTwo = async () => {
    const [first, second] = [await givenPayable(bed), await givenPayable(bed)];
    sharedKey = 'payout:shared';
    expect(await bed.step(first)).toMatchObject({ status: 'completed' });
    return { first, second };
  };

  test('with it the second debt is not claimed under the key of the first', async () => {
    const { first, second } = await givenOneKeyForTwo();
    expect(await endOf(bed.claim(second))).toBe('payout_generations_idempotency_key_unique');
    expect([await bed.paidTimes(first), await bed.paidTimes(second)]).toEqual([1, 0]);
  });

  test('without it Stripe compares the parameters and refuses: an alarm, and nobody is paid twice', async () => {
    await bed.rows(DROPS.key);
    const { first, second } = await givenOneKeyForTwo();
    expect(await bed.step(second)).toMatchObject({
      status: 'unknown',
      failureReason: 'unknown_key_mismatch',
    });
    expect([await bed.paidTimes(first), await bed.paidTimes(second)]).toEqual([1, 0]);
  });
});

describe('one open generation a transfer', () => {
  /** The next generation, although the one before is open and its send unanswered. */
  const openSecond = async (transfer: PayoutTransfer) =>
    openGeneration(bed.database, {
      transferId: transfer.id,
      generation: 2,
      request: freezeRequest({
        ...transfer,
        transferId: transfer.id,
        installationId: 'test',
        destination: newAccountId(),
      }),
      ...bed.platform,
    });

  test('with it a second generation beside an open one is refused', async () => {
    const transfer = await givenPayable(bed);
    await bed.post(await bed.claimToSend(transfer));
    expect(await endOf(openSecond(transfer))).toBe('payout_generations_one_open');
  });

  test('without it the claim asks for the generation of the row: the second is not sent, paid once', async () => {
    await bed.rows(DROPS.openGeneration);
    const transfer = await givenPayable(bed);
    const claim = await bed.claimToSend(transfer);
    await bed.post(claim);
    expect(await endOf(openSecond(transfer))).toBe('done');
    const stray = { ...claim, generation: 2 };
    expect(await postsDuring(bed, () => bed.send(stray))).toBe(0);
    expect(await bed.send(claim)).toMatchObject({ stripeTransferId: expect.any(String) });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });
});

describe('one record a ledger key (ledger_transactions.idempotency_key)', () => {
  test('with it the same attempt is not booked with other content', async () => {
    const transfer = await bed.step(await givenPayable(bed));
    const other = postLedger(bed.database, {
      idempotencyKey: `ledger:payout:${transfer.id}:1`,
      kind: 'refusal',
      settlementId: transfer.settlementId,
      transferId: transfer.id,
      attemptNumber: 1,
      entries: [],
    });
    expect(await endOf(other)).toBe(LedgerConflictError.name);
  });

  test('without it nothing can be booked: the payment waits for its record, and is made once', async () => {
    const transfer = await givenPayable(bed);
    await bed.rows(DROPS.ledgerKey);
    const claim = await bed.claimToSend(transfer);
    expect(await endOf(bed.send(claim))).toContain('ON CONFLICT');
    expect(await endOf(bed.send(claim))).toContain('ON CONFLICT');
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'processing' });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });
});

describe('one payout posting a transfer (ledger_transactions_one_payout)', () => {
  const bookAgain = (transfer: PayoutTransfer, stripeTransferId: string) =>
    bed.database.transaction((transaction) =>
      postLedger(transaction, {
        idempotencyKey: `ledger:payout:${transfer.id}:2`,
        kind: 'payout',
        settlementId: transfer.settlementId,
        transferId: transfer.id,
        attemptNumber: 2,
        stripeTransferId,
        entries: payoutPosting(transfer.amountMinor, transfer.currency),
      }),
    );

  test('with it a second posting for a paid transfer is refused', async () => {
    const transfer = await bed.step(await givenPayable(bed));
    expect(await endOf(bookAgain(transfer, 'tr_another'))).toBe('ledger_transactions_one_payout');
  });

  test('without it a second posting of the same Stripe transfer is refused by that one’s own index', async () => {
    const transfer = await bed.step(await givenPayable(bed));
    await bed.rows(DROPS.payoutPosting);
    expect(await endOf(bookAgain(transfer, transfer.stripeTransferId!))).toBe(
      'ledger_transactions_one_of_stripe_transfer',
    );
  });

  test('without it one of another Stripe transfer is taken: the invariants notice, and Stripe has paid once', async () => {
    const transfer = await bed.step(await givenPayable(bed));
    await bed.rows(DROPS.payoutPosting);
    expect(await endOf(bookAgain(transfer, 'tr_another'))).toBe('done');
    expect(await brokenInvariants(bed)).toEqual(
      expect.arrayContaining([expect.stringContaining('no transfer has a second payout record')]),
    );
    expect(await bed.paidTimes(transfer)).toBe(1);
  });
});

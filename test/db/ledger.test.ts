/**
 * Goal: the ledger (S59, M8) writes each record once, refuses other content, always balances and only grows.
 * Method: the repository on real Postgres, and SQL of the table's owner, who has every privilege.
 */
import {
  LedgerConflictError,
  postLedger,
  trialBalance,
  type LedgerPosting,
} from '../../src/db/ledger';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { payoutPosting, settlementPosting } from '../../src/domain/ledger';
import {
  givenScheduledSettlement,
  givenTransfer,
  newId,
  openDatabaseBed,
  refusalOf,
  untilSomebodyWaitsForLock,
  type DatabaseBed,
} from '../support/builders';

let bed: DatabaseBed;

/** Records belong to a settlement that has a job. */
let settlementId: string;

beforeAll(async () => {
  bed = await openDatabaseBed();
  ({ settlementId } = (await givenScheduledSettlement(bed.database)).settlement);
});

afterAll(() => bed.close());

function settlementRecord(): LedgerPosting {
  return {
    idempotencyKey: newId('ledger:test'),
    kind: 'settlement',
    settlementId,
    entries: settlementPosting(500, 'usd'),
  };
}

function post(posting: LedgerPosting): Promise<boolean> {
  return bed.database.transaction((transaction) => postLedger(transaction, posting));
}

async function recordsUnder(key: string): Promise<number> {
  const [row] = await bed.rows<{ entries: number }>(
    `select count(entry.id)::int as entries from ledger_transactions as posting
     left join ledger_entries as entry on entry.ledger_transaction_id = posting.id
     where idempotency_key = $1`,
    [key],
  );
  return row!.entries;
}

describe('S59 idempotency', () => {
  test('S59 the same record again changes nothing', async () => {
    const record = settlementRecord();
    expect(await post(record)).toBe(true);
    expect(await post(record)).toBe(false);
    expect(await recordsUnder(record.idempotencyKey)).toBe(2);
  });

  test('S59 a record without entries is written once too', async () => {
    const refusal: LedgerPosting = { ...settlementRecord(), kind: 'refusal', entries: [] };
    expect(await post(refusal)).toBe(true);
    expect(await post(refusal)).toBe(false);
  });

  test.each<[string, Partial<LedgerPosting>]>([
    ['amount', { entries: settlementPosting(501, 'usd') }],
    ['currency', { entries: settlementPosting(500, 'eur') }],
    ['accounts', { entries: payoutPosting(500, 'usd') }],
    ['entries', { entries: [] }],
    ['kind', { kind: 'refusal', entries: [] }],
    ['settlement', { settlementId: 'another' }],
    ['Stripe id', { stripeTransferId: 'tr_another' }],
    ['transfer', { transferId: '00000000-0000-5000-8000-000000000001' }],
  ])('S59 another %s under the same key raises and writes nothing', async (_what, change) => {
    const record = settlementRecord();
    await post(record);
    await expect(post({ ...record, ...change })).rejects.toThrow(LedgerConflictError);
    expect(await recordsUnder(record.idempotencyKey)).toBe(2);
  });

  test('S59 two transactions racing for one key: the second waits and writes nothing', async () => {
    const record = settlementRecord();
    const other = bed.connect();
    let second: Promise<boolean> | undefined;
    await bed.database.transaction(async (transaction) => {
      await postLedger(transaction, record);
      second = postLedger(other.database, record);
      await untilSomebodyWaitsForLock(bed);
    });
    expect(await second).toBe(false);
    expect(await recordsUnder(record.idempotencyKey)).toBe(2);
  });
});

describe('double entry', () => {
  test('a transaction that does not balance is refused when it commits', async () => {
    const record = settlementRecord();
    const [debit, credit] = record.entries;
    const entries = [debit!, { ...credit!, amountMinor: -499 }];
    expect(await refusalOf(post({ ...record, entries }))).toBe('ledger_transactions_balance');
    expect(await recordsUnder(record.idempotencyKey)).toBe(0);
  });

  test('currencies balance each for itself', async () => {
    const record = settlementRecord();
    const [debit, credit] = record.entries;
    const entries = [debit!, { ...credit!, currency: 'eur' }];
    expect(await refusalOf(post({ ...record, entries }))).toBe('ledger_transactions_balance');
  });

  test('a posting without entries, and a refusal with some, are refused', async () => {
    const record = settlementRecord();
    expect(await refusalOf(post({ ...record, entries: [] }))).toBe('ledger_transactions_entries');
    expect(await refusalOf(post({ ...record, kind: 'refusal' }))).toBe(
      'ledger_transactions_entries',
    );
  });

  test('a lone entry added later is refused', async () => {
    const record = settlementRecord();
    await post(record);
    const added = bed.rows(
      `insert into ledger_entries (ledger_transaction_id, account, amount_minor, currency)
       select id, 'overpaid', 1, 'usd' from ledger_transactions where idempotency_key = $1`,
      [record.idempotencyKey],
    );
    expect(await refusalOf(added)).toBe('ledger_transactions_balance');
  });

  test('entries of zero and of unknown accounts are refused', async () => {
    const insert = (account: string, amount: number): Promise<unknown> =>
      bed.rows(
        `insert into ledger_entries (ledger_transaction_id, account, amount_minor, currency)
         values (1, $1, $2, 'usd')`,
        [account, amount],
      );
    expect(await refusalOf(insert('overpaid', 0))).toBe('ledger_entries_amount_is_safe');
    expect(await refusalOf(insert('pocket', 1))).toBe('ledger_entries_account');
  });

  test('S48 a second payout posting for one transfer is refused, whatever its key', async () => {
    const transfer = await givenTransfer(bed.database, {});
    const payout = (attemptNumber: number): LedgerPosting => ({
      idempotencyKey: `ledger:payout:${transfer.id}:${attemptNumber.toString()}`,
      kind: 'payout',
      settlementId: transfer.settlementId,
      transferId: transfer.id,
      attemptNumber,
      stripeTransferId: 'tr_paid',
      entries: payoutPosting(transfer.amountMinor, 'usd'),
    });
    expect(await post(payout(1))).toBe(true);
    expect(await refusalOf(post(payout(2)))).toBe('ledger_transactions_one_payout');
  });

  test('one Stripe transfer is booked as the payment of one debt', async () => {
    const payout = ({ id, settlementId: ofJob, amountMinor }: PayoutTransfer): LedgerPosting => ({
      idempotencyKey: `ledger:payout:${id}:1`,
      kind: 'payout',
      settlementId: ofJob,
      transferId: id,
      attemptNumber: 1,
      stripeTransferId: 'tr_booked_once',
      entries: payoutPosting(amountMinor, 'usd'),
    });
    expect(await post(payout(await givenTransfer(bed.database, {})))).toBe(true);
    const other = await givenTransfer(bed.database, {});
    expect(await refusalOf(post(payout(other)))).toBe('ledger_transactions_one_of_stripe_transfer');
  });

  test('the trial balance shows debits and credits of every account and sums to zero', async () => {
    const { settlement } = await givenScheduledSettlement(bed.database, {
      winners: [{ amountMinor: 500 }],
    });
    expect(await trialBalance(bed.database, settlement.settlementId)).toEqual([
      {
        account: 'prize_expense',
        currency: 'usd',
        debitMinor: 500,
        creditMinor: 0,
        balanceMinor: 500,
      },
      {
        account: 'prizes_payable',
        currency: 'usd',
        debitMinor: 0,
        creditMinor: 500,
        balanceMinor: -500,
      },
    ]);
    const all = await trialBalance(bed.database);
    expect(all.reduce((sum, row) => sum + row.balanceMinor, 0)).toBe(0);
  });
});

describe('append-only, for the owner of the tables too', () => {
  const REFUSED = 'the ledger is append-only';

  beforeAll(() => post(settlementRecord()));

  test.each([
    'update ledger_transactions set reason = null',
    'delete from ledger_transactions',
    'truncate ledger_transactions cascade',
    'update ledger_entries set amount_minor = amount_minor * 2',
    'delete from ledger_entries',
    'truncate ledger_entries',
  ])('%s', async (statement) => {
    expect(await refusalOf(bed.rows(statement))).toContain(REFUSED);
  });
});

/**
 * Goal: settlements that another system writes as rows are accepted whole or rejected with reasons, and then frozen.
 * Method: plain SQL writes the rows as that system would, on connections of its own; races are decided by locks.
 */
import { Client } from 'pg';

import {
  acceptCompletedSettlements,
  acceptSettlement,
  type AcceptanceDependencies,
} from '../../src/activities/accept-settlements';
import { readStatus } from '../../src/client/read-status';
import { statusText } from '../../src/client/show-status';
import { recordSettlement } from '../../src/client/settle';
import { findJobBySettlement } from '../../src/db/payout-jobs';
import { findTransfersByJob } from '../../src/db/payout-transfers';
import { settlementContentHash } from '../../src/db/settlement-content-hash';
import { findSettlementRow, SettlementConflictError } from '../../src/db/settlements';
import { PROBLEMS_SHOWN_MAX } from '../../src/domain/invalid-input';
import type { Settlement, SettlementStatus } from '../../src/domain/settlement';
import {
  givenScheduledSettlement,
  newId,
  openDatabaseBed,
  PLATFORM,
  refusalOf,
  settlementOf,
  untilSomebodyWaitsForLock,
  type DatabaseBed,
  type SettlementWish,
  TERMS,
} from '../support/builders';
import { brokenInvariants } from '../support/invariants';

const AMOUNT_MINOR_MAX = 100_000;

let bed: DatabaseBed;
let dependencies: AcceptanceDependencies;

beforeAll(async () => {
  bed = await openDatabaseBed();
  dependencies = {
    database: bed.database,
    platform: PLATFORM,
    ...TERMS,
    amountMinorMax: AMOUNT_MINOR_MAX,
  };
});

afterEach(async () => {
  expect(await brokenInvariants(bed)).toEqual([]);
});

afterAll(() => bed.close());

interface Rows extends SettlementWish {
  readonly status?: SettlementStatus;
  readonly totalMinor?: number;
}

/** What another system writes: a settlement row and its winners, in one transaction. */
async function givenRows(wish: Rows = {}): Promise<Settlement> {
  const settlement = settlementOf(wish);
  const { contestId, currency, settlementId, winners } = settlement;
  await bed.rows(
    `with written as (
       insert into settlements (settlement_id, contest_id, currency, total_minor, status)
       values ($1, $2, $3, $4, $5) returning settlement_id)
     select from written`,
    [settlementId, contestId, currency, wish.totalMinor ?? null, 'open'],
  );
  for (const { amountMinor, award, userId } of winners) {
    await bed.rows(`insert into settlement_winners values ($1, $2, $3, $4)`, [
      settlementId,
      userId,
      award,
      amountMinor,
    ]);
  }
  await setStatus(settlementId, wish.status ?? 'completed');
  return settlement;
}

const setStatus = (settlementId: string, status: SettlementStatus) =>
  bed.rows(`update settlements set status = $2 where settlement_id = $1`, [settlementId, status]);

const accept = ({ settlementId }: Pick<Settlement, 'settlementId'>) =>
  acceptSettlement(dependencies, settlementId);

/** The same settlement from a file. */
const offer = (settlement: Settlement) =>
  recordSettlement(bed.database, settlement, {
    installationId: PLATFORM.installationId,
    ...TERMS,
  });

/** The reasons against what was handed in. */
async function reasonsAgainst(settlement: Settlement): Promise<readonly string[]> {
  const acceptance = await accept(settlement);
  if (acceptance.is !== 'rejected') {
    throw new Error(`it was ${acceptance.is}`);
  }
  expect(await findSettlementRow(bed.database, settlement.settlementId)).toMatchObject({
    status: 'rejected',
    rejectedReasons: acceptance.rejected.reasons,
    rejectedAt: expect.any(Date) as Date,
  });
  expect(await findJobBySettlement(bed.database, settlement.settlementId)).toBeUndefined();
  return acceptance.rejected.reasons;
}

/** A session of another system's, which keeps its transaction open. */
async function openSession(): Promise<Client> {
  const session = new Client({ connectionString: bed.databaseUrl });
  await session.connect();
  return session;
}

const insertWinner = (session: Pick<Client, 'query'>, settlementId: string, userId: string) =>
  session.query(`insert into settlement_winners values ($1, $2, 'prize', 7)`, [
    settlementId,
    userId,
  ]);

describe('what is right', () => {
  test('is accepted with its job, its transfers and its debt, as a file would be', async () => {
    const settlement = await givenRows({ winners: 3, currency: 'USD', totalMinor: 3_003 });
    const { settlementId, contestId } = settlement;
    const contentHash = settlementContentHash(settlement);
    const content = { currency: 'usd', totalMinor: 3_003, winnerCount: 3, contentHash };
    const job = { settlementId, contestId, ...content };
    expect(await accept(settlement)).toEqual({ is: 'accepted', job });
    expect(await findSettlementRow(bed.database, settlementId)).toMatchObject({
      ...content,
      status: 'accepted',
      recordedBy: null,
    });
    const recorded = await findJobBySettlement(bed.database, settlementId);
    expect(recorded).toMatchObject({ status: 'pending', totalMinor: 3_003, currency: 'usd' });
    const page = { afterTransferId: null, transfersMax: 10 };
    const transfers = await findTransfersByJob(bed.database, recorded!.id, page);
    expect(transfers.map(({ userId }) => userId).sort()).toEqual(
      settlement.winners.map(({ userId }) => userId).sort(),
    );
    const again = await offer({ ...settlement, currency: 'usd' });
    expect(again).toMatchObject({ created: false, jobId: recorded!.id });
  });

  test('may say completed as it is inserted, and leave out award and total', async () => {
    const settlementId = newId('settlement');
    await bed.inTransaction(
      `insert into settlements (settlement_id, contest_id, currency, status)
         values ('${settlementId}', '${newId('contest')}', 'eur', 'completed')`,
      `insert into settlement_winners (settlement_id, user_id, amount_minor)
         values ('${settlementId}', 'ann', 500)`,
    );
    expect(await accept({ settlementId })).toMatchObject({
      is: 'accepted',
      job: { totalMinor: 500, winnerCount: 1 },
    });
  });

  test('is accepted once, however many try at once', async () => {
    const settlement = await givenRows({ winners: 20 });
    const acceptances = await Promise.all(Array.from({ length: 8 }, () => accept(settlement)));
    expect(acceptances.filter(({ is }) => is === 'accepted')).toHaveLength(1);
    expect(acceptances.filter(({ is }) => is === 'left')).toHaveLength(7);
  });

  test.each(['open', 'rejected'] as const)(
    'is nobody’s business while it is %s',
    async (status) => {
      const settlement = await givenRows({ status: 'open' });
      if (status === 'rejected') {
        await bed.rows(
          `update settlements set status = 'rejected', rejected_reasons = '[]', rejected_at = payout_now()
         where settlement_id = $1`,
          [settlement.settlementId],
        );
      }
      expect(await accept(settlement)).toEqual({ is: 'left' });
      const swept = await acceptCompletedSettlements(dependencies, { settlementsMax: 100 });
      expect(swept).toEqual({ accepted: [], rejected: [], failed: [], isMore: false });
    },
  );

  test('an id that nobody wrote is left', async () => {
    expect(await accept({ settlementId: 'nobody' })).toEqual({ is: 'left' });
  });
});

describe('what is wrong is rejected with the reasons', () => {
  test('no winners', async () => {
    expect(await reasonsAgainst(await givenRows({ winners: 0 }))).toEqual([
      'winners: found a list of 0, expected 1 to 100000 winners',
    ]);
  });

  test('a declared total that is not the sum', async () => {
    expect(await reasonsAgainst(await givenRows({ winners: 2, totalMinor: 2_000 }))).toEqual([
      `total_minor: found 2000, expected 2001, the sum of the winners' amounts`,
    ]);
  });

  test('an amount above the installation’s maximum', async () => {
    const winners = [{ userId: 'ann', amountMinor: AMOUNT_MINOR_MAX + 1 }, { userId: 'bob' }];
    expect(await reasonsAgainst(await givenRows({ winners }))).toEqual([
      'winner "ann", award "prize", amount_minor: found 100001, expected at most 100000, the largest prize allowed (PAYOUT_MAX_AMOUNT_MINOR)',
    ]);
  });

  test('an unknown currency', async () => {
    const reasons = await reasonsAgainst(await givenRows({ currency: 'xyz' }));
    expect(reasons).toEqual([expect.stringMatching(/^currency: found "xyz", expected the three/)]);
  });

  test('bad ids, shown without what a terminal would obey', async () => {
    const settlement = await givenRows({
      settlementId: newId('sett\u001b[2Jlement'),
      contestId: `contest\r\n${'x'.repeat(200)}`,
      winners: [{ userId: 'a\u202eb', award: '' }],
    });
    const reasons = await reasonsAgainst(settlement);
    expect(reasons).toHaveLength(4);
    expect(reasons.join('')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(reasons.every((reason) => reason.length < 300)).toBe(true);
    expect(reasons[2]).toContain('winner "a\\u202eb", award "", user_id: found');
  });

  test('an award that another settlement pays already', async () => {
    const earlier = await givenScheduledSettlement(bed.database, { winners: 1 });
    const { contestId, settlementId: owner } = earlier.settlement;
    const { userId } = earlier.settlement.winners[0]!;
    const winners = [{ userId: newId('user') }, { userId }];
    const settlement = await givenRows({ contestId, winners });
    expect(await reasonsAgainst(settlement)).toEqual([
      `user ${userId} of contest ${contestId} is already paid by settlement ${owner}; ` +
        'a further prize needs an award id of its own',
    ]);
  });

  test('at most so many reasons, the last one a number', async () => {
    const winners = Array.from({ length: 50 }, (_, index) => ({ userId: `bad ${index}` }));
    const reasons = await reasonsAgainst(await givenRows({ winners }));
    expect(reasons).toHaveLength(PROBLEMS_SHOWN_MAX);
    expect(reasons.at(-1)).toBe('and 31 more');
  });

  test('is shown with what to do', async () => {
    const settlement = await givenRows({ winners: 0 });
    const reasons = await reasonsAgainst(settlement);
    const { settlementId } = settlement;
    const report = await readStatus(bed.database, settlementId);
    expect(report).toMatchObject({ status: 'rejected', rejectedReasons: reasons });
    expect(statusText(report)).toContain(`${settlementId} is rejected: nobody of it is paid`);
    expect(statusText(report)).toContain(`  ${reasons[0]}`);
  });

  test('may be corrected and completed again', async () => {
    const settlement = await givenRows({ winners: 2, totalMinor: 1 });
    await reasonsAgainst(settlement);
    expect(await accept(settlement)).toEqual({ is: 'left' });
    await bed.rows(
      `update settlements set total_minor = null, status = 'completed' where settlement_id = $1`,
      [settlement.settlementId],
    );
    expect(await accept(settlement)).toMatchObject({ is: 'accepted' });
    expect(await findSettlementRow(bed.database, settlement.settlementId)).toMatchObject({
      status: 'accepted',
      rejectedReasons: null,
      rejectedAt: null,
    });
  });
});

describe('nobody changes the winners while they are checked', () => {
  test.each(['read committed', 'repeatable read'])(
    'a winner who comes during the acceptance, in a %s transaction, waits and is refused',
    async (isolation) => {
      const settlement = await givenRows({ winners: 2 });
      const { settlementId } = settlement;
      const [writer, holder] = [await openSession(), await openSession()];
      // The acceptance waits behind the payout job's table, after it has locked the settlement.
      await holder.query('begin; lock table payout_jobs in share row exclusive mode');
      const accepting = accept(settlement);
      await untilSomebodyWaitsForLock(bed);
      await writer.query(`begin isolation level ${isolation}; select from settlements limit 1`);
      const late = insertWinner(writer, settlementId, 'late').catch((error: unknown) => error);
      await untilSomebodyWaitsForLock(bed, 2);
      await holder.query('rollback');
      expect(await accepting).toMatchObject({ is: 'accepted', job: { winnerCount: 2 } });
      expect(await late).toMatchObject({
        message: expect.stringMatching(/are frozen: its payout job exists|could not serialize/),
      });
      await Promise.all([writer.end(), holder.end()]);
    },
  );

  test('a winner of a transaction that began before the acceptance, and has not seen it, is refused', async () => {
    const settlement = await givenRows({ winners: 2 });
    const writer = await openSession();
    await writer.query('begin isolation level repeatable read');
    const seen = await writer.query('select status from settlements where settlement_id = $1', [
      settlement.settlementId,
    ]);
    expect(seen.rows).toEqual([{ status: 'completed' }]);
    await accept(settlement);
    await expect(insertWinner(writer, settlement.settlementId, 'late')).rejects.toThrow(
      'could not serialize access',
    );
    await writer.end();
  });

  test('a winner who came before it is waited for, and paid', async () => {
    const settlement = await givenRows({ winners: 2 });
    const writer = await openSession();
    await writer.query('begin');
    await insertWinner(writer, settlement.settlementId, 'early');
    const accepting = accept(settlement);
    await untilSomebodyWaitsForLock(bed);
    await writer.query('commit');
    expect(await accepting).toMatchObject({ job: { winnerCount: 3, totalMinor: 2_008 } });
    await writer.end();
  });

  test('the other system may take it back until then', async () => {
    const settlement = await givenRows();
    const writer = await openSession();
    await writer.query('begin');
    await writer.query(`update settlements set status = 'open' where settlement_id = $1`, [
      settlement.settlementId,
    ]);
    const accepting = accept(settlement);
    await untilSomebodyWaitsForLock(bed);
    await writer.query('commit');
    expect(await accepting).toEqual({ is: 'left' });
    await writer.end();
  });
});

describe('what was accepted is frozen', () => {
  const FROZEN = 'settlement_winners_frozen';
  const FINAL = 'an accepted settlement is final';

  async function givenAccepted(): Promise<string> {
    const settlement = await givenRows({ winners: [{ userId: 'ann' }, { userId: 'bob' }] });
    await accept(settlement);
    return settlement.settlementId;
  }

  test.each([
    ['another status', `update settlements set status = 'open' where settlement_id = $1`, FINAL],
    ['other content', `update settlements set total_minor = 1 where settlement_id = $1`, FINAL],
    ['its end', `delete from settlements where settlement_id = $1`, FINAL],
    ['one more winner', `insert into settlement_winners values ($1, 'eve', 'prize', 1)`, FROZEN],
    [
      'another amount',
      `update settlement_winners set amount_minor = 1 where settlement_id = $1 and user_id = 'ann'`,
      FROZEN,
    ],
    [
      'another user',
      `update settlement_winners set user_id = 'eve' where settlement_id = $1 and user_id = 'ann'`,
      FROZEN,
    ],
    ['one winner less', `delete from settlement_winners where settlement_id = $1`, FROZEN],
  ])('%s is refused', async (_what, statement, refusal) => {
    const settlementId = await givenAccepted();
    expect(await refusalOf(bed.rows(statement, [settlementId]))).toContain(refusal);
  });

  test('a winner moved out of it, or into it, is refused, and the message names it', async () => {
    const settlementId = await givenAccepted();
    const open = await givenRows({ status: 'open' });
    const move = (from: string, to: string) =>
      bed.rows(`update settlement_winners set settlement_id = $2 where settlement_id = $1`, [
        from,
        to,
      ]);
    for (const moved of [
      move(settlementId, open.settlementId),
      move(open.settlementId, settlementId),
    ]) {
      await expect(moved).rejects.toThrow(
        `the winners of settlement ${settlementId} are frozen: its payout job exists`,
      );
    }
  });
});

describe('the same id from a file or over HTTP', () => {
  test.each([
    ['open', 'not handed in yet (open)'],
    ['completed', 'handed in (completed)'],
    ['rejected', 'that were rejected'],
  ] as const)('is a conflict that says what stands there: %s', async (status, words) => {
    const settlement = await givenRows({ status: 'open' });
    await setStatus(settlement.settlementId, 'completed');
    if (status === 'rejected') {
      await bed.rows('update settlements set total_minor = 1 where settlement_id = $1', [
        settlement.settlementId,
      ]);
      await accept(settlement);
    } else {
      await setStatus(settlement.settlementId, status);
    }
    const offered = offer(settlement);
    await expect(offered).rejects.toThrow(SettlementConflictError);
    await expect(offered).rejects.toThrow(words);
    expect(await findJobBySettlement(bed.database, settlement.settlementId)).toBeUndefined();
    // Nothing of it stays for the tests that come.
    await setStatus(settlement.settlementId, 'open');
  });
});

describe('many at once', () => {
  test('are taken a bounded number at a time, the longest waiting first, and one bad one stops nobody', async () => {
    const good = [await givenRows(), await givenRows(), await givenRows()];
    const bad = await givenRows({ winners: 0 });
    const first = await acceptCompletedSettlements(dependencies, { settlementsMax: 2 });
    expect(first.accepted.map(({ settlementId }) => settlementId).sort()).toEqual(
      [good[0]!.settlementId, good[1]!.settlementId].sort(),
    );
    expect(first).toMatchObject({ isMore: true, rejected: [], failed: [] });
    const rest = await acceptCompletedSettlements(dependencies, { settlementsMax: 100 });
    expect(rest).toMatchObject({
      isMore: false,
      accepted: [{ settlementId: good[2]!.settlementId }],
      failed: [],
    });
    expect(rest.rejected.map(({ settlementId }) => settlementId)).toEqual([bad.settlementId]);
  });

  test('one that cannot be taken is named, the others are accepted, and it is tried again', async () => {
    const [stuck, other] = [await givenRows(), await givenRows()];
    await bed.rows(
      `create trigger stuck before update on settlements for each row
       when (old.settlement_id = '${stuck.settlementId}') execute function refuse_change('stuck')`,
    );
    const { accepted, failed } = await acceptCompletedSettlements(dependencies, {
      settlementsMax: 10,
    });
    expect(accepted).toMatchObject([{ settlementId: other.settlementId }]);
    expect(failed).toEqual([
      { settlementId: stuck.settlementId, why: expect.stringMatching(/^\w{5}$/) },
    ]);
    await bed.rows('drop trigger stuck on settlements');
    expect(await accept(stuck)).toMatchObject({ is: 'accepted' });
  });

  test('a statement that nobody answered leaves none of its values', async () => {
    const { settlementId } = await givenRows();
    const restore = loseAnswersTo('for update');
    const { failed } = await acceptCompletedSettlements(dependencies, { settlementsMax: 10 });
    restore();
    expect(failed).toEqual([{ settlementId, why: 'Error' }]);
    expect(await acceptSettlement(dependencies, settlementId)).toMatchObject({ is: 'accepted' });
  });
});

/** No answer comes to statements with these words, as when the driver gives up waiting; drizzle says which they were. */
function loseAnswersTo(words: string): () => void {
  const { prototype } = Client;
  const query = prototype.query as (...given: unknown[]) => unknown;
  const spy = jest.spyOn(prototype, 'query') as unknown as jest.SpyInstance<unknown, unknown[]>;
  spy.mockImplementation(function (this: Client, ...given: unknown[]) {
    return JSON.stringify(given[0]).includes(words)
      ? Promise.reject(new Error('Query read timeout'))
      : query.apply(this, given);
  });
  return () => {
    spy.mockRestore();
  };
}

/**
 * Goal: what another system commits as completed is accepted and started at once, whatever breaks in between.
 * Method: real Postgres with real notifications; sessions are killed by `pg_terminate_backend`; starts are collected.
 */
import { setTimeout as delay } from 'node:timers/promises';

import { Connection } from '@temporalio/client';
import { pino } from 'pino';

import { findSettlementRow } from '../../src/db/settlements';
import { LISTENER_RETRY_WAITS } from '../../src/domain/limits';
import { acceptAndStart } from '../../src/gateway/accept-and-start';
import {
  listenForSettlements,
  type SettlementListener,
} from '../../src/gateway/settlement-listener';
import { startInTime } from '../../src/gateway/in-time';
import { newId, openDatabaseBed, PLATFORM, type DatabaseBed, TERMS } from '../support/builders';
import { brokenInvariants } from '../support/invariants';

/** Ends a hang on a busy machine; nothing but a notification or a connection makes the listener look. */
const LIMIT_MS = 50_000;

let bed: DatabaseBed;
let started: string[];
let logged: { readonly level: number; readonly msg: string }[];
let listeners: SettlementListener[];
let temporal: 'there' | 'away';

beforeAll(async () => {
  bed = await openDatabaseBed();
});

beforeEach(() => {
  started = [];
  logged = [];
  listeners = [];
  temporal = 'there';
});

afterEach(async () => {
  await Promise.all(listeners.map((listener) => listener.close()));
  expect(await listening()).toEqual([]);
  expect(await brokenInvariants(bed)).toEqual([]);
});

afterAll(async () => {
  await connection.close();
  await bed.close();
});

const log = pino({}, { write: (line: string) => logged.push(JSON.parse(line) as never) });

/** What the transport throws where nobody answers. */
const UNAVAILABLE = { code: 14, details: 'no connection', metadata: {} };
const connection = Connection.lazy();

/** A listener as the gateway makes one; its jobs are collected instead of started. */
function listen(beforeAccept: () => Promise<void> = () => Promise.resolve()): SettlementListener {
  const options = {
    dependencies: {
      database: bed.database,
      platform: PLATFORM,
      ...TERMS,
      amountMinorMax: 100_000,
    },
    log,
    start: ({ settlementId }: { readonly settlementId: string }) =>
      startInTime(connection, { log, settlementId }, () => {
        started.push(settlementId);
        return temporal === 'there'
          ? Promise.resolve()
          : Promise.reject(Object.assign(new Error('no connection'), UNAVAILABLE));
      }),
  };
  const listener = listenForSettlements({
    databaseUrl: bed.databaseUrl,
    log,
    accept: async () => {
      await beforeAccept();
      return acceptAndStart(options);
    },
  });
  listeners.push(listener);
  return listener;
}

async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
  const giveUpAt = Date.now() + LIMIT_MS;
  while (!(await isSo())) {
    if (Date.now() > giveUpAt) {
      throw new Error(`not so within ${LIMIT_MS} ms: ${isSo.toString()}`);
    }
    await delay(10);
  }
}

/** The sessions that listen and have nothing else to do. */
async function listening(): Promise<number[]> {
  const rows = await bed.rows<{ pid: number }>(
    `select pid from pg_stat_activity where datname = current_database()
       and application_name = 'temporal-stripe-payouts listener'
       and query = 'listen payout_settlement_completed' and state = 'idle'`,
  );
  return rows.map(({ pid }) => pid);
}

async function listenAndWait(count = 1): Promise<void> {
  for (let made = 0; made < count; made += 1) {
    listen();
  }
  await until(async () => (await listening()).length === count);
}

/** What another system's transaction says. */
function rowsOf(settlementId: string, winners = 1): string[] {
  const users = Array.from({ length: winners }, () => `('${settlementId}', '${newId('user')}', 7)`);
  return [
    `insert into settlements (settlement_id, contest_id, currency, status)
       values ('${settlementId}', '${newId('contest')}', 'usd', 'completed')`,
    ...users.map(
      (row) =>
        `insert into settlement_winners (settlement_id, user_id, amount_minor) values ${row}`,
    ),
  ];
}

async function handIn(winners = 1): Promise<string> {
  const settlementId = newId('settlement');
  await bed.inTransaction(...rowsOf(settlementId, winners));
  return settlementId;
}

const statusOf = async (settlementId: string) =>
  (await findSettlementRow(bed.database, settlementId))?.status;

describe('a settlement that is handed in', () => {
  test('is accepted and started when it commits, without anybody asking', async () => {
    await listenAndWait();
    const settlementId = await handIn(5);
    await until(() => started.includes(settlementId));
    expect(await statusOf(settlementId)).toBe('accepted');
  });

  test('by an update is taken too, when it was written before', async () => {
    await listenAndWait();
    const settlementId = newId('settlement');
    const [open, ...winners] = rowsOf(settlementId);
    await bed.inTransaction(open!.replace('completed', 'open'), ...winners);
    await bed.rows(`update settlements set status = 'completed' where settlement_id = $1`, [
      settlementId,
    ]);
    await until(() => started.includes(settlementId));
  });

  test('in a transaction that is rolled back is nothing', async () => {
    await listenAndWait();
    const nothing = newId('settlement');
    const failing = bed.inTransaction(...rowsOf(nothing), 'select 1 / 0');
    await expect(failing).rejects.toThrow('division by zero');
    const settlementId = await handIn();
    await until(() => started.includes(settlementId));
    expect(started).toEqual([settlementId]);
    expect(await statusOf(nothing)).toBeUndefined();
  });

  test('and is wrong is rejected with an alarm, and nothing is started', async () => {
    await listenAndWait();
    const settlementId = await handIn(0);
    await until(async () => (await statusOf(settlementId)) === 'rejected');
    await until(() => logged.some(({ level }) => level === 50));
    const alarms = logged.filter(({ level }) => level === 50);
    expect(alarms).toMatchObject([
      { settlementId, reasonCount: 1, msg: expect.stringContaining('was rejected') },
    ]);
    expect(started).toEqual([]);
  });

  test('while Temporal is away is accepted and kept for the sweep, and said so', async () => {
    temporal = 'away';
    await listenAndWait();
    const settlementId = await handIn();
    await until(() => logged.some(({ msg }) => msg.includes('the sweep starts it')));
    expect(await statusOf(settlementId)).toBe('accepted');
    expect(started).toEqual([settlementId]);
    expect(logged.find(({ msg }) => msg.includes('the sweep starts it'))).toMatchObject({
      level: 40,
      settlementId,
    });
  });
});

describe('what nobody heard', () => {
  test('before anybody listened is taken at the first connection', async () => {
    const settlementId = await handIn();
    listen();
    await until(() => started.includes(settlementId));
  });

  test('while the connection was lost is taken at the next one', async () => {
    await listenAndWait();
    const [pid] = await listening();
    // In one transaction: the session dies and the settlement commits before it can be there again.
    const settlementId = newId('settlement');
    await bed.inTransaction(
      `select pg_terminate_backend(${pid!.toString()}, 5000)`,
      ...rowsOf(settlementId),
    );
    await until(() => started.includes(settlementId));
    expect(logged).toContainEqual(
      expect.objectContaining({ level: 40, code: '57P01', failures: 1 }),
    );
    const later = await handIn();
    await until(() => started.includes(later));
  });

  test('because a look failed is taken by another look', async () => {
    let failures = 0;
    listen(() => {
      failures += 1;
      return failures <= 3 ? Promise.reject(new Error('no database')) : Promise.resolve();
    });
    const settlementId = await handIn();
    await until(() => started.includes(settlementId));
    expect(failures).toBeGreaterThan(3);
  });
});

describe('many at once', () => {
  test('two hundred are all taken, each once, while two listen', async () => {
    await listenAndWait(2);
    const ids = Array.from({ length: 200 }, () => newId('settlement'));
    await bed.inTransaction(...ids.flatMap((id) => rowsOf(id, 2)));
    await until(() => started.length >= ids.length);
    expect(started.sort()).toEqual([...ids].sort());
    const [jobs] = await bed.rows<{ jobs: number }>(
      'select count(*)::int as jobs from payout_jobs where settlement_id = any($1)',
      [ids],
    );
    expect(jobs).toEqual({ jobs: 200 });
  });

  test('two hundred commits one by one are all taken, each once', async () => {
    await listenAndWait(2);
    const ids = await Promise.all(Array.from({ length: 200 }, () => handIn()));
    await until(() => started.length >= ids.length);
    expect(started.sort()).toEqual(ids.sort());
  });

  test('there is never more than one look at a time', async () => {
    let looking = 0;
    let most = 0;
    const listener = listen(async () => {
      looking += 1;
      most = Math.max(most, looking);
      await delay(5);
      looking -= 1;
    });
    await until(async () => (await listening()).length === 1);
    const ids = await Promise.all(Array.from({ length: 30 }, () => handIn()));
    await until(() => ids.every((id) => started.includes(id)));
    await listener.close();
    expect(most).toBe(1);
  });
});

describe('close', () => {
  test('waits for the work in hand, and takes nothing after it', async () => {
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let looks = 0;
    const listener = listen(() => {
      looks += 1;
      return released;
    });
    const settlementId = await handIn();
    await until(() => looks === 1);
    let isClosed = false;
    const closing = listener.close().then(() => (isClosed = true));
    await until(async () => (await listening()).length === 0);
    expect(isClosed).toBe(false);
    release();
    await closing;
    expect(started).toEqual([settlementId]);
    const late = await handIn();
    expect(await statusOf(late)).toBe('completed');
    await bed.rows(`update settlements set status = 'open' where settlement_id = $1`, [late]);
  });

  test('ends a listener that cannot connect, at once', async () => {
    const listener = listenForSettlements({
      databaseUrl: 'postgres://nobody@127.0.0.1:1/none',
      log,
      accept: () => Promise.reject(new Error('nobody listens')),
    });
    await until(() => logged.filter(({ level }) => level === 40).length >= 3);
    const before = Date.now();
    await listener.close();
    expect(Date.now() - before).toBeLessThan(LISTENER_RETRY_WAITS.longestMs);
    expect(logged.filter(({ level }) => level === 50)).toEqual([]);
  });
});

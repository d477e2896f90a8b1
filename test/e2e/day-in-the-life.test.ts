/**
 * Goal: a day in the life of an installation. Settlements come by HTTP and as rows, one of them while Temporal is away;
 * payees, balance, Stripe and people do what they do, and every process dies once. In the evening everybody is paid or
 * explained.
 * Method: two gateways and three workers of the built command, the sandbox with its webhooks, a real Temporal behind a
 * line that can be cut. Everything is done through HTTP, SQL of another system, Stripe's side and the command line.
 */
import { randomBytes } from 'node:crypto';

import { freePort } from '../../local/free-port';
import { startStripeSandbox, type StripeSandbox } from '../../local/stripe-sandbox/server';
import type { PauseReport } from '../../src/client/show-pauses';
import type { SettlementReport, TransferStatusRow } from '../../src/client/read-status';
import type { VerifyReport } from '../../src/client/verify/verify-report';
import { brokenInvariants } from '../support/invariants';
import { createTestDatabase, type TestDatabase } from '../support/postgres';
import type { TestProcess } from '../support/processes';
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy';
import { testTemporalAddress } from '../support/temporal';
import { accountOf, Bed, falselyPaid, settlementOf, timesPaid, until, userOf } from './bed';

const LONG_MS = 300_000;
const TOKEN = 'token-of-the-contests-of-this-run';
const WEBHOOK_SECRET = 'whsec_dayInTheLife0001';
const WHY = ['--reason', 'a day like others'] as const;
/** Stripe completes what it has answered with a 500 so much later. */
const COMPLETED_LATER_MS = 45_000;

/** The winners of the settlement of noon who are not like the others. */
const ROLES = {
  withoutAccount: userOf('noon', 0),
  becomesActive: userOf('noon', 1),
  stuck: userOf('noon', 2),
  cancelled: userOf('noon', 3),
  voided: userOf('noon', 4),
};
const NOON = settlementOf('noon', 12);
const ROWS = settlementOf('rows', 8);
const EVENING = settlementOf('evening', 6);

let sandbox: StripeSandbox;
let database: TestDatabase;
let line: TcpProxy;
let bed: Bed;
const workers: TestProcess[] = [];
const gateways: { url: string; process: TestProcess }[] = [];

async function startGateway(port: number): Promise<(typeof gateways)[0]> {
  const process = bed.spawn(['gateway', '--json'], { GATEWAY_PORT: port.toString() });
  const url = `http://127.0.0.1:${port.toString()}`;
  await Promise.race([
    until('the gateway is ready', () => process.stdout().includes('"url"')),
    process.ended.then(({ code, stderr }) => {
      throw new Error(`the gateway ended with ${String(code)}: ${stderr}`);
    }),
  ]);
  return { url, process };
}

async function killGateway(index: number): Promise<void> {
  const { process, url } = gateways[index]!;
  process.signal('SIGKILL');
  await process.ended;
  gateways[index] = { process, url };
}

async function startGatewayAgain(index: number): Promise<void> {
  gateways[index] = await startGateway(Number(new URL(gateways[index]!.url).port));
}

async function killWorker(index: number): Promise<void> {
  workers[index]!.signal('SIGKILL');
  await workers[index]!.ended;
  workers[index] = await bed.worker();
}

async function post(gateway: number, settlement: object): Promise<number> {
  const { status } = await fetch(`${gateways[gateway]!.url}/v1/settlements`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify(settlement),
  });
  return status;
}

/** What another system does with its own SQL, in one transaction. */
async function writeRows(
  { contestId, currency, settlementId, winners }: ReturnType<typeof settlementOf>,
  status = 'completed',
): Promise<void> {
  await bed.inTransaction(async (client) => {
    await client.query(
      `insert into settlements (settlement_id, contest_id, currency, status) values ($1, $2, $3, $4)`,
      [settlementId, contestId, currency, status],
    );
    for (const { amountMinor, userId } of winners) {
      await client.query(
        `insert into settlement_winners (settlement_id, user_id, amount_minor) values ($1, $2, $3)`,
        [settlementId, userId, amountMinor],
      );
    }
  });
}

async function transferOf(userId: string): Promise<{ id: string; status: string }> {
  const [row] = await bed.rows<{ id: string; status: string }>(
    `select id, status from payout_transfers where user_id = $1`,
    [userId],
  );
  if (row === undefined) {
    throw new Error(`${userId} has no transfer`);
  }
  return row;
}

const untilWinner = (userId: string, status: string) =>
  until(
    `${userId} is ${status}`,
    async () =>
      (await bed.count('payout_transfers', `user_id = '${userId}' and status = '${status}'`)) === 1,
    120_000,
  );

const untilPaid = (id: string, count: number) =>
  until(
    `${count.toString()} winners of ${id} are paid`,
    async () =>
      (await bed.count('payout_transfers', `settlement_id = '${id}' and status = 'completed'`)) >=
      count,
    120_000,
  );

beforeAll(async () => {
  [sandbox, database, line] = await Promise.all([
    startStripeSandbox(),
    createTestDatabase(),
    openTcpProxy(testTemporalAddress()),
  ]);
  bed = new Bed(
    {
      databaseUrl: database.databaseUrl,
      temporalAddress: line.address,
      stripeApiBase: sandbox.baseUrl,
    },
    {
      TEMPORAL_NAMESPACE: `day-${randomBytes(4).toString('hex')}`,
      GATEWAY_TOKENS: `contests=${TOKEN}`,
      STRIPE_WEBHOOK_SECRET: WEBHOOK_SECRET,
      // Slow enough that there is a middle of a settlement.
      STRIPE_REQUESTS_PER_SECOND: '1',
    },
  );
  await bed.json('setup');
  workers.push(...(await Promise.all([bed.worker(), bed.worker(), bed.worker()])));
  const ports = [await freePort(), await freePort()];
  gateways.push(...(await Promise.all(ports.map(startGateway))));
  for (const { url } of gateways) {
    for (const connect of [false, true]) {
      await bed.control('webhooks', {
        url: `${url}/v1/webhooks/stripe${connect ? '?connect' : ''}`,
        secret: WEBHOOK_SECRET,
        connect,
      });
    }
  }
}, LONG_MS);

afterAll(async () => {
  await bed.close();
  await line.close();
  await Promise.all([sandbox.close(), database.drop()]);
}, LONG_MS);

test(
  'in the morning accounts are imported, some of them not ready',
  async () => {
    const known = [...NOON.winners, ...ROWS.winners, ...EVENING.winners].filter(
      ({ userId }) => userId !== ROLES.withoutAccount,
    );
    for (const userId of [ROLES.becomesActive, ROLES.cancelled, ROLES.voided]) {
      await bed.control('accounts', { id: accountOf(userId), state: 'inactive' });
    }
    const rows = known.map(({ userId }) => ({ userId, stripeAccountId: accountOf(userId) }));
    await bed.json('accounts', 'import', bed.file('accounts.json', rows));
    await bed.control('faults', {
      match: { method: 'POST', path: '/v1/transfers', destination: accountOf(ROLES.stuck) },
      fault: { kind: 'commit_later', afterMs: COMPLETED_LATER_MS },
      times: 1,
    });
  },
  LONG_MS,
);

test(
  'a settlement comes by HTTP, is posted again after its gateway was killed, and is paused in the middle',
  async () => {
    expect(await post(0, NOON)).toBe(201);
    await killGateway(0);
    expect(await post(1, NOON)).toBe(200);
    await untilPaid('noon', 1);
    const pause = await bed.json<PauseReport>('pause', 'noon', ...WHY);
    expect(pause).toMatchObject({ scope: 'noon', paused: true });
    expect(pause.inFlight.filter(({ end }) => end === 'not_answered_yet')).toEqual([]);
    const { posts } = await bed.oracle();
    // Whoever had his turn to be sent has come to the pause instead.
    await until('the others have met the pause', async () => {
      const stopped = await bed.count('payout_transfers', `failure_reason = 'platform_paused'`);
      const moving = await bed.count('payout_transfers', `status in ('processing', 'retryable')`);
      return stopped > 0 && moving === 0;
    });
    expect((await bed.oracle()).posts).toBe(posts);
    await bed.json('resume', 'noon', ...WHY);
    await startGatewayAgain(0);
    await untilWinner(ROLES.stuck, 'unknown');
    await killWorker(0);
    await untilPaid('noon', NOON.winners.length - Object.keys(ROLES).length);
  },
  LONG_MS,
);

test(
  'webhooks free a payee who became active and resolve what was unknown',
  async () => {
    await untilWinner(ROLES.becomesActive, 'blocked');
    await bed.control('accounts', { id: accountOf(ROLES.becomesActive), state: 'active' });
    await untilWinner(ROLES.becomesActive, 'completed');
    // Less than clocks may differ: its webhook is signed that far in the future.
    await bed.control('clock', { advanceMs: COMPLETED_LATER_MS });
    await untilWinner(ROLES.stuck, 'completed');
    const { id } = await transferOf(ROLES.stuck);
    const ofStuck = `payout_transfer_id = '${id}' and status = 'processed'`;
    await until(
      'its webhook is processed',
      async () => (await bed.count('stripe_events', ofStuck)) > 0,
    );
  },
  LONG_MS,
);

test(
  'one winner is cancelled, another one’s debt is voided',
  async () => {
    const cancelled = await transferOf(ROLES.cancelled);
    const voided = await transferOf(ROLES.voided);
    await untilWinner(ROLES.cancelled, 'blocked');
    await untilWinner(ROLES.voided, 'blocked');
    await bed.json('cancel', cancelled.id, ...WHY);
    await bed.json('cancel', voided.id, ...WHY);
    await bed.json('void', voided.id, ...WHY);
    await untilWinner(ROLES.cancelled, 'cancelled');
    await untilWinner(ROLES.voided, 'voided');
    // Being active now changes nothing for them.
    for (const userId of [ROLES.cancelled, ROLES.voided]) {
      await bed.control('accounts', { id: accountOf(userId), state: 'active' });
    }
  },
  LONG_MS,
);

test(
  'a settlement that another system writes while Temporal is away is kept and paid when it is back',
  async () => {
    line.cut();
    await writeRows(ROWS);
    await until(
      'the rows are accepted',
      async () => (await bed.count('payout_jobs', `settlement_id = 'rows'`)) === 1,
    );
    await writeRows({ ...settlementOf('wrong', 2), currency: 'xxz' });
    await until(
      'the wrong rows are rejected',
      async () =>
        (await bed.count('settlements', `settlement_id = 'wrong' and status = 'rejected'`)) === 1,
    );
    expect((await bed.oracle()).byPayoutTransferId).not.toHaveProperty(
      (await transferOf(userOf('rows', 0))).id,
    );
    line.restore();
    await killWorker(1);
    await bed.json('sweep');
    await bed.completed('rows');
    const { code, stdout } = await bed.run(['status', 'wrong']);
    expect(code).toBe(1);
    expect(stdout).toContain('xxz');
  },
  LONG_MS,
);

test(
  'a settlement that the balance does not cover waits for the top-up and fails nobody',
  async () => {
    await bed.control('balance', { currency: 'usd', available: 3_000 });
    expect(await post(1, EVENING)).toBe(201);
    await until(
      'it waits for funds',
      async () =>
        (await bed.count(
          'payout_jobs',
          `settlement_id = 'evening' and status = 'awaiting_funds'`,
        )) === 1,
    );
    const waiting = await bed.status('evening');
    expect(waiting.transfers.map(({ status }) => status)).toEqual(
      EVENING.winners.map(() => 'pending'),
    );
    await killGateway(1);
    await killWorker(2);
    await bed.control('balance', { currency: 'usd', add: 1_000_000 });
    const paid = await bed.completed('evening');
    expect(paid.job.counts.completed).toBe(EVENING.winners.length);
    await startGatewayAgain(1);
  },
  LONG_MS,
);

describe('in the evening', () => {
  const statuses: SettlementReport[] = [];
  const rowOf = (userId: string): TransferStatusRow | undefined =>
    statuses.flatMap(({ transfers }) => transfers).find((row) => row.userId === userId);

  beforeAll(async () => {
    for (const id of ['noon', 'rows', 'evening']) {
      statuses.push(await bed.status(id));
    }
  });

  test('everybody was paid once, the right amount, or is explained', async () => {
    const oracle = await bed.oracle();
    expect(statuses.flatMap((status) => falselyPaid(status, oracle))).toEqual([]);
    const unpaid = statuses
      .flatMap(({ transfers }) => transfers)
      .filter(({ status }) => status !== 'completed')
      .map(({ failureReason, status, userId }) => ({ failureReason, status, userId }));
    expect(unpaid).toEqual(
      expect.arrayContaining([
        { userId: ROLES.withoutAccount, status: 'blocked', failureReason: 'payee_account_missing' },
        expect.objectContaining({ userId: ROLES.cancelled, status: 'cancelled' }),
        expect.objectContaining({ userId: ROLES.voided, status: 'voided' }),
      ]),
    );
    expect(unpaid).toHaveLength(3);
    expect(statuses.map((status) => timesPaid(status, oracle))).toEqual([[1, 0], [1], [1]]);
    expect(rowOf(ROLES.stuck)?.status).toBe('completed');
  });

  test('what Stripe paid is what the ledger says', async () => {
    const paidMinor = statuses
      .flatMap(({ transfers }) => transfers)
      .filter(({ status }) => status === 'completed')
      .reduce((sum, { amountMinor }) => sum + amountMinor, 0);
    expect((await bed.oracle()).totalsByCurrency).toEqual({ usd: paidMinor });
    expect(await brokenInvariants(bed)).toEqual([]);
  });

  test('verify finds nothing', async () => {
    const report = await until('every run has closed', async () => {
      const { code, stdout } = await bed.run(['verify', '--json']);
      return code === 0 && (JSON.parse(stdout) as VerifyReport);
    });
    expect(report.ok).toBe(true);
  });

  test('the gateways and workers that were left stop clean', async () => {
    const processes = [...workers, ...gateways.map(({ process }) => process)];
    const ends = await Promise.all(processes.map((child) => child.stop()));
    expect(ends.map(({ code }) => code)).toEqual(processes.map(() => 0));
  });
});

/**
 * Goal: whatever Stripe, the payees, the balance and the workers do to a run, everybody who can be paid is paid once,
 * the others are explained, and the ledger agrees with the sandbox's own count.
 * Method: two settlements at once through the built command; one call in five meets a fault, of every kind in `FAULTS`,
 * single ones a refused key; Stripe's list lags five minutes behind; the worker is killed in the middle of sends and two
 * take over, the balance runs dry, accounts come, change and close. Both clocks are moved on whenever nothing moves.
 */
import { Client, Connection } from '@temporalio/client';

import { startLocalStack, type LocalStack } from '../../local/stack';
import type { SettlementReport } from '../../src/client/read-status';
import type { VerifyReport } from '../../src/client/verify/verify-report';
import { brokenInvariants } from '../support/invariants';
import { accountOf, API_KEY, Bed, falselyPaid, until, type Oracle } from './bed';
import {
  chaosSettlement,
  EXPLAINED,
  FAULTS,
  KEY_REFUSALS,
  LOST_ANSWERS,
  LIST_LAG_MS,
  type ChaosWinner,
  type Role,
} from './chaos-scenario';
import { MovedTime } from './moved-time';

const WINNERS = Number(process.env['CHAOS_WINNERS'] ?? 500);
/** Another seed is another run; the same one draws the same fault for the n-th call. */
const SEED = Number(process.env['CHAOS_SEED'] ?? 20_240_612);
const RATE = 0.2;
const LONG_MS = 300_000;
const PLENTY_MINOR = 50_000_000_000;

const EAST = chaosSettlement('chaos-east', Math.ceil(WINNERS * 0.6));
const WEST = chaosSettlement('chaos-west', Math.floor(WINNERS * 0.4));
const SETTLEMENTS = [EAST, WEST];
const ALL = SETTLEMENTS.flatMap(({ winners }) => winners);

let stack: LocalStack;
let bed: Bed;
let connection: Connection;
let time: MovedTime;

function winnersWho(...roles: readonly Role[]): readonly ChaosWinner[] {
  return ALL.filter(({ role }) => roles.includes(role));
}

function isPaidInTheEnd({ role }: ChaosWinner): boolean {
  return EXPLAINED[role] === undefined;
}

const PAYABLE = ALL.filter(isPaidInTheEnd);

/** A worker is started again until Stripe lets it begin, as any supervisor does. */
async function superviseWorker() {
  return until('a worker begins', () => bed.worker().catch(() => undefined), LONG_MS);
}

/** A person looks at what stopped a settlement and lets it go on; what automation lifts itself is left to it. */
async function resumeWhatNeedsAPerson(): Promise<void> {
  const stopped = await bed.rows<{ id: string }>(
    `select distinct settlement_id as id from payout_controls
     where lifted_at is null and next_look_at is null and owner = 'automation'`,
  );
  for (const { id } of stopped) {
    await bed.json('resume', id, '--reason', 'looked at it');
  }
}

async function prepareAccounts(): Promise<void> {
  for (const { account } of winnersWho('becomes_active', 'stays_inactive', 'account_replaced')) {
    await bed.control('accounts', { id: account, state: 'inactive' });
  }
  for (const { account } of winnersWho('account_closed')) {
    await bed.control('accounts', { id: account, state: 'closed' });
  }
  for (const { account, amountMinor } of winnersWho('other_amount')) {
    await bed.control('faults', {
      match: { method: 'POST', path: '/v1/transfers', destination: account },
      fault: { kind: 'altered', amount: amountMinor + 1 },
      // A refusal, for want of money say, uses up one as well.
      times: 20,
    });
  }
  const first = ALL.filter(({ role }) => !['account_comes', 'account_never_comes'].includes(role));
  await importAccounts('first', first);
}

async function importAccounts(
  name: string,
  winners: readonly Pick<ChaosWinner, 'userId' | 'account'>[],
  ...options: readonly string[]
): Promise<void> {
  const rows = winners.map(({ account, userId }) => ({ userId, stripeAccountId: account }));
  const file = bed.file(`${name}.json`, rows);
  await bed.json('accounts', 'import', file, ...options);
}

async function untilPaid(share: number): Promise<void> {
  const wanted = Math.floor(share * PAYABLE.length);
  const isSo = async () => (await bed.count('payout_transfers', `status = 'completed'`)) >= wanted;
  await time.until(`${wanted} winners are paid`, isSo, LONG_MS);
}

/** Whether everybody is where the end has to find them, as far as no person has to act at Stripe. */
async function isOver(): Promise<boolean> {
  const rows = await bed.rows<{ userId: string; status: string; reason: string | null }>(
    `select user_id as "userId", status, failure_reason as reason from payout_transfers`,
  );
  const byUser = new Map(rows.map((row) => [row.userId, row]));
  return ALL.every(({ role, userId }) => {
    const row = byUser.get(userId);
    const explained =
      role === 'other_amount'
        ? { status: 'unknown', reason: 'unknown_other_transfer' }
        : EXPLAINED[role];
    return explained === undefined
      ? row?.status === 'completed'
      : row?.status === explained.status && row.reason === explained.reason;
  });
}

/** A person finds the wrong amounts at Stripe, takes them back there and has the right ones sent. */
async function sendAnewWhatWasWrong(): Promise<void> {
  await fetch(`${bed.addresses.stripeApiBase}/_sandbox/faults`, { method: 'DELETE' });
  const { byPayoutTransferId } = await bed.oracle();
  const rows = await bed.rows<{ id: string }>(
    `select id from payout_transfers where failure_reason = 'unknown_other_transfer'`,
  );
  for (const { id } of rows) {
    const [stripeId] = byPayoutTransferId[id]?.ids ?? [];
    const url = `${bed.addresses.stripeApiBase}/v1/transfers/${stripeId ?? ''}/reversals`;
    const headers = { authorization: `Bearer ${API_KEY}` };
    const { status } = await fetch(url, { method: 'POST', headers });
    expect(status).toBe(200);
    await bed.json('resolve', id, '--unpaid', '--reason', 'the wrong amount was taken back');
  }
  const isPaid = async () =>
    (await bed.count('payout_transfers', `status = 'completed'`)) === PAYABLE.length;
  await time.until('everybody payable is paid', isPaid, LONG_MS);
}

beforeAll(async () => {
  stack = await startLocalStack({ stripe: true, fsync: false });
  const { databaseUrl, temporalAddress, stripeApiBase = '' } = stack;
  // The clocks are moved by weeks, and nobody's wait for an account is to end meanwhile.
  const settings = { PAYOUT_PAYEE_WAIT_DAYS: '365' };
  bed = new Bed({ databaseUrl, temporalAddress, stripeApiBase }, settings);
  connection = await Connection.connect({ address: temporalAddress });
  time = new MovedTime(bed, new Client({ connection }), resumeWhatNeedsAPerson);
  await bed.json('setup');
  await prepareAccounts();
}, LONG_MS);

afterAll(async () => {
  await connection.close();
  await bed.close();
  await stack.stop();
}, LONG_MS);

/** What a refused key pauses for; which of them the single calls meet differs from run to run. */
const KEY_CAUSES = ['platform_key_rejected', 'platform_permission_missing'];

/** What was written down of the calls that went wrong. */
const TROUBLES = [
  'never_answered',
  'payee_account_closed',
  'payee_capability_inactive',
  'platform_balance_insufficient',
  'transient_rate_limited',
  'unknown_connection_lost',
  'unknown_server_error',
  'unknown_server_unavailable',
  'unknown_unreadable_answer',
];

describe(`${WINNERS} winners, faults at ${RATE * 100} % of the calls, seed ${SEED}`, () => {
  let statuses: SettlementReport[];
  let oracle: Oracle;

  test(
    'the run comes to its end, whatever happens meanwhile',
    async () => {
      const first = await bed.worker();
      await bed.control('faults/random', {
        rate: RATE,
        seed: SEED,
        match: { path: '/v1/*' },
        faults: FAULTS,
      });
      await bed.control('faults', KEY_REFUSALS);
      await bed.control('list-lag', { transfersMs: LIST_LAG_MS });
      for (const { settlement } of SETTLEMENTS) {
        await bed.json('settle', bed.file(`${settlement.settlementId}.json`, settlement));
      }

      await untilPaid(0.15);
      await bed.control('faults', LOST_ANSWERS);
      await time.until('sends are on their way', areSendsOnTheirWay, LONG_MS);
      first.signal('SIGKILL');
      await first.ended;
      await superviseWorker();
      await superviseWorker();

      await untilPaid(0.35);
      await bed.control('balance', { currency: 'usd', available: 0 });
      await time.until('the empty balance is noticed', isBalanceMissed, LONG_MS);
      await bed.control('balance', { currency: 'usd', available: PLENTY_MINOR });

      await untilPaid(0.6);
      await bed.json('pause', '--reason', 'somebody wants to look');
      await importAccounts('late', winnersWho('account_comes'));
      for (const { account } of winnersWho('becomes_active')) {
        await bed.control('accounts', { id: account, state: 'active' });
      }
      const others = winnersWho('account_replaced').map(({ userId }) => ({
        userId,
        account: otherAccountOf(userId),
      }));
      await importAccounts('others', others, '--replace', '--reason', 'the first cannot receive');

      await bed.json('resume', '--reason', 'it was nothing');

      await time.until('everybody is paid or explained', isOver, LONG_MS);
      await sendAnewWhatWasWrong();
      // Verifying compares everything that was paid.
      await bed.control('list-lag', { transfersMs: 0 });
      statuses = await Promise.all(
        SETTLEMENTS.map(({ settlement }) => bed.status(settlement.settlementId)),
      );
      oracle = await bed.oracle();
    },
    2 * LONG_MS,
  );

  async function areSendsOnTheirWay(): Promise<boolean> {
    return (await bed.count('payout_attempts', 'answered_at is null')) >= 4;
  }

  async function isBalanceMissed(): Promise<boolean> {
    return (await bed.count('payout_controls', `cause = 'platform_balance_insufficient'`)) > 0;
  }

  const transferOf = (userId: string) => {
    const transfer = statuses
      .flatMap(({ transfers }) => transfers)
      .find((row) => row.userId === userId);
    if (transfer === undefined) {
      throw new Error(`${userId} has no transfer`);
    }
    return transfer;
  };

  /** What a winner has in the end, by the sandbox's own count. */
  const paidMinorOf = (transferId: string) => {
    const { amountMinor = 0, reversedMinor = 0 } = oracle.byPayoutTransferId[transferId] ?? {};
    return amountMinor - reversedMinor;
  };

  test('everybody who can be paid is paid once, the right amount, to the right account', async () => {
    const corrected = winnersWho('other_amount').map(({ userId }) => userId);
    const falsely = statuses.flatMap((status) => falselyPaid(status, oracle));
    expect(falsely.filter((userId) => !corrected.includes(userId))).toEqual([]);
    const paid = PAYABLE.map(({ amountMinor, role, userId }) => {
      const { id, status } = transferOf(userId);
      const times = (oracle.byPayoutTransferId[id]?.count ?? 0) - (role === 'other_amount' ? 1 : 0);
      return { userId, status, times, isOwed: paidMinorOf(id) === amountMinor };
    });
    expect(
      paid.filter(({ isOwed, status, times }) => status !== 'completed' || times !== 1 || !isOwed),
    ).toEqual([]);
    const replaced = await bed.rows<{ userId: string; destination: string }>(
      `select transfer.user_id as "userId", generation.destination
       from payout_generations as generation join payout_transfers as transfer
         on transfer.id = generation.transfer_id and transfer.generation = generation.generation
       where generation.closed_reason = 'paid' and transfer.user_id = any($1)`,
      [winnersWho('account_replaced').map(({ userId }) => userId)],
    );
    expect(replaced).toHaveLength(winnersWho('account_replaced').length);
    expect(
      replaced.filter(({ destination, userId }) => destination !== otherAccountOf(userId)),
    ).toEqual([]);
  });

  test('everybody else is explained, and was not paid', () => {
    const others = ALL.filter((winner) => !isPaidInTheEnd(winner)).map(({ role, userId }) => {
      const { failureClass, failureReason, id, status } = transferOf(userId);
      const explanation = { status, reason: failureReason, class: failureClass };
      return { role, explanation, paidMinor: paidMinorOf(id) };
    });
    expect(others).toEqual(
      others.map(({ role }) => ({
        role,
        explanation: EXPLAINED[role],
        paidMinor: 0,
      })),
    );
  });

  test('the sandbox’s own count is the ledger’s and that of the rows', async () => {
    const paidMinor = statuses
      .flatMap(({ transfers }) => transfers)
      .filter(({ status }) => status === 'completed')
      .reduce((sum, { amountMinor }) => sum + amountMinor, 0);
    const backMinor = Object.values(oracle.byPayoutTransferId).reduce(
      (sum, { reversedMinor }) => sum + reversedMinor,
      0,
    );
    expect(oracle.totalsByCurrency).toEqual({ usd: paidMinor + backMinor });
    expect(oracle.withoutPayoutTransferId).toEqual([]);
    const [balance] = await bed.rows<{ minor: string }>(
      `select -sum(amount_minor) as minor from ledger_entries where account = 'stripe_balance'`,
    );
    expect(Number(balance?.minor)).toBe(paidMinor);
    expect(await brokenInvariants(bed)).toEqual([]);
  });

  test('verify finds nothing', async () => {
    // The last workflows may still be closing.
    await until(
      'every run has closed',
      async () => (await bed.run(['verify', '--json'])).code === 0,
    ).catch(() => undefined);
    const { stdout } = await bed.run(['verify', '--json']);
    const { checks, ok } = JSON.parse(stdout) as VerifyReport;
    expect(checks.flatMap(({ breaks }) => breaks)).toEqual([]);
    expect(ok).toBe(true);
  });

  test('the run met what it was to meet', async () => {
    const causes = await bed.rows<{ cause: string }>('select distinct cause from payout_controls');
    const met = new Set(causes.map(({ cause }) => cause));
    expect(met).toContain('platform_balance_insufficient');
    expect(KEY_CAUSES.some((cause) => met.has(cause))).toBe(true);
    expect(causes.filter(({ cause }) => cause.includes(':'))).toEqual([]);
    const reasons = await bed.rows<{ reason: string }>(
      `select coalesce(reason, case when answered_at is null then 'never_answered' end) as reason
       from payout_attempts group by 1`,
    );
    const troubles = new Set(reasons.map(({ reason }) => reason));
    expect(TROUBLES.filter((reason) => !troubles.has(reason))).toEqual([]);
    expect(
      await bed.count('payout_generations', `closed_reason = 'not_found_at_stripe'`),
    ).toBeGreaterThan(0);
  });
});

function otherAccountOf(userId: string): string {
  return `${accountOf(userId)}_other`;
}

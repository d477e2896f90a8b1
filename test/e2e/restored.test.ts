/**
 * Goal: a Postgres that comes back older, or a Temporal that comes back empty, pays nobody twice and forgets nobody (M11).
 * Method: the built command against copies of one database, empty namespaces and moved clocks; the sandbox's count judges.
 */
import { recordSettlement } from '../../src/client/settle';
import { parseSettlement } from '../../src/client/settlement-file';
import { openDatabase } from '../../src/db/database';
import type { SettlementReport } from '../../src/client/read-status';
import { TERMS } from '../support/builders';
import { brokenInvariants } from '../support/invariants';
import {
  accountOf,
  accountsOf,
  falselyPaid,
  settlementOf,
  timesPaid,
  until,
  userOf,
  type Bed,
} from './bed';
import { RestoreBed } from './restore';

const LONG_MS = 300_000;
const SLOWLY = { STRIPE_REQUESTS_PER_SECOND: '8' };

let machine: RestoreBed;

beforeAll(async () => {
  machine = await RestoreBed.open();
}, LONG_MS);

afterAll(() => machine.close(), LONG_MS);

type SettlementFile = ReturnType<typeof settlementOf>;

async function importAccounts(bed: Bed, settlement: SettlementFile): Promise<void> {
  await bed.json('accounts', 'import', bed.file('accounts.json', accountsOf(settlement)));
}

function settle(bed: Bed, settlement: SettlementFile): Promise<unknown> {
  return bed.json('settle', bed.file(`${settlement.settlementId}.json`, settlement));
}

/** Everybody is paid once, by the transfer that the row names, and the books say so. */
async function expectPaidOnce(bed: Bed, status: SettlementReport): Promise<void> {
  const oracle = await bed.oracle();
  expect(status.job.outcome).toBe('paid');
  expect(falselyPaid(status, oracle)).toEqual([]);
  expect(timesPaid(status, oracle)).toEqual([1]);
  expect(await brokenInvariants(bed)).toEqual([]);
  expect(await bed.count('payout_controls', 'lifted_at is null')).toBe(0);
}

async function paidCount(bed: Bed, settlementId: string): Promise<number> {
  const { byPayoutTransferId } = await bed.oracle();
  const rows = await bed.rows<{ id: string }>(
    'select id from payout_transfers where settlement_id = $1',
    [settlementId],
  );
  return rows.filter(({ id }) => byPayoutTransferId[id] !== undefined).length;
}

function untilPaid(bed: Bed, settlementId: string, count: number): Promise<boolean> {
  return until(
    `${count.toString()} are paid`,
    async () => (await paidCount(bed, settlementId)) >= count,
  );
}

describe('Postgres from before the settlement, which was paid whole', () => {
  const settlement = settlementOf('whole', 10);
  let first: Bed;
  let backup: string;
  let paid: SettlementReport;

  beforeAll(async () => {
    first = await machine.installation({});
    await importAccounts(first, settlement);
    backup = await machine.backup(first);
    await settle(first, settlement);
    const worker = await first.worker();
    paid = await first.completed('whole');
    await expectPaidOnce(first, paid);
    await worker.stop();
  }, LONG_MS);

  const usedTemporal = () => first.env['TEMPORAL_NAMESPACE']!;

  test.each([
    ['the Temporal of then', 0, usedTemporal],
    ['an empty Temporal', 0, () => undefined],
    ['the Temporal of then', 25, usedTemporal],
    ['an empty Temporal', 25, () => undefined],
  ])(
    'settled again with %s, %i hours later: the same debts, found paid',
    async (_name, hours, namespaceOf) => {
      const namespace = namespaceOf();
      const restored = await machine.installation({
        copyOf: backup,
        ...(namespace !== undefined && { namespace }),
      });
      await machine.moveClocks(restored, { hours });
      const { posts } = await restored.oracle();
      await settle(restored, settlement);
      const worker = await restored.worker();
      const status = await restored.completed('whole');
      await worker.stop();
      const stripeIds = ({ transfers }: SettlementReport) =>
        transfers.map(({ id, stripeTransferId }) => [id, stripeTransferId]);
      expect(stripeIds(status)).toEqual(stripeIds(paid));
      await expectPaidOnce(restored, status);
      // What Stripe lists is adopted; nothing is sent, not even a key that Stripe may have forgotten.
      expect((await restored.oracle()).posts).toBe(posts);
      expect(await restored.count('payout_attempts')).toBe(0);
    },
    LONG_MS,
  );

  test(
    'a sweep distrusts the rows that paid runs contradict, and their new runs find the payments',
    async () => {
      const restored = await machine.installation({ copyOf: backup, namespace: usedTemporal() });
      await machine.moveClocks(restored, { hours: 25 });
      const { database, close } = openDatabase(restored.addresses.databaseUrl, 1);
      const content = parseSettlement(JSON.stringify(settlement), { amountMinorMax: 1_000_000 });
      await recordSettlement(database, content, { ...TERMS, installationId: 'local' });
      await close();
      const transferIds = paid.transfers.map(({ id }) => id).sort();
      const worker = await restored.worker();
      const report = await machine.sweep(restored);
      expect(report.started).toEqual(['payout-job/whole']);
      expect([...report.reconciling].sort()).toEqual(transferIds);
      // A second one starts nothing more, whether the first one's runs are done or not.
      expect(await machine.sweep(restored)).toMatchObject({ reconciling: [], failed: [] });
      const status = await restored.completed('whole');
      await worker.stop();
      await expectPaidOnce(restored, status);
      expect(await restored.count('payout_attempts')).toBe(0);
    },
    LONG_MS,
  );
});

describe('Postgres from the middle of the run, a day later', () => {
  const WINNERS = 30;
  const settlement = settlementOf('middle', WINNERS);
  const lostId = userOf('middle', 0);
  let first: Bed;
  let backup: string;

  beforeAll(async () => {
    first = await machine.installation({ settings: SLOWLY });
    await importAccounts(first, settlement);
    // One winner's answers are lost, so that his run stays open although Stripe has paid him.
    const match = { method: 'POST', path: '/v1/transfers', destination: accountOf(lostId) };
    await first.control('faults', { match, fault: { kind: 'drop_after' } });
    await first.control('faults', { match, fault: { kind: 'status', status: 503 }, times: 50 });
    await settle(first, settlement);
    let worker = await first.worker();
    await untilPaid(first, 'middle', 8);
    await worker.stop();
    backup = await machine.backup(first);
    worker = await first.worker();
    await untilPaid(first, 'middle', 18);
    await until('the lost winner is unknown', async () => {
      const [row] = await first.rows<{ status: string }>(
        'select status from payout_transfers where user_id = $1',
        [lostId],
      );
      return row?.status === 'unknown';
    });
    await worker.stop();
    expect(await paidCount(first, 'middle')).toBeGreaterThanOrEqual(18);
  }, LONG_MS);

  async function restore(namespace: string | undefined): Promise<Bed> {
    const restored = await machine.installation({
      copyOf: backup,
      ...(namespace !== undefined && { namespace }),
    });
    await machine.moveClocks(restored, { hours: 25 });
    const known = await restored.count('payout_transfers', `status = 'completed'`);
    expect(await paidCount(restored, 'middle')).toBeGreaterThan(known);
    return restored;
  }

  test(
    'with the Temporal of then, whose open runs have seen more: a sweep brings all to their end',
    async () => {
      const restored = await restore(first.env['TEMPORAL_NAMESPACE']);
      const worker = await restored.worker();
      const report = await machine.sweep(restored);
      expect(report.reconciling.length).toBeGreaterThan(0);
      const [lost] = await restored.rows<{ id: string }>(
        'select id from payout_transfers where user_id = $1',
        [lostId],
      );
      // It may have looked by itself meanwhile, and be at its end.
      await machine
        .client(restored)
        .workflow.getHandle(`transfer/${lost!.id}`)
        .signal('changed')
        .catch(() => undefined);
      const status = await restored.completed('middle');
      await worker.stop();
      await expectPaidOnce(restored, status);
    },
    LONG_MS,
  );

  test(
    'with an empty Temporal: also those are found paid whose rows came back claimed and unsent',
    async () => {
      const restored = await restore(undefined);
      const claimed = await restored.count(
        'payout_transfers',
        `status = 'processing' and attempt_count = 0`,
      );
      expect(claimed).toBeGreaterThan(0);
      await settle(restored, settlement);
      const worker = await restored.worker();
      const status = await restored.completed('middle');
      await worker.stop();
      await expectPaidOnce(restored, status);
    },
    LONG_MS,
  );
});

describe('Postgres from before a cancel', () => {
  const settlement = settlementOf('forgotten', 3);
  let first: Bed;
  let backup: string;
  let ids: readonly string[];

  beforeAll(async () => {
    first = await machine.installation({});
    // Nobody can be paid before the accounts are there, and they come after the cancel.
    await settle(first, settlement);
    const worker = await first.worker();
    await until('all wait', async () => {
      return (await first.count('payout_transfers', `status = 'blocked'`)) === 3;
    });
    backup = await machine.backup(first);
    ids = (await first.status('forgotten')).transfers.map(({ id }) => id).sort();
    for (const id of ids.slice(0, 2)) {
      await first.json('cancel', id, '--reason', 'a test');
      await until('its run is closed as canceled', async () => {
        const run = await machine.client(first).workflow.getHandle(`transfer/${id}`).describe();
        return run.status.name === 'CANCELLED';
      });
    }
    await machine.client(first).workflow.getHandle('payout-job/forgotten').terminate('a test');
    await worker.stop();
  }, LONG_MS);

  test(
    'pays nobody whose cancel it has forgotten before a person has decided',
    async () => {
      const namespace = first.env['TEMPORAL_NAMESPACE'];
      const restored = await machine.installation({
        copyOf: backup,
        ...(namespace !== undefined && { namespace }),
      });
      const [again = '', restore = '', never = ''] = ids;
      await importAccounts(restored, settlement);
      const worker = await restored.worker();
      await machine.sweep(restored);
      const alarms = () =>
        restored.rows<{ cause: string }>(
          'select cause from payout_controls where lifted_at is null order by cause',
        );
      await until('both are named', async () => (await alarms()).length === 2);
      expect((await alarms()).map(({ cause }) => cause)).toEqual([
        `cancelled_run:${again}`,
        `cancelled_run:${restore}`,
      ]);
      // Nothing of what asks again changes that: neither a sweep nor an order for the whole settlement.
      await machine.sweep(restored);
      await settle(restored, settlement);
      const { byPayoutTransferId } = await restored.oracle();
      expect(ids.slice(0, 2).map((id) => byPayoutTransferId[id])).toEqual([undefined, undefined]);
      const verified = await restored.run(['verify', 'forgotten', '--json']);
      expect(verified.code).toBe(1);
      const { checks } = JSON.parse(verified.stdout) as {
        checks: { name: string; breaks: { kind: string; transferId?: string }[] }[];
      };
      const told = checks.flatMap(({ breaks }) => breaks);
      expect(
        told
          .filter(({ kind }) => kind === 'open_with_cancelled_run')
          .map(({ transferId }) => transferId)
          .sort(),
      ).toEqual([again, restore]);

      await restored.json('cancel', again, '--reason', 'as before');
      await restored.json('resume', 'forgotten', '--reason', 'the other one is to be paid');
      const status = await restored.completed('forgotten');
      await worker.stop();
      const states = Object.fromEntries(status.transfers.map((row) => [row.id, row.status]));
      expect(states).toEqual({
        [again]: 'cancelled',
        [restore]: 'completed',
        [never]: 'completed',
      });
      const after = (await restored.oracle()).byPayoutTransferId;
      expect(ids.map((id) => after[id]?.count)).toEqual([undefined, 1, 1]);
    },
    LONG_MS,
  );
});

describe('Temporal comes back empty', () => {
  const settlement = settlementOf('wiped', 24);

  test(
    'in the middle of a run: one sweep rebuilds every open payout',
    async () => {
      const first = await machine.installation({ settings: SLOWLY });
      await importAccounts(first, settlement);
      await settle(first, settlement);
      const worker = await first.worker();
      await untilPaid(first, 'wiped', 8);
      await worker.stop();
      expect((await first.status('wiped')).job.counts.completed).toBeLessThan(24);

      const { databaseUrl } = first.addresses;
      const after = await machine.installation({ on: databaseUrl });
      const next = await after.worker();
      expect(await machine.sweep(after)).toMatchObject({
        started: ['payout-job/wiped'],
        resumed: [],
        reconciling: [],
      });
      await expectPaidOnce(after, await after.completed('wiped'));
      const nothing = { started: 0, resumed: 0, reconciling: 0, rejected: 0, failed: 0 };
      expect(await machine.sweep(after)).toMatchObject({ counts: nothing });
      await next.stop();
    },
    LONG_MS,
  );
});

test(
  'terminated runs are started again, waiting ones woken when their cause is gone, and a terminated job too',
  async () => {
    const settlement = settlementOf('killed', 6);
    const bed = await machine.installation({});
    const worker = await bed.worker();
    await settle(bed, settlement);
    await until(
      'all wait',
      async () => (await bed.count('payout_transfers', `status = 'blocked'`)) === 6,
    );
    const client = machine.client(bed);
    const workflowIds = (await bed.status('killed')).transfers.map(({ id }) => `transfer/${id}`);
    const killed = workflowIds.slice(0, 3).sort();
    await until('all runs wait', async () => {
      const runs = await Promise.all(
        workflowIds.map((id) =>
          client.workflow
            .getHandle(id)
            .fetchHistory()
            .catch(() => undefined),
        ),
      );
      return runs.every((run) => run?.events?.some((event) => event.timerStartedEventAttributes));
    });
    await Promise.all(killed.map((id) => client.workflow.getHandle(id).terminate('a test')));
    const started = new Set<string>();
    await until('the sweep sees that they are gone', async () => {
      for (const workflowId of (await machine.sweep(bed)).started) {
        started.add(workflowId);
      }
      return started.size >= killed.length;
    });
    expect([...started].sort()).toEqual(killed);

    // Accounts that came without a word to the runs.
    for (const { userId, stripeAccountId } of accountsOf(settlement)) {
      await bed.rows(
        'insert into user_stripe_accounts (user_id, stripe_account_id) values ($1, $2)',
        [userId, stripeAccountId],
      );
    }
    await client.workflow.getHandle('payout-job/killed').terminate('a test');
    await until('the sweep sees that the job is gone', async () => {
      const report = await machine.sweep(bed);
      return report.started.includes('payout-job/killed');
    });
    await until('the sweep wakes those who wait', async () => {
      const { resumed } = await machine.sweep(bed);
      return resumed.length > 0 || (await paidCount(bed, 'killed')) === 6;
    });
    await expectPaidOnce(bed, await bed.completed('killed'));
    await worker.stop();
  },
  LONG_MS,
);

test(
  'two installations on one Stripe account, with the same ids, pay their own winners and adopt nothing of the other’s',
  async () => {
    const settlement = settlementOf('twice', 5);
    const made: { bed: Bed; status: SettlementReport }[] = [];
    for (const PAYOUT_INSTALLATION_ID of ['north', 'south']) {
      const bed = await machine.installation({ settings: { PAYOUT_INSTALLATION_ID } });
      await importAccounts(bed, settlement);
      await settle(bed, settlement);
      const worker = await bed.worker();
      made.push({ bed, status: await bed.completed('twice') });
      await worker.stop();
    }
    for (const { bed, status } of made) {
      await expectPaidOnce(bed, status);
      expect(await bed.count('payout_attempts')).toBe(5);
    }
    const ids = made.flatMap(({ status }) => status.transfers.map((one) => one.stripeTransferId));
    expect(new Set(ids).size).toBe(10);
  },
  LONG_MS,
);

/**
 * Goal: an operator takes a payment back from the command line, in two parts, and the ledger has what the sandbox counts.
 * Method: the built command, a worker and a namespace of this file's own; the sandbox's own count says what came back.
 */
import type { WhyReport } from '../../src/client/explain';
import type { ReversalReport } from '../../src/client/show-reversal';
import type { VerifyReport } from '../../src/client/verify/verify-report';
import { accountsOf, settlementOf, until, type Bed } from './bed';
import { startWorkerStack, type WorkerStack } from './worker-stack';

const LONG_MS = 300_000;
const WHY = ['--reason', 'the result was wrong'] as const;

let stack: WorkerStack;
let bed: Bed;
let paid: { id: string; amountMinor: number; stripeTransferId: string | null };
let unpaid: string;

beforeAll(async () => {
  stack = await startWorkerStack('reverse');
  ({ bed } = stack);
  const settlement = settlementOf('back', 2);
  await bed.json(
    'accounts',
    'import',
    bed.file('accounts.json', accountsOf(settlement).slice(0, 1)),
  );
  await bed.json('settle', bed.file('back.json', settlement));
  await until('one is paid and one waits', async () => {
    const { counts } = (await bed.look('back')).job;
    return counts.completed === 1 && counts.blocked === 1;
  });
  const { transfers } = await bed.status('back');
  paid = transfers.find(({ status }) => status === 'completed')!;
  unpaid = transfers.find(({ status }) => status === 'blocked')!.id;
}, LONG_MS);

afterAll(() => stack.close(), LONG_MS);

const atStripe = async () => (await bed.oracle()).byPayoutTransferId[paid.id]?.reversedMinor;

test(
  'a part, the rest, and nothing more',
  async () => {
    const part = Math.floor(paid.amountMinor / 3);
    const first = await bed.json<ReversalReport>('reverse', paid.id, '--amount', `${part}`, ...WHY);
    expect(first).toMatchObject({
      status: 'completed',
      amountMinor: part,
      reversedMinor: part,
      paidMinor: paid.amountMinor,
    });
    expect(await atStripe()).toBe(part);

    for (const [again, says] of [
      [['--amount', '1', '--expect-reversed', '0'], 'look again'],
      [['--amount', `${part}`], 'for the same reason'],
    ] as const) {
      const { code, stdout } = await bed.run(['reverse', paid.id, ...again, ...WHY]);
      expect([code, stdout]).toEqual([1, expect.stringContaining(says)]);
      expect(await atStripe()).toBe(part);
    }

    const rest = await bed.run(['reverse', paid.id, '--settlement', 'back', ...WHY]);
    expect([rest.code, rest.stdout]).toEqual([0, expect.stringContaining('in all')]);
    expect(await atStripe()).toBe(paid.amountMinor);
    const { transfers } = await bed.status('back');
    expect(transfers.find(({ id }) => id === paid.id)).toMatchObject({
      status: 'completed',
      amountReversedMinor: paid.amountMinor,
    });

    const more = await bed.run(['reverse', paid.id, ...WHY]);
    expect([more.code, more.stdout]).toEqual([1, expect.stringContaining('come back already')]);
    expect(await atStripe()).toBe(paid.amountMinor);

    const { checks } = await bed.json<VerifyReport>('verify', 'back').catch(async () => {
      const { stdout: text } = await bed.run(['verify', 'back', '--json']);
      return JSON.parse(text) as VerifyReport;
    });
    expect(checks.filter(({ ok }) => !ok)).toEqual([]);
  },
  LONG_MS,
);

test(
  'bad input is refused with a clear answer, and changes nothing',
  async () => {
    const before = await bed.rows('select * from payout_reversals order by id');
    const refused: readonly (readonly [args: readonly string[], code: number, says: string])[] = [
      [[unpaid], 1, 'payouts cancel'],
      [[paid.id, '--stripe-transfer', 'tr_other'], 1, 'not booked as a payment of it'],
      [[paid.id, '--amount', '1.50'], 2, 'minor units'],
      [[paid.id, '--amount', '0'], 2, 'minor units'],
      [[paid.id, '--stripe-transfer', 'nonsense'], 2, 'tr_'],
      [['nonsense'], 2, 'expected an id'],
      [[paid.id, '--settlement', 'nobody'], 1, 'not recorded'],
    ];
    for (const [args, code, says] of refused) {
      const result = await bed.run(['reverse', ...args, ...WHY]);
      expect([args, result.code, `${result.stdout}${result.stderr}`]).toEqual([
        args,
        code,
        expect.stringContaining(says),
      ]);
    }
    expect((await bed.run(['reverse', paid.id])).code).toBe(2);
    expect(await bed.rows('select * from payout_reversals order by id')).toEqual(before);
    expect(await bed.rows('select code, refused_count from refusal_counts')).toEqual(
      expect.arrayContaining([
        { code: 'not_paid', refused_count: '1' },
        { code: 'same_part_has_come_back', refused_count: '1' },
      ]),
    );
  },
  LONG_MS,
);

test(
  'what Stripe made with another amount is settled by a person, and the run says so',
  async () => {
    const settlement = settlementOf('other', 1);
    await bed.json('accounts', 'import', bed.file('other-accounts.json', accountsOf(settlement)));
    await bed.json('settle', bed.file('other.json', settlement));
    await until('it is paid', async () => (await bed.status('other')).job.status === 'complete');
    const [transfer] = (await bed.status('other')).transfers;
    await bed.control('faults', {
      match: { method: 'POST', path: '/v1/transfers/*' },
      fault: { kind: 'altered', amount: 301 },
      times: 1,
    });
    const { id } = await bed.json<ReversalReport>(
      ...['reverse', transfer!.id, '--amount', '300', '--no-wait', ...WHY],
    );
    await until('it is an alarm', async () => {
      const open = `id = '${id}' and failure_reason = 'unknown_other_reversal'`;
      return (await bed.count('payout_reversals', open)) === 1;
    });
    const why = await bed.json<WhyReport>('why', transfer!.id);
    expect(why.operator).toContain(`payouts resolve ${transfer!.id} --reversal trr_…`);
    const path = `/v1/transfers/${transfer!.stripeTransferId!}/reversals`;
    const listed = await fetch(`${stack.stripeApiBase}${path}`, {
      headers: { authorization: 'Bearer sk_test_sandbox' },
    });
    const [made] = ((await listed.json()) as { readonly data: readonly { id: string }[] }).data;
    const wrong = await bed.run(['resolve', transfer!.id, '--reversal', 'trr_none', ...WHY]);
    expect([wrong.code, wrong.stdout]).toEqual([1, expect.stringContaining('no such reversal')]);
    expect(await bed.json('resolve', transfer!.id, '--reversal', made!.id, ...WHY)).toMatchObject({
      status: 'completed',
      reversal: { id, stripeReversalId: made!.id, orderedMinor: 300, cameBackMinor: 301 },
    });
    const run = stack.temporal.workflow.getHandle(`reversal/${id}`);
    await expect(run.result()).resolves.toMatchObject({ stripeReversalId: made!.id });
    expect((await bed.status('other')).transfers[0]).toMatchObject({ amountReversedMinor: 301 });
  },
  LONG_MS,
);

test(
  'without Temporal the order stands, and the sweep carries it out',
  async () => {
    const settlement = settlementOf('later', 1);
    await bed.json('accounts', 'import', bed.file('later-accounts.json', accountsOf(settlement)));
    await bed.json('settle', bed.file('later.json', settlement));
    await until('it is paid', async () => (await bed.look('later')).job.status === 'complete');
    const [transfer] = (await bed.status('later')).transfers;
    const { code, stderr } = await bed.run(['reverse', transfer!.id, ...WHY], {
      TEMPORAL_ADDRESS: '127.0.0.1:1',
    });
    expect([code, stderr]).toEqual([3, expect.stringContaining('stands in the database')]);
    await bed.json('sweep');
    await until('it came back', async () => {
      const { transfers } = await bed.look('later');
      return transfers[0]!.amountReversedMinor === transfer!.amountMinor;
    });
  },
  LONG_MS,
);

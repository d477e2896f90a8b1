/**
 * Goal: above a limit a settlement is paid when a second person has approved exactly what is paid, and not before; below
 * it nothing changes.
 * Method: the built command as two people with tokens of their own, and one worker; the sandbox counts what was paid.
 */
import type { ApprovalResult } from '../../src/client/approval';
import type { PreviewReport } from '../../src/client/show-preview';
import type { VerifyReport } from '../../src/client/verify/verify-report';
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
import { startWorkerStack, type WorkerStack } from './worker-stack';

const LONG_MS = 300_000;
const WHY = ['--reason', 'looked at it'] as const;
const TOKENS = { ann: 'token-of-ann-4711', bob: 'token-of-bob-4712' } as const;

let stack: WorkerStack;
let bed: Bed;

beforeAll(async () => {
  stack = await startWorkerStack('approval', {
    GATEWAY_TOKENS: `ann=${TOKENS.ann},bob=${TOKENS.bob}`,
    PAYOUT_APPROVAL_ABOVE: 'usd=3000,eur=0',
  });
  ({ bed } = stack);
}, LONG_MS);
afterAll(() => stack.close(), LONG_MS);

/** A command of somebody's, and what it printed. */
async function as(who: keyof typeof TOKENS, ...args: readonly string[]) {
  const result = await bed.run([...args, '--json'], { PAYOUT_OPERATOR_TOKEN: TOKENS[who] });
  return { code: result.code, stderr: result.stderr, printed: parsed(result.stdout) };
}

function parsed(text: string): unknown {
  return text === '' ? undefined : JSON.parse(text);
}

const preview = (id: string) => bed.json<PreviewReport>('preview', id);

async function given(id: string, winners: number): Promise<string> {
  const settlement = settlementOf(id, winners);
  await bed.json('accounts', 'import', bed.file(`${id}-accounts.json`, accountsOf(settlement)));
  return bed.file(`${id}.json`, settlement);
}

const approve = (who: keyof typeof TOKENS, id: string, hash: string) =>
  as(who, 'approve', id, '--hash', hash, ...WHY);

async function untilJobIs(id: string, status: string): Promise<void> {
  await until(
    `${id} is ${status}`,
    async () =>
      (await bed.count('payout_jobs', `settlement_id = '${id}' and status = '${status}'`)) === 1,
    LONG_MS,
  );
}

const approvals = () => bed.count('operator_actions', `action = 'approve'`);

async function expectNothingSent(id: string): Promise<void> {
  const status = await bed.status(id);
  expect(timesPaid(status, await bed.oracle())).toEqual([0]);
}

test(
  'a settlement above the limit waits, shows what it will pay, and is paid once a second person has approved that',
  async () => {
    const file = await given('large', 4);
    // 1,000 + 1,001 + 1,002 + 1,003 is above 3,000, so whoever records it has to be known.
    const unknown = await bed.run(['settle', file]);
    expect(unknown).toMatchObject({ code: 2 });
    expect(unknown.stderr).toContain('PAYOUT_OPERATOR_TOKEN');
    const wrong = await bed.run(['settle', file], { PAYOUT_OPERATOR_TOKEN: 'token-of-nobody' });
    expect(wrong).toMatchObject({ code: 2 });
    expect(wrong.stderr).not.toContain('token-of-nobody');
    expect(await bed.count('settlements')).toBe(0);

    expect(await as('ann', 'settle', file)).toMatchObject({ code: 0 });
    await untilJobIs('large', 'awaiting_approval');
    const first = await preview('large');
    expect(first).toMatchObject({
      approval: 'required',
      recordedBy: 'ann',
      totalMinor: 4_006,
      toPayMinor: 4_006,
      counts: { winners: 4, waitingForApproval: 4 },
    });
    expect(first.balance.afterMinor).toBe(first.balance.availableMinor! - 4_006);
    expect(first.winners.map(({ accountId }) => accountId).sort()).toEqual(
      [0, 1, 2, 3].map((index) => accountOf(userOf('large', index))),
    );

    // Somebody is disqualified between the preview and the approval.
    const [gone] = first.winners.filter(({ userId }) => userId === userOf('large', 3));
    expect(await as('ann', 'cancel', gone!.transferId, ...WHY)).toMatchObject({ code: 0 });
    expect(await approve('bob', 'large', first.hash)).toMatchObject({
      code: 1,
      printed: { result: 'refused', code: 'approval_hash_changed' },
    });
    const { hash } = await preview('large');
    expect(await approve('ann', 'large', hash)).toMatchObject({
      code: 1,
      printed: { result: 'refused', code: 'approver_recorded_it' },
    });
    const nobody = await bed.run(['approve', 'large', '--hash', hash, ...WHY]);
    expect(nobody).toMatchObject({ code: 2 });
    expect(nobody.stderr).toContain('PAYOUT_OPERATOR_TOKEN');
    expect(await bed.run(['approve', 'large', '--hash', 'abc', ...WHY])).toMatchObject({ code: 2 });
    for (const [replaced, code] of [
      ['x', 2],
      ['7', 1],
    ] as const) {
      const named = ['--hash', hash, '--replaced', replaced];
      expect(await as('bob', 'approve', 'large', ...named, ...WHY)).toMatchObject({ code });
    }
    expect(await approvals()).toBe(0);
    await expectNothingSent('large');

    const both = await Promise.all([1, 2].map(() => approve('bob', 'large', hash)));
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(both.map(({ printed }) => (printed as ApprovalResult).result).sort()).toEqual([
      'approved',
      'unchanged',
    ]);
    expect(await approvals()).toBe(1);
    const paid = await bed.completed('large');
    expect(paid.job).toMatchObject({
      approval: 'approved',
      approvedBy: 'bob',
      outcome: 'partially_paid',
      counts: { completed: 3, cancelled: 1 },
    });
    expect(falselyPaid(paid, await bed.oracle())).toEqual([]);
    expect(await approve('bob', 'large', hash)).toMatchObject({ printed: { result: 'unchanged' } });

    // Who was cancelled then and is restored now was approved by nobody.
    await as('ann', 'restore', gone!.transferId, ...WHY);
    await untilReason(gone!.transferId, 'platform_approval_missing');
    expect(await approve('bob', 'large', (await preview('large')).hash)).toMatchObject({
      printed: { result: 'approved', transfers: 1 },
    });
    const whole = await bed.completed('large');
    expect(timesPaid(whole, await bed.oracle())).toEqual([1]);
    expect(await bed.json<VerifyReport>('verify', 'large')).toMatchObject({ ok: true });
  },
  2 * LONG_MS,
);

test(
  'a settlement at the limit is paid as ever, by anybody',
  async () => {
    const settlement = settlementOf('small', 3);
    settlement.winners[0]!.amountMinor = 997;
    await bed.json('accounts', 'import', bed.file('small-accounts.json', accountsOf(settlement)));
    await bed.json('settle', bed.file('small.json', settlement));
    const paid = await bed.completed('small');
    expect(paid.job).toMatchObject({ approval: 'not_required', outcome: 'paid' });
    const { hash } = await preview('small');
    expect(await approve('bob', 'small', hash)).toMatchObject({
      code: 1,
      printed: { code: 'approval_not_needed' },
    });
    expect(await bed.run(['preview', 'nobody'])).toMatchObject({ code: 1 });
  },
  LONG_MS,
);

test(
  'an account that was replaced after the approval is paid when somebody else confirms it',
  async () => {
    const file = await given('moved', 4);
    await as('ann', 'settle', file);
    await untilJobIs('moved', 'awaiting_approval');
    await bed.json('pause', 'moved', ...WHY);
    await approve('bob', 'moved', (await preview('moved')).hash);
    const userId = userOf('moved', 0);
    const accounts = bed.file('moved-other.json', [{ userId, stripeAccountId: 'acct_other' }]);
    const replace = ['accounts', 'import', accounts, '--replace', ...WHY];
    expect((await bed.run(replace)).stdout).toContain('PAYOUT_OPERATOR_TOKEN');
    expect(await as('bob', ...replace)).toMatchObject({ printed: { replaced: [userId] } });
    await bed.json('resume', 'moved', ...WHY);
    const [transfer] = (await preview('moved')).winners.filter(
      (winner) => winner.userId === userId,
    );
    const { transferId } = transfer!;
    await untilReason(transferId, 'platform_account_unconfirmed');
    const confirm = ['confirm-account', transferId, '--account', 'acct_other', ...WHY];
    expect(await as('bob', ...confirm)).toMatchObject({
      code: 1,
      printed: { code: 'confirmer_replaced_it' },
    });
    expect(await as('ann', ...confirm)).toMatchObject({ code: 0 });
    const paid = await bed.completed('moved');
    expect(timesPaid(paid, await bed.oracle())).toEqual([1]);
  },
  LONG_MS,
);

test(
  'a hold keeps a small settlement back, and status says until when',
  async () => {
    const settlement = settlementOf('held', 1);
    await bed.json('accounts', 'import', bed.file('held-accounts.json', accountsOf(settlement)));
    await bed.run(['settle', bed.file('held.json', settlement)], { PAYOUT_HOLD_HOURS: '48' });
    await untilJobIs('held', 'awaiting_approval');
    const { heldUntil } = (await bed.status('held')).job;
    expect(Date.parse(heldUntil!) - Date.now()).toBeGreaterThan(47 * 3_600_000);
    const { stdout } = await bed.run(['status', 'held']);
    expect(stdout).toContain(`It is held until ${heldUntil!}`);
    await expectNothingSent('held');
  },
  LONG_MS,
);

async function untilReason(transferId: string, reason: string): Promise<void> {
  await until(
    `${transferId} waits for ${reason}`,
    async () =>
      (await bed.count(
        'payout_transfers',
        `id = '${transferId}' and status = 'blocked' and failure_reason = '${reason}'`,
      )) === 1,
    LONG_MS,
  );
}

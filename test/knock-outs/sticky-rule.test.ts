/**
 * Goal: a lost answer is not overruled by a later answer that did not look at it (M5): in code, and in Postgres's triggers.
 * Method: send 1 pays and its answer is lost, send 2 is refused; the rule on, off in code, and off in Postgres too.
 */
import type * as ClaimRulesModule from '../../src/domain/claim-rules';
import type * as NextStateModule from '../../src/domain/next-state';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { givenPayable, openActivityBed, type ActivityBed } from '../activities/activity-bed';
import { refusalOf } from '../support/builders';
import { GuardSwitch } from './guard-switch';
import { hasDuplicateAlarm, LOST } from './knock-out-bed';

const rule = new GuardSwitch();
const look = new GuardSwitch();

jest.mock('../../src/domain/claim-rules', () => {
  const actual = jest.requireActual<typeof ClaimRulesModule>('../../src/domain/claim-rules');
  return {
    ...actual,
    decideClaim: (facts: ClaimRulesModule.ClaimFacts) =>
      actual.decideClaim(look.isOff ? { ...facts, lookedSinceClosing: true } : facts),
  };
});

jest.mock('../../src/domain/next-state', () => {
  const actual = jest.requireActual<typeof NextStateModule>('../../src/domain/next-state');
  return {
    ...actual,
    nextState: (...[sends, ...others]: Parameters<typeof actual.nextState>) =>
      actual.nextState(
        rule.isOff ? sends.filter(({ resolution }) => resolution !== null) : sends,
        ...others,
      ),
  };
});

let bed: ActivityBed;

beforeAll(async () => {
  bed = await openActivityBed();
});

beforeEach(() => {
  rule.switchOn();
  look.switchOn();
});

afterEach(async () => {
  await setTriggers('enable');
  await bed.calm();
});

afterAll(() => bed.close());

/** What Stripe says without having looked at the earlier send. */
const KEEPS_THE_KEY: readonly (readonly [string, Record<string, unknown>])[] = [
  ['401', { kind: 'status', status: 401 }],
  ['409 key in use', { kind: 'status', status: 409, code: 'idempotency_key_in_use' }],
  ['409', { kind: 'status', status: 409, code: 'lock_conflict' }],
  ['429', { kind: 'status', status: 429, code: 'rate_limit' }],
];
const ENDS_THE_KEY: readonly (readonly [string, Record<string, unknown>])[] = [
  ['403', { kind: 'status', status: 403 }],
  ['a validation error', { kind: 'status', status: 400, code: 'parameter_invalid_integer' }],
];

async function givenLostAnswer(): Promise<PayoutTransfer> {
  const transfer = await givenPayable(bed);
  await bed.fault(LOST);
  expect(await bed.step(transfer)).toMatchObject({ status: 'unknown' });
  expect(await bed.paidTimes(transfer)).toBe(1);
  return transfer;
}

/** Both halves of the rule in SQL: what an unresolved send may become, and that its key may not end. */
async function setTriggers(to: 'enable' | 'disable'): Promise<void> {
  await bed.inTransaction(
    `alter table payout_transfers ${to} trigger payout_transfers_transition`,
    `alter table payout_generations ${to} trigger payout_generations_close`,
  );
}

/** What people do about a refusal: they mend the platform, or say that the winner is to be tried again. */
async function letItBeTriedAgain({ id }: PayoutTransfer): Promise<void> {
  await bed.liftPauses();
  await bed.rows(
    `update payout_transfers set status = 'retryable' where id = $1 and status = 'failed_terminal'`,
    [id],
  );
}

describe.each([...KEEPS_THE_KEY, ...ENDS_THE_KEY])('a lost answer, then %s', (_what, refusal) => {
  test('with the rule: unknown, the same key again, paid once', async () => {
    const transfer = await givenLostAnswer();
    await bed.fault(refusal);
    expect(await bed.step(transfer)).toMatchObject({ status: 'unknown', generation: 1 });
    await bed.liftPauses();
    expect(await bed.step(transfer)).toMatchObject({ status: 'completed', generation: 1 });
    expect(await bed.paidTimes(transfer)).toBe(1);
  });

  test('without the rule in code the triggers refuse to forget the send: paid once', async () => {
    const transfer = await givenLostAnswer();
    rule.switchOff();
    await bed.fault(refusal);
    const claim = await bed.claimToSend(transfer);
    await bed.send(claim);
    expect(await refusalOf(bed.record(claim))).toMatch(
      /^payout_(transfers|generations)_unresolved_send$/,
    );
    expect(await bed.rowOf(transfer)).toMatchObject({ status: 'processing' });
    expect(await bed.generationsOf(transfer)).toMatchObject([{ generation: 1, closedAt: null }]);
    expect(await bed.paidTimes(transfer)).toBe(1);
  });
});

describe('without the rule in code and without the triggers', () => {
  test.each(KEEPS_THE_KEY)(
    'a lost answer, then %s, which ends no key: the Stripe key stands behind it, paid once',
    async (_what, refusal) => {
      const transfer = await givenLostAnswer();
      rule.switchOff();
      await setTriggers('disable');
      await bed.fault(refusal);
      expect(['retryable', 'blocked']).toContain((await bed.step(transfer)).status);
      await letItBeTriedAgain(transfer);
      expect(await bed.step(transfer)).toMatchObject({ status: 'completed', generation: 1 });
      expect(await bed.paidTimes(transfer)).toBe(1);
    },
  );

  test.each(ENDS_THE_KEY)(
    'a lost answer, then %s: the look at Stripe between two keys stands behind it, paid once',
    async (_what, refusal) => {
      const transfer = await givenLostAnswer();
      rule.switchOff();
      await setTriggers('disable');
      await bed.fault(refusal);
      expect(['blocked', 'failed_terminal']).toContain((await bed.step(transfer)).status);
      await letItBeTriedAgain(transfer);
      expect(await bed.claim(transfer)).toMatchObject({
        next: 'rest',
        view: { status: 'completed', generation: 1 },
      });
      expect(await bed.paidTimes(transfer)).toBe(1);
    },
  );

  test.each(ENDS_THE_KEY)(
    'a lost answer, then %s, and a new generation without a look: PAID TWICE, and the settlement stops',
    async (_what, refusal) => {
      const transfer = await givenLostAnswer();
      rule.switchOff();
      look.switchOff();
      await setTriggers('disable');
      await bed.fault(refusal);
      expect(['blocked', 'failed_terminal']).toContain((await bed.step(transfer)).status);
      await letItBeTriedAgain(transfer);
      expect(await bed.step(transfer)).toMatchObject({ status: 'completed', generation: 2 });
      expect(await bed.paidTimes(transfer)).toBe(2);
      expect(await hasDuplicateAlarm(bed, transfer)).toBe(true);
    },
  );
});

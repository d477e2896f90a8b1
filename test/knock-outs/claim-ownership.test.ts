/**
 * Goal: a claim belongs to the run that made it; without that, what keeps two runs of one transfer from paying twice.
 * Method: `run-1` holds a claim and `run-2` asks; the claim believes that it is its own, or takes it over.
 */
import type * as ClaimFactsModule from '../../src/activities/claim-facts';
import type * as ClaimRules from '../../src/domain/claim-rules';
import { sendTransfer } from '../../src/stripe/transfers';
import { givenPayable } from '../activities/activity-bed';
import { bedOfFile } from '../activities/bed-of-file';
import { GuardSwitch } from './guard-switch';
import { postsDuring } from '../activities/made-at-stripe';

const ownRunOnly = new GuardSwitch();
const noTakingOver = new GuardSwitch();

jest.mock('../../src/activities/claim-facts', () => {
  const actual = jest.requireActual<typeof ClaimFactsModule>('../../src/activities/claim-facts');
  return {
    ...actual,
    readClaimFacts: async (...asked: Parameters<typeof actual.readClaimFacts>) => {
      const reading = await actual.readClaimFacts(...asked);
      const isClaimOfThisRun = reading.facts.status === 'processing';
      return ownRunOnly.isOff
        ? { ...reading, facts: { ...reading.facts, isClaimOfThisRun } }
        : reading;
    },
  };
});

jest.mock('../../src/domain/claim-rules', () => {
  const actual = jest.requireActual<typeof ClaimRules>('../../src/domain/claim-rules');
  return {
    ...actual,
    decideClaim: (facts: ClaimRules.ClaimFacts): ClaimRules.ClaimDecision => {
      const isForeign = facts.status === 'processing' && !facts.isClaimOfThisRun;
      return noTakingOver.isOff && isForeign ? { do: 'send_open' } : actual.decideClaim(facts);
    },
  };
});

const bed = bedOfFile();

beforeEach(() => {
  ownRunOnly.switchOn();
  noTakingOver.switchOn();
});

test('with the guard a second run finds out first, and then asks with the same key: paid once', async () => {
  const transfer = await givenPayable(bed);
  await bed.post(await bed.claimToSend(transfer, 'run-1'));
  const posts = await postsDuring(bed, async () => {
    expect(await bed.claim(transfer, 'run-2')).toMatchObject({ next: 'reconcile' });
    expect(await bed.reconcile(transfer, 'run-2')).toMatchObject({ status: 'completed' });
  });
  expect(posts).toBe(0);
  expect(await bed.paidTimes(transfer)).toBe(1);
});

test('a second run that is given the claim of the first: the gate before the POST asks for the run, paid once', async () => {
  const transfer = await givenPayable(bed);
  await bed.post(await bed.claimToSend(transfer, 'run-1'));
  ownRunOnly.switchOff();
  const posts = await postsDuring(bed, async () => {
    const claim = await bed.claimToSend(transfer, 'run-2');
    expect(await bed.send(claim)).toMatchObject({ type: 'SendRefused' });
    expect(await bed.record(claim)).toMatchObject({ status: 'unknown' });
  });
  expect(posts).toBe(0);
  expect(await bed.step(transfer, 'run-2')).toMatchObject({ status: 'completed', generation: 1 });
  expect(await bed.paidTimes(transfer)).toBe(1);
});

test('a second run that takes the claim over before the first sends: the gate before the POST asks for the number, paid once', async () => {
  const transfer = await givenPayable(bed);
  const first = await bed.claimToSend(transfer, 'run-1');
  noTakingOver.switchOff();
  const second = await bed.claimToSend(transfer, 'run-2');
  expect(second.claimNumber).toBe(first.claimNumber + 1);
  expect(await postsDuring(bed, () => bed.send(first))).toBe(0);
  expect(await bed.send(second)).toMatchObject({ stripeTransferId: expect.any(String) });
  expect(await bed.paidTimes(transfer)).toBe(1);
});

test('a second run that takes the claim over while the first is sending: the Stripe key stands behind it, paid once', async () => {
  const transfer = await givenPayable(bed);
  const begun = await bed.begin(await bed.claimToSend(transfer, 'run-1'));
  noTakingOver.switchOff();
  const second = await bed.claimToSend(transfer, 'run-2');
  const posts = await postsDuring(bed, async () => {
    await bed.send(second);
    expect(await sendTransfer(bed.dependencies.stripe, begun)).toMatchObject({ replayed: true });
  });
  expect(posts).toBe(2);
  expect(await bed.paidTimes(transfer)).toBe(1);
});

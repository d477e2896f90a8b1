/**
 * Goal: a job begins when the money is there, and no rule of the queue lets two jobs wait for each other.
 * Method: the pure rules, row by row, and queues drawn at random that are paid out step by step.
 */
import fc from 'fast-check';

import {
  decideFunds,
  fundsWaitMs,
  isBeforeSending,
  mayBeSentSoon,
  missingFundsText,
  owedSoon,
  type OwedSum,
} from '../../src/domain/funds';
import { JOB_STATUSES, JOB_TRANSITIONS, type JobStatus } from '../../src/domain/job-state';
import { TRANSFER_STATUSES } from '../../src/domain/transfer-state';

const sum = (wish: Partial<OwedSum>): OwedSum => ({
  isOfThisJob: false,
  jobStatus: 'processing',
  isBefore: false,
  status: 'pending',
  failureClass: null,
  sumMinor: 100,
  ...wish,
});
const own = (wish: Partial<OwedSum> = {}) =>
  sum({ isOfThisJob: true, jobStatus: 'pending', ...wish });

describe('what is owed', () => {
  test('counts who may be sent soon, and nobody who waits for the payee or is at an end', () => {
    const soon = TRANSFER_STATUSES.filter((status) => mayBeSentSoon(status, null));
    expect([...soon].sort()).toEqual(['pending', 'processing', 'retryable', 'unknown']);
    expect(mayBeSentSoon('blocked', 'platform')).toBe(true);
    expect(mayBeSentSoon('blocked', 'payee')).toBe(false);
  });

  test('5,000 of 6,000 who are not ready do not count', () => {
    const waiting = own({ status: 'blocked', failureClass: 'payee', sumMinor: 5_000 });
    expect(owedSoon([own({ sumMinor: 1_000 }), waiting])).toEqual({
      byThisJob: 1_000,
      inAll: 1_000,
    });
  });

  test.each<[string, Partial<OwedSum>, boolean]>([
    ['processing, whenever it was made', { jobStatus: 'processing' }, true],
    ['waiting for money, before this one', { jobStatus: 'awaiting_funds', isBefore: true }, true],
    ['not begun, before this one', { jobStatus: 'pending', isBefore: true }, true],
    ['waiting for money, after this one', { jobStatus: 'awaiting_funds' }, false],
    ['not begun, after this one', { jobStatus: 'pending' }, false],
    ['waiting for an approval', { jobStatus: 'awaiting_approval', isBefore: true }, false],
  ])('of another job: %s', (_what, wish, counts) => {
    expect(owedSoon([own(), sum({ ...wish, sumMinor: 7 })])).toEqual({
      byThisJob: 100,
      inAll: counts ? 107 : 100,
    });
  });

  test('is a safe number, however much it is', () => {
    const huge = own({ sumMinor: Number.MAX_SAFE_INTEGER });
    expect(owedSoon([huge, huge]).inAll).toBe(Number.MAX_SAFE_INTEGER);
  });
});

describe('the decision', () => {
  const owed = { byThisJob: 100, inAll: 150 };

  test.each<[string, ReadonlyMap<string, number> | undefined, object]>([
    ['enough', new Map([['usd', 150]]), { do: 'begin', because: 'enough' }],
    ['one short', new Map([['usd', 149]]), { do: 'wait', neededMinor: 150, availableMinor: 149 }],
    ['in debt', new Map([['usd', -5]]), { do: 'wait', neededMinor: 150, availableMinor: -5 }],
    ['another', new Map([['eur', 900]]), { do: 'wait', neededMinor: 150, availableMinor: 0 }],
    ['no entries', new Map<string, number>(), { do: 'begin', because: 'unreadable' }],
    ['unreadable', undefined, { do: 'begin', because: 'unreadable' }],
  ])('%s', (_what, available, decision) => {
    expect(decideFunds(owed, 'usd', available)).toEqual(decision);
  });

  test('a job that has begun never waits again', () => {
    for (const status of JOB_STATUSES.filter((state) => !isBeforeSending(state))) {
      expect(JOB_TRANSITIONS[status]).not.toContain('awaiting_funds');
    }
  });

  test('the question is asked after 1, 2, 4 … 60 minutes', () => {
    const minutes = [0, 1, 2, 3, 4, 5, 6, 7, 8, 99].map((count) => fundsWaitMs(count) / 60_000);
    expect(minutes).toEqual([1, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
  });

  test('the sentence has both amounts', () => {
    const text = missingFundsText({ neededMinor: 1_050, availableMinor: -200 }, 'usd');
    expect(text).toContain('10.50 USD is needed');
    expect(text).toContain('-2.00 USD available');
  });
});

/** Jobs in the order of the queue, all of one currency. */
interface Model {
  readonly jobs: { status: JobStatus; open: number }[];
  available: number;
}

function mayBegin({ available, jobs }: Model, index: number): boolean {
  const sums = jobs.map(({ open, status }, other) =>
    sum({
      isOfThisJob: other === index,
      jobStatus: status,
      isBefore: other < index,
      sumMinor: open,
    }),
  );
  return decideFunds(owedSoon(sums), 'usd', new Map([['usd', available]])).do === 'begin';
}

test('in any queue with money for all of it, everybody is paid and nobody is ever refused', () => {
  const queue = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(queue, fc.nat(300), fc.infiniteStream(fc.nat(1_000)), (debts, start, draws) => {
      const model: Model = {
        jobs: debts.map((open) => ({ status: 'pending', open })),
        available: start,
      };
      const draw = (below: number) => Number(draws.next().value) % below;
      let toppedUp = 0;
      for (let step = 0; model.jobs.some(({ open }) => open > 0); step += 1) {
        expect(step).toBeLessThan(3_000);
        const index = draw(model.jobs.length);
        const job = model.jobs[index]!;
        if (job.status === 'processing') {
          const paid = Math.min(job.open, 1 + draw(10));
          // Whoever sends has the money: Stripe never refuses.
          expect(model.available).toBeGreaterThanOrEqual(paid);
          job.open -= paid;
          model.available -= paid;
        } else if (mayBegin(model, index)) {
          job.status = 'processing';
        } else {
          job.status = 'awaiting_funds';
          const missing = model.jobs.reduce((all, { open }) => all + open, 0) - model.available;
          if (step > 50 && toppedUp === 0 && missing > 0) {
            toppedUp = missing;
            model.available += missing;
          }
        }
      }
    }),
    { numRuns: 100 },
  );
});

test('of two jobs that wait, exactly one counts the other', () => {
  const waiting = fc.constantFrom<JobStatus>('pending', 'awaiting_funds');
  fc.assert(
    fc.property(waiting, waiting, fc.integer({ min: 1 }), (first, second, amount) => {
      const ofOther = (jobStatus: JobStatus, isBefore: boolean) =>
        owedSoon([own(), sum({ jobStatus, isBefore, sumMinor: amount })]).inAll - 100;
      expect(ofOther(first, true)).toBe(amount);
      expect(ofOther(second, false)).toBe(0);
    }),
  );
});

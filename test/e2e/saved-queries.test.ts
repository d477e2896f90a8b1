/**
 * Goal: whoever copies a query from README.md or docs/RUNBOOK.md finds exactly those whom its question is about.
 * Method: a mix of everything that can become of a winner and a job, half of it begun before a moment that stands for
 * midnight; every query of both documents is put to the list of the real server.
 */
import type { Client } from '@temporalio/client';

import { DAY_MS } from '../../src/domain/durations';
import {
  DOCUMENTS_WITH_QUERIES,
  queriesOf,
  SUBJECT_IN_DOCUMENTS,
} from '../support/saved-query-tables';
import { accountOf, until, type Bed } from './bed';
import { startWorkerStack, type WorkerStack } from './worker-stack';

const LONG_MS = 300_000;
const TOKEN = 'token-of-whoever-records-these';
const WHY = ['--reason', 'a mix of everything'] as const;
const { contestId: MY_CONTEST, settlementId: MINE } = SUBJECT_IN_DOCUMENTS;

/** Whom each question is about: winners as `settlement/winner`, jobs by their settlement. */
const ANSWERS: Readonly<Record<string, readonly string[]>> = {
  'who of a contest is not paid?': [
    ...[`${MINE}/no-account`, `${MINE}/closed`, `${MINE}/unknown`, `${MINE}/unwanted`],
    'mine-too/no-account',
  ],
  'who of a settlement is not paid?': [
    ...[`${MINE}/no-account`, `${MINE}/closed`, `${MINE}/unknown`, `${MINE}/unwanted`],
  ],
  'who waits for a ready account?': [`${MINE}/no-account`, 'mine-too/no-account'],
  'who waits for us (money, key, pause, approval)?': ['paused/stopped'],
  'whose outcome is unknown?': [`${MINE}/unknown`, `${MINE}/unwanted`],
  'who needs a person?': [`${MINE}/closed`, 'later/closed'],
  'who failed today?': ['later/closed'],
  'who is stuck longer than a day?': [
    ...[`${MINE}/no-account`, `${MINE}/unknown`, `${MINE}/unwanted`],
  ],
  'who of a contest is cancelled, or waits for it?': [`${MINE}/cancelled`, `${MINE}/unwanted`],
  'which jobs wait for approval?': ['grand'],
  'which jobs wait for money?': ['poor'],
  'which jobs are under way?': [MINE, 'mine-too', 'paused', 'poor', 'grand'],
  'which jobs have failed winners?': [MINE, 'later'],
  'what did somebody terminate?': [`${MINE}/terminated`],
};

const QUESTIONS = DOCUMENTS_WITH_QUERIES.flatMap((document) =>
  [...queriesOf(document)].map(([question, query]) => ({ document, question, query })),
);

let stack: WorkerStack;
let bed: Bed;
let temporal: Client;
let midnight: string;

beforeAll(async () => {
  stack = await startWorkerStack('queries', {
    PAYOUT_APPROVAL_ABOVE: 'usd=100000,eur=100000',
    // Whoever records a settlement above the limit has to be known.
    GATEWAY_TOKENS: `recorder=${TOKEN}`,
    PAYOUT_OPERATOR_TOKEN: TOKEN,
  });
  ({ bed, temporal } = stack);
  await beginYesterday();
  midnight = new Date().toISOString();
  await beginToday();
}, LONG_MS);

afterAll(() => stack.close(), LONG_MS);

async function beginYesterday(): Promise<void> {
  for (const winner of ['unknown', 'unwanted']) {
    await bed.control('faults', {
      match: {
        method: 'POST',
        path: '/v1/transfers',
        destination: accountOf(`${MINE}-${winner}`),
      },
      // Stripe keeps its 500 for the key, so that no later send learns more.
      fault: { kind: 'commit_later', afterMs: DAY_MS },
      times: 1,
    });
  }
  await bed.control('accounts', { id: accountOf(`${MINE}-closed`), state: 'closed' });
  const winners = [
    'paid',
    'no-account',
    'closed',
    'unknown',
    'unwanted',
    'cancelled',
    'terminated',
  ];
  await settle(MINE, MY_CONTEST, winners, {
    withoutAccount: ['no-account', 'cancelled', 'terminated'],
  });
  await untilWinners(MINE, { completed: 1, blocked: 3, failed_terminal: 1, unknown: 2 });
  await bed.json('cancel', await transferOf(MINE, 'cancelled'), ...WHY);
  await bed.json('cancel', await transferOf(MINE, 'unwanted'), ...WHY);
  const lost = `transfer/${await transferOf(MINE, 'terminated')}`;
  // Who is not ready is marked so before his run is started.
  await untilListed('the run to be lost is there', `WorkflowId="${lost}"`);
  await temporal.workflow.getHandle(lost).terminate();
  await untilListed('somebody waits to be cancelled', `PayoutState="cancel_requested"`);
}

async function beginToday(): Promise<void> {
  await bed.control('accounts', { id: accountOf('later-closed'), state: 'closed' });
  await bed.control('balance', { currency: 'eur', available: 0 });
  await bed.control('faults', {
    match: { method: 'POST', path: '/v1/transfers', destination: accountOf('paused-stopped') },
    fault: { kind: 'status', status: 400, code: 'balance_insufficient' },
    times: 1_000,
  });
  await settle('mine-too', MY_CONTEST, ['paid', 'no-account'], {
    withoutAccount: ['no-account'],
  });
  await settle('later', 'another-contest', ['paid', 'closed']);
  await settle('poor', 'another-contest', ['first'], { currency: 'eur' });
  const many = Array.from({ length: 21 }, (_, index) => `winner-${index.toString()}`);
  await settle('grand', 'another-contest', many);
  await settle('all-paid', 'another-contest', ['first', 'second']);
  await untilWinners('later', { completed: 1, failed_terminal: 1 });
  await untilWinners('all-paid', { completed: 2 });
  await settle('paused', 'another-contest', ['stopped']);
  await untilWinners('paused', { blocked: 1 });
  await untilListed('one waits for approval', `PayoutState="awaiting_approval"`);
  await untilListed('one waits for money', `PayoutState="awaiting_funds"`);
}

interface Unusual {
  readonly withoutAccount?: readonly string[];
  readonly currency?: string;
}

async function settle(
  settlementId: string,
  contestId: string,
  winners: readonly string[],
  { currency = 'usd', withoutAccount = [] }: Unusual = {},
): Promise<void> {
  const accounts = winners
    .filter((winner) => !withoutAccount.includes(winner))
    .map((winner) => `${settlementId}-${winner}`)
    .map((userId) => ({ userId, stripeAccountId: accountOf(userId) }));
  await bed.json('accounts', 'import', bed.file(`${settlementId}-accounts.json`, accounts));
  const settlement = {
    settlementId,
    contestId,
    currency,
    winners: winners.map((winner) => ({ userId: `${settlementId}-${winner}`, amountMinor: 5_000 })),
  };
  await bed.json('settle', bed.file(`${settlementId}.json`, settlement));
}

const untilWinners = (settlementId: string, counts: Readonly<Record<string, number>>) =>
  until(
    `the winners of ${settlementId} are where they have to be`,
    async () => {
      const rows = await bed.rows<{ status: string; n: number }>(
        `select status, count(*)::int as n from payout_transfers where settlement_id = $1 group by 1`,
        [settlementId],
      );
      const found = Object.fromEntries(rows.map(({ status, n }) => [status, n]));
      return Object.entries(counts).every(([status, n]) => found[status] === n);
    },
    LONG_MS,
  );

const untilListed = (what: string, query: string) =>
  until(what, async () => (await temporal.workflow.count(query)).count === 1, LONG_MS);

async function transferOf(settlementId: string, winner: string): Promise<string> {
  const [row] = await bed.rows<{ id: string }>(
    `select id from payout_transfers where user_id = $1`,
    [`${settlementId}-${winner}`],
  );
  return row!.id;
}

/** Workflow ids as the answers are written. */
async function namesOf(workflowIds: readonly string[]): Promise<string[]> {
  const rows = await bed.rows<{ id: string; name: string }>(
    `select 'transfer/' || id as id, settlement_id || '/' || substr(user_id, length(settlement_id) + 2) as name
       from payout_transfers
     union all select 'payout-job/' || settlement_id, settlement_id from payout_jobs`,
  );
  return workflowIds.map((id) => rows.find((row) => row.id === id)?.name ?? id);
}

async function listed(query: string): Promise<string[]> {
  const ids: string[] = [];
  for await (const { workflowId } of temporal.workflow.list({ query })) {
    ids.push(workflowId);
  }
  return (await namesOf(ids)).sort();
}

test('every answer that is expected here is asked for', () => {
  expect(Object.keys(ANSWERS).sort()).toEqual(
    [...new Set(QUESTIONS.map(({ question }) => question))].sort(),
  );
});

test.each(QUESTIONS)(
  '$document: $question',
  async ({ question, query }) => {
    const { midnight: day, aDayAgo } = SUBJECT_IN_DOCUMENTS;
    const typed = query.replace(day, midnight).replace(aDayAgo, midnight);
    const answer = [...(ANSWERS[question] ?? [])].sort();
    // The list lags behind by a moment.
    const found = await until(
      'the list has settled',
      async () => {
        const names = await listed(typed);
        return names.join() === answer.join() ? names : undefined;
      },
      30_000,
    ).catch(() => listed(typed));
    expect(found).toEqual(answer);
  },
  LONG_MS,
);

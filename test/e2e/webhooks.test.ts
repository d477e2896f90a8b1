/**
 * Goal: webhooks make open runs go on at once: a lost answer is learnt, a winner who has become ready is paid; and what
 * came back is shown, and no break of the books.
 * Method: the built command, a worker and a namespace of this file's own; the whole gateway in this process, behind a
 * port that can be cut. What would resolve each case without a webhook is shut off or far away.
 */
import { randomBytes } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { pino } from 'pino';
import Stripe from 'stripe';

import type { VerifyReport } from '../../src/client/verify/verify-report';
import type { TransferStatusRow } from '../../src/client/read-status';
import { startGateway, type RunningGateway } from '../../src/gateway/run-gateway';
import { createStripeClient } from '../../src/stripe/client';
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy';
import type { HistoryEvent } from '../workflows/harness';
import { accountOf, accountsOf, API_KEY, type Bed, settlementOf, until, userOf } from './bed';
import { startWorkerStack, type WorkerStack } from './worker-stack';

const LONG_MS = 300_000;
const SECRET = 'whsec_ofTheSandbox';

let stack: WorkerStack;
let bed: Bed;
let temporal: Client;
let gateway: RunningGateway;
/** In front of the gateway; while it is cut, deliveries are not taken. */
let door: TcpProxy;

beforeAll(async () => {
  stack = await startWorkerStack('webhooks');
  ({ bed, temporal } = stack);
  gateway = await startGateway(
    {
      ...bed.env,
      STRIPE_WEBHOOK_SECRET: SECRET,
      GATEWAY_TOKENS: 'nobody=calls-with-this-token',
      GATEWAY_PORT: '0',
    },
    { log: pino({ level: 'silent' }) },
  );
  door = await openTcpProxy(new URL(gateway.url).host);
  await deliverTo(`http://${door.address}`);
}, LONG_MS);

/** Points both of the sandbox's endpoints there. */
async function deliverTo(gatewayUrl: string): Promise<void> {
  const url = `${gatewayUrl}/v1/webhooks/stripe`;
  await bed.control('webhooks', { url, secret: SECRET });
  await bed.control('webhooks', { url, secret: SECRET, connect: true });
}

afterAll(async () => {
  await door.close();
  await gateway.close();
  await stack.close();
}, LONG_MS);

async function settle(id: string): Promise<void> {
  const settlement = settlementOf(id, 1);
  await bed.json('accounts', 'import', bed.file(`${id}-accounts.json`, accountsOf(settlement)));
  await bed.json('settle', bed.file(`${id}.json`, settlement));
}

async function onlyTransfer(id: string): Promise<TransferStatusRow> {
  return (await bed.status(id)).transfers[0]!;
}

const hasStatus = (id: string, status: string) =>
  until(
    `${id} is ${status}`,
    async () =>
      (await bed.count('payout_transfers', `settlement_id = '${id}' and status = '${status}'`)) ===
      1,
    LONG_MS,
  );

test(
  'an unknown outcome that no other send can resolve: the delivery resolves it, and its run completes',
  async () => {
    door.cut();
    const match = { method: 'POST', path: '/v1/transfers', transferGroup: 'settlement:lost' };
    await bed.control('faults', [
      { match, fault: { kind: 'drop_after' } },
      { match, fault: { kind: 'status', status: 503 }, times: 1_000 },
    ]);
    await settle('lost');
    await hasStatus('lost', 'unknown');
    door.restore();
    await bed.control('webhooks/deliver', {});
    const { job } = await bed.completed('lost');
    expect(job.outcome).toBe('paid');
    const { id, stripeTransferId } = await onlyTransfer('lost');
    expect(await temporal.workflow.getHandle(`transfer/${id}`).result()).toEqual({
      transferId: id,
      stripeTransferId,
    });
    expect((await bed.oracle()).byPayoutTransferId[id]?.count).toBe(1);
  },
  LONG_MS,
);

/** What Stripe sends when the account of a winner becomes ready: one event of each kind, the one alone. */
const BECAME_READY = {
  'account.updated': (account: string) => ({ id: account, object: 'account' }),
  'capability.updated': (account: string) => ({ id: 'transfers', object: 'capability', account }),
} as const;

async function tell(type: keyof typeof BECAME_READY, account: string): Promise<void> {
  const created = Math.floor(Date.now() / 1_000);
  const object = BECAME_READY[type](account);
  const id = `evt_${randomBytes(8).toString('hex')}`;
  const event = { id, object: 'event', type, account, created, livemode: false, data: { object } };
  const payload = JSON.stringify(event);
  const header = Stripe.webhooks.generateTestHeaderString({ payload, secret: SECRET });
  const response = await fetch(`${gateway.url}/v1/webhooks/stripe`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'stripe-signature': header },
    body: payload,
  });
  expect(response.status).toBe(200);
}

const historyOf = async (workflowId: string): Promise<HistoryEvent[]> =>
  (await temporal.workflow.getHandle(workflowId).fetchHistory()).events ?? [];

/** When an event of a history happened, in seconds. */
const atS = ({ eventTime }: HistoryEvent) =>
  Number(eventTime?.seconds) + (eventTime?.nanos ?? 0) / 1e9;

/** Waits end by a wake-up in a second or by a timer in an hour: which of them it was is in the history. */
async function timersBetween(workflowId: string, from: number, to: number): Promise<number> {
  const events = await historyOf(workflowId);
  return events.filter(
    (event) => event.timerFiredEventAttributes && atS(event) >= from && atS(event) <= to,
  ).length;
}

const HOURS_OLD_LIST = `update payout_jobs set stripe_list_read_at = stripe_list_read_at - interval '13 hours'`;

test.each([
  ['account.updated', 'fresh', 'select 1'],
  ['capability.updated', 'fresh', 'select 1'],
  // The job has to read Stripe's list again before a first send.
  ['account.updated', 'old', HOURS_OLD_LIST],
  ['capability.updated', 'old', HOURS_OLD_LIST],
] as const)(
  '%s frees a winner who waits, the reading of the list being %s: no timer stands between them and the payment',
  async (type, list, agingList) => {
    const id = `ready-${type.split('.')[0]!}-${list}`;
    const account = accountOf(userOf(id, 0));
    await bed.control('accounts', { id: account, state: 'inactive' });
    await settle(id);
    await hasStatus(id, 'blocked');
    // Nobody asks within this test but for the event.
    await bed.rows(
      `update user_stripe_accounts set next_ask_at = payout_now() + interval '1 hour'`,
    );
    await bed.rows(agingList);
    const transfer = await onlyTransfer(id);
    const workflowId = `transfer/${transfer.id}`;
    await until('its run waits', async () => (await historyOf(workflowId)).some(isTimerStarted));
    door.cut();
    await bed.control('accounts', { id: account, state: 'active' });
    await tell(type, account);
    expect((await bed.completed(id)).job.outcome).toBe('paid');
    door.restore();

    const events = await historyOf(workflowId);
    const woken = events.findLast(
      ({ workflowExecutionSignaledEventAttributes: signal }) => signal?.signalName === 'payeeReady',
    );
    // The one before was refused: the account could not receive.
    const sent = events.findLast(
      ({ activityTaskScheduledEventAttributes: activity }) =>
        activity?.activityType?.name === 'createStripeTransfer',
    );
    expect(Number(sent?.eventId)).toBeGreaterThan(Number(woken?.eventId));
    const [from, to] = [atS(woken!), atS(events.at(-1)!)];
    expect(await timersBetween(workflowId, from, to)).toBe(0);
    expect(await timersBetween(`payout-job/${id}`, from, to)).toBe(0);
    await sayHowLong(id, type, list);
  },
  LONG_MS,
);

const isTimerStarted = (event: HistoryEvent) => Boolean(event.timerStartedEventAttributes);

/** By Postgres's clock, for whoever reads the log; a busy machine is no failure. */
async function sayHowLong(id: string, type: string, list: string): Promise<void> {
  const [row] = await bed.rows<{ ms: number }>(
    `select round(extract(epoch from completed_at - received_at) * 1000)::int as ms
     from payout_transfers, stripe_events
     where settlement_id = $1 and account_id = $2 order by received_at desc limit 1`,
    [id, accountOf(userOf(id, 0))],
  );
  process.stderr.write(`${type}, ${list} list: received to paid in ${row?.ms} ms\n`);
}

test(
  'what came back is booked: status tells it, verify finds nothing broken, the transfer stays paid',
  async () => {
    await settle('back');
    await bed.completed('back');
    const { stripeTransferId } = await onlyTransfer('back');
    const stripe = createStripeClient({ apiKey: API_KEY, apiBase: bed.addresses.stripeApiBase });
    await stripe.transfers.createReversal(stripeTransferId!, { amount: 250 });
    await until('the reversal is booked', async () => {
      return (await bed.count('ledger_transactions', `kind = 'reversal'`)) === 1;
    });
    expect(await onlyTransfer('back')).toMatchObject({
      status: 'completed',
      amountReversedMinor: 250,
    });
    const { stdout } = await bed.run(['status', 'back']);
    expect(stdout).toMatch(/came back/);
    expect(stdout).toMatch(/2\.50/);
    const report = await bed.json<VerifyReport>('verify', 'back');
    expect(report.ok).toBe(true);
    expect(report.totals['usd']).toMatchObject({ reversedMinor: 250 });
  },
  LONG_MS,
);

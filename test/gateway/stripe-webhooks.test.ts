/**
 * Goal: from Stripe's delivery to the row in the books: whatever order, number and time the deliveries come in, and
 * whoever dies in between, each change is learnt once.
 * Method: the sandbox signs and delivers over sockets with the faults of deliveries; the route keeps in a real Postgres
 * and the gateway's own processing works on it. Who is woken is written down.
 */
import type { FastifyInstance } from 'fastify';

import { startEventProcessing, type EventProcessing } from '../../src/gateway/event-queue';
import { stripeWebhookRoute } from '../../src/gateway/stripe-webhook-route';
import { WebhookCounts } from '../../src/gateway/webhook-counts';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { givenPayable, openActivityBed, type ActivityBed } from '../activities/activity-bed';
import { recordingClient, type RecordingClient } from '../activities/recording-client';
import { until } from '../local/stripe-sandbox/support';
import { givenTransfer, newAccountId } from '../support/builders';
import { brokenInvariants } from '../support/invariants';
import { bareServer } from './bare-server';

const SECRET = 'whsec_ofTheSandbox';

let bed: ActivityBed;
let server: FastifyInstance;
let counts: WebhookCounts;
let temporal: RecordingClient;
let processing: EventProcessing | undefined;
/** Answers with 500 instead of taking a delivery, so many times. */
let refuseNext = 0;

beforeAll(async () => {
  bed = await openActivityBed();
  server = bareServer();
  counts = new WebhookCounts();
  server.addHook('onRequest', async (_request, reply) => {
    if (refuseNext > 0) {
      refuseNext -= 1;
      await reply.code(500).send();
    }
  });
  await server.register(stripeWebhookRoute, {
    database: bed.database,
    secrets: [SECRET],
    livemode: false,
    counts,
    onStored: (eventId) => processing?.notice(eventId),
  });
  const url = `${await server.listen({ host: '127.0.0.1', port: 0 })}/v1/webhooks/stripe`;
  await bed.sandbox.control('webhooks', { url, secret: SECRET });
  await bed.sandbox.control('webhooks', { url, secret: SECRET, connect: true });
});

beforeEach(() => {
  temporal = recordingClient();
});

afterEach(async () => {
  await processing?.close();
  processing = undefined;
  expect(await brokenInvariants(bed)).toEqual([]);
  await bed.calm();
});

afterAll(async () => {
  await server.close();
  await bed.close();
});

function startProcessing(): void {
  processing = startEventProcessing({
    counts,
    dependencies: { ...bed.dependencies, client: temporal.client },
    log: { info: () => undefined, warn: () => undefined },
  });
}

const webhookFault = (kind: string, type = 'transfer.created') =>
  bed.sandbox.control('webhooks/faults', { match: { type }, fault: { kind } });

async function eventsOf(objectId: string) {
  return bed.rows<{ event_id: string; status: string; result: string; delivery_count: number }>(
    `select event_id, status, result, delivery_count from stripe_events where object_id = $1
     order by received_at`,
    [objectId],
  );
}

/** Every event that was ever told about this object has ended, and there are so many. */
const allEnded = (objectId: string, count: number) =>
  until(async () => {
    const events = await eventsOf(objectId);
    return events.length >= count && events.every(({ status }) => status !== 'received');
  });

/** A send whose answer was lost; the run would look again only much later. */
async function givenUnknown(): Promise<{ transfer: PayoutTransfer; stripeTransferId: string }> {
  const transfer = await givenPayable(bed);
  await bed.fault({ kind: 'drop_after' });
  await bed.step(transfer);
  const stripeTransferId = (await bed.sandbox.oracle()).byPayoutTransferId[transfer.id]!.ids[0]!;
  return { transfer, stripeTransferId };
}

test('a lost answer: the delivery alone resolves it, and its run is told', async () => {
  startProcessing();
  const { stripeTransferId, transfer } = await givenUnknown();
  await until(async () => (await bed.rowOf(transfer)).status === 'completed');
  await allEnded(stripeTransferId, 1);
  expect(await bed.rowOf(transfer)).toMatchObject({ stripeTransferId });
  expect(temporal.sent).toContain(`changed transfer/${transfer.id}`);
  expect(await bed.paidTimes(transfer)).toBe(1);
});

test('told before the API answers: paid once, booked once', async () => {
  startProcessing();
  await webhookFault('before_answer');
  const transfer = await bed.step(await givenPayable(bed));
  expect(transfer.status).toBe('completed');
  await allEnded(transfer.stripeTransferId!, 1);
  expect(await bed.recordsOf(transfer)).toEqual(['payout ledger:payout:<id>:1']);
});

test.each([
  ['duplicate', 1, 2],
  ['twin', 2, 1],
])('%s: as many rows as events, one booking', async (kind, events, deliveries) => {
  startProcessing();
  await webhookFault(kind);
  const { stripeTransferId, transfer } = await givenUnknown();
  await until(async () => {
    const told = await eventsOf(stripeTransferId);
    return (
      told.length === events &&
      told.every(
        ({ delivery_count: count, status }) => count === deliveries && status === 'processed',
      )
    );
  });
  expect(await bed.recordsOf(transfer)).toEqual(['payout ledger:payout:<id>:1']);
});

test('a reversal in two parts, each delivered three times and in another order: each booked once', async () => {
  startProcessing();
  const transfer = await bed.step(await givenPayable(bed));
  const id = transfer.stripeTransferId!;
  await webhookFault('reorder', 'transfer.reversed');
  await bed.dependencies.stripe.transfers.createReversal(id, { amount: 300 });
  await bed.dependencies.stripe.transfers.createReversal(id, { amount: 200 });
  await allEnded(id, 3);
  for (const { event_id: eventId } of await eventsOf(id)) {
    await bed.sandbox.control('webhooks/deliver', { eventId });
    await bed.sandbox.control('webhooks/deliver', { eventId });
  }
  await allEnded(id, 3);
  expect((await eventsOf(id)).map(({ delivery_count: count }) => count)).toEqual([3, 3, 3]);
  expect(await bed.rowOf(transfer)).toMatchObject({
    status: 'completed',
    amountReversedMinor: 500,
  });
  const records = await bed.recordsOf(transfer);
  expect(records.map((record) => record.split(' ')[0])).toEqual(['payout', 'reversal', 'reversal']);
});

test('an account that becomes ready frees its winner', async () => {
  startProcessing();
  const account = newAccountId();
  await bed.account(account, 'inactive');
  const transfer = await bed.step(await givenTransfer(bed.database, { account }));
  expect(transfer.status).toBe('blocked');
  await bed.account(account, 'active');
  await allEnded(account, 1);
  expect(temporal.sent).toContain(`payeeReady transfer/${transfer.id}`);
  expect((await bed.step(transfer)).status).toBe('completed');
});

test('a delivery that was not taken comes again', async () => {
  startProcessing();
  refuseNext = 1;
  const { stripeTransferId, transfer } = await givenUnknown();
  await until(async () => {
    await bed.rows('select');
    return refuseNext === 0;
  });
  expect((await bed.rowOf(transfer)).status).toBe('unknown');
  await bed.sandbox.control('webhooks/deliver', {});
  await allEnded(stripeTransferId, 1);
  expect((await bed.rowOf(transfer)).status).toBe('completed');
});

test('a gateway that died between keeping and processing: the next one takes it on when it starts', async () => {
  const { stripeTransferId, transfer } = await givenUnknown();
  await until(async () => (await eventsOf(stripeTransferId)).length === 1);
  expect(await eventsOf(stripeTransferId)).toMatchObject([{ status: 'received' }]);
  startProcessing();
  await allEnded(stripeTransferId, 1);
  expect((await bed.rowOf(transfer)).status).toBe('completed');
});

test('Stripe fails while an event is processed: it is tried again, and then it is learnt', async () => {
  await bed.sandbox.control('faults', {
    match: { method: 'GET', path: '/v1/transfers/*' },
    fault: { kind: 'status', status: 503 },
  });
  startProcessing();
  const { stripeTransferId, transfer } = await givenUnknown();
  await until(async () => (await eventsOf(stripeTransferId))[0]?.result === 'stripe_503');
  expect((await bed.rowOf(transfer)).status).toBe('unknown');
  await processing?.close();
  await bed.moveClocks({ ms: 61_000 });
  startProcessing();
  await allEnded(stripeTransferId, 1);
  expect((await bed.rowOf(transfer)).status).toBe('completed');
});

test('two gateways on one database: each event ends once', async () => {
  startProcessing();
  const second = startEventProcessing({
    counts,
    dependencies: { ...bed.dependencies, client: temporal.client },
    log: { info: () => undefined, warn: () => undefined },
  });
  const { stripeTransferId, transfer } = await givenUnknown();
  await until(async () => (await eventsOf(stripeTransferId)).length === 1);
  second.notice((await eventsOf(stripeTransferId))[0]!.event_id);
  await allEnded(stripeTransferId, 1);
  await second.close();
  expect(await bed.recordsOf(transfer)).toEqual(['payout ledger:payout:<id>:1']);
});

test('after it is closed nothing is begun any more', async () => {
  startProcessing();
  await processing?.close();
  const { stripeTransferId } = await givenUnknown();
  await until(async () => (await eventsOf(stripeTransferId)).length === 1);
  await processing?.close();
  expect(await eventsOf(stripeTransferId)).toMatchObject([{ status: 'received' }]);
});

/**
 * Goal: Stripe's own description of its API accepts the requests that the adapter makes.
 * Method: the official stripe-mock checks their shape; it keeps no state, so nothing is said here about money.
 */
import { createStripeClient } from '../../src/stripe/client';
import { availableBalances, identifyStripeAccount } from '../../src/stripe/balance-and-account';
import { listTransfersOfGroup, listTransfersPage } from '../../src/stripe/list-transfers';
import { askPayeeReadiness } from '../../src/stripe/payee-readiness';
import { retrieveTransfer } from '../../src/stripe/retrieve-transfer';
import { sendTransfer } from '../../src/stripe/transfers';
import { startStripeMock, type StripeMock } from '../support/stripe-mock';
import { FROZEN, KEY } from './frozen';

let mock: StripeMock;
beforeAll(async () => {
  mock = await startStripeMock();
}, 600_000);
afterAll(() => mock.stop());

function client() {
  return createStripeClient({ apiKey: 'sk_test_123', apiBase: mock.baseUrl });
}

test('a transfer is accepted', async () => {
  const answer = await sendTransfer(client(), { request: FROZEN, idempotencyKey: KEY });
  expect(answer).toMatchObject({
    httpStatus: 200,
    transfer: { amountMinor: 1050, currency: 'usd' },
  });
});

test('a request that Stripe’s description does not know is refused, so the mock can say no', async () => {
  const wrong = client().rawRequest('POST', '/v1/transfers', { amount: 1050, currency: 'usd' });
  await expect(wrong).rejects.toMatchObject({ statusCode: 400 });
});

test('the account is identified', async () => {
  const identity = await identifyStripeAccount(client());
  expect(identity).toEqual({ accountId: expect.stringMatching(/^acct_/), livemode: false });
});

test('the foreign transfer that the mock always lists is not taken for one of ours', async () => {
  const listed: unknown[] = [];
  for await (const transfer of listTransfersOfGroup(client(), FROZEN)) {
    listed.push(transfer);
  }
  expect(listed).toEqual([]);
});

test('a page after another one, a transfer, an account and the balance are asked for as Stripe describes', async () => {
  const destination = 'acct_winner1';
  const page = await listTransfersPage(client(), { ...FROZEN, destination }, 'tr_before');
  expect(page).toEqual({ transfers: [], nextAfter: null });
  expect(await retrieveTransfer(client(), 'tr_1Paid')).toMatchObject({ id: 'tr_1Paid' });
  expect(await askPayeeReadiness(client(), destination)).toMatch(/ready$/);
  expect([...(await availableBalances(client())).values()]).toEqual([expect.any(Number)]);
});

import { createTimeSkippingEnvironment } from '../support/time-skipping';
import { bundleWorkflows } from '../support/workflow-bundle';
import { FakeActivities, inTurn, sendAnswer, viewWith } from '../support/fake-activities';
import { startFakeWorkers, startTransfer, transferInput, eventsOf, clientInRealTime } from './harness';
import { connectToTestTemporal, testTemporalAddress } from '../support/temporal';
import { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { historyToJSON } from '@temporalio/common/lib/proto-utils';

test('explore', async () => {
  let t = Date.now();
  const lap = (s: string) => { console.log(s, Date.now() - t); t = Date.now(); };
  const bundle = await bundleWorkflows(); lap('bundle');
  const env = await createTimeSkippingEnvironment(); lap('env');
  const activities = new FakeActivities();
  const workers = await startFakeWorkers({ connection: env.nativeConnection, bundle, activities }); lap('workers');
  activities.script('t1', {
    claimTransfer: inTurn(sendAnswer('t1'), sendAnswer('t1')),
    createStripeTransfer: inTurn({ stripeTransferId: 'x' }, { stripeTransferId: 'x' }),
    recordOutcome: inTurn(viewWith('t1', 'retryable', { reason: 'transient_rate_limited', waitMs: 3600_000 }), viewWith('t1', 'completed')),
  });
  const h = await startTransfer(env.client, transferInput('t1'));
  console.log(await h.result()); lap('t1');
  for (const e of await eventsOf(env.client, 'transfer/t1')) console.log(JSON.stringify(e));
  // n parallel
  const ids = Array.from({ length: 200 }, (_, i) => `p${i}`);
  for (const id of ids) activities.script(id, { claimTransfer: async () => ({ next: 'rest', view: viewWith(id, 'completed') }) });
  await Promise.all(ids.map(async (id) => (await startTransfer(env.client, transferInput(id))).result())); lap('200 instant');
  await workers.stop(); await env.teardown(); lap('teardown');
  // dev
  const connection = await connectToTestTemporal();
  const namespace = 'wf-' + Date.now();
  await connection.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: { seconds: 86400 * 3 as never } });
  lap('registerNs');
  const native = await NativeConnection.connect({ address: testTemporalAddress() });
  for (let i = 0; i < 100; i++) { try { await connection.operatorService.addSearchAttributes({ namespace, searchAttributes: { PayoutSettlementId: 2, PayoutContestId: 2, PayoutState: 2, PayoutFailureClass: 2, PayoutFailedCount: 3 } }); break; } catch (e) { console.log(String(e)); await new Promise(r => setTimeout(r, 200)); } }
  lap('sa');
  const w2 = await startFakeWorkers({ connection: native, namespace, bundle, activities }); lap('w2');
  const client = new Client({ connection, namespace });
  activities.script('d1', {
    claimTransfer: inTurn(sendAnswer('t1'), sendAnswer('t1')),
    recordOutcome: inTurn(viewWith('t1', 'retryable', { reason: 'transient_rate_limited', waitMs: 31_000 }), viewWith('t1', 'completed')),
  });
  activities.script('t1', {
    createStripeTransfer: inTurn({ stripeTransferId: 'x' }, { stripeTransferId: 'x' }),
    recordOutcome: inTurn(viewWith('t1', 'retryable', { reason: 'transient_rate_limited', waitMs: 31_000 }), viewWith('t1', 'completed')),
  });
  const h2 = await startTransfer(client, transferInput('d1'));
  for (let i = 0; i < 100; i++) { const ev = await eventsOf(client, 'transfer/d1'); if (ev.some(e => e.eventType.includes('TIMER_STARTED'))) break; await new Promise(r => setTimeout(r, 100)); }
  lap('timer seen');
  await h2.signal('changed');
  console.log(await h2.result()); lap('d1');
  console.log(historyToJSON(await h2.fetchHistory()).slice(0, 20000));
  const ids2 = Array.from({ length: 200 }, (_, i) => `q${i}`);
  for (const id of ids2) activities.script(id, { claimTransfer: async () => ({ next: 'rest', view: viewWith(id, 'completed') }) });
  await Promise.all(ids2.map(async (id) => (await startTransfer(client, transferInput(id))).result())); lap('200 instant dev');
  await w2.stop(); await native.close(); await connection.close();
}, 120_000);

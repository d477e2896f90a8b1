/**
 * Goal: what the sandbox has answered survives the death of its process, and two never share a directory.
 * Method: the real program on a real directory, killed with SIGKILL; in-process starts where no death is needed.
 * These are the sandbox's own promises: no page of Stripe's has them.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { compileSandbox, programEnv, run, type RunningSandbox } from './sandbox-process';
import { closeAll, idOf, start, type TestSandbox, until } from './support';
import { WebhookReceiver } from './webhook-receiver';

let program: string;
let dataDir: string;
const running: RunningSandbox[] = [];

beforeAll(async () => {
  program = await compileSandbox();
});
afterAll(async () => {
  await rm(path.dirname(path.dirname(program)), { recursive: true });
});
beforeEach(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'stripe-sandbox-data-'));
});
afterEach(async () => {
  await closeAll();
  await Promise.all(running.splice(0).map(({ sandbox }) => sandbox.close()));
  await rm(dataDir, { recursive: true });
});

async function launch(...args: string[]): Promise<RunningSandbox> {
  const process = await run(program, ['--data-dir', dataDir, ...args]);
  running.push(process);
  return process;
}

describe('after SIGKILL', () => {
  it('every answer that was given still holds', async () => {
    const first = await launch('--balance', 'usd=5000');
    const made = await first.sandbox.pay('key-1', { 'metadata[payout_transfer_id]': 'p-1' });
    const refused = await first.sandbox.pay('key-2', { amount: '4001' });
    await first.sandbox.control('accounts', { id: 'acct_closed', state: 'closed' });
    await first.sandbox.control('keys', { key: 'sk_test_old', state: 'invalid' });
    await first.sandbox.control('clock', { advanceMs: 3_600_000 });
    const platform = await first.sandbox.send('GET', '/v1/account');
    await first.sandbox.close();
    expect((await first.exited).signal).toBe('SIGKILL');

    // The balance of the command line is for new data directories only.
    const { sandbox } = await launch('--balance', 'usd=5000');
    const again = await sandbox.pay('key-1', { 'metadata[payout_transfer_id]': 'p-1' });
    expect(again.text).toBe(made.text);
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect((await sandbox.pay('key-2', { amount: '4001' })).text).toBe(refused.text);
    expect((await sandbox.pay('key-3', { amount: '4001' })).status).toBe(400);
    expect((await sandbox.pay('key-4', { destination: 'acct_closed' })).status).toBe(400);
    expect((await sandbox.send('GET', '/v1/account')).text).toBe(platform.text);
    const headers = { Authorization: 'Bearer sk_test_old' };
    expect((await sandbox.send('GET', '/v1/account', { headers })).status).toBe(401);
    const before = Date.now();
    const clock = (await (await fetch(`${sandbox.baseUrl}/_sandbox/clock`)).json()) as {
      nowMs: number;
    };
    expect(clock.nowMs - before).toBeGreaterThanOrEqual(3_600_000);
    expect(await sandbox.oracle()).toMatchObject({
      transfers: 1,
      executions: 4,
      replays: 2,
      byPayoutTransferId: { 'p-1': { count: 1, ids: [idOf(made)] } },
    });
  });

  it('in the middle of many creates no answered transfer is missing and none is doubled', async () => {
    const first = await launch();
    const sent: string[] = [];
    const answered = new Map<string, string>();
    const pay = ({ sandbox }: RunningSandbox, key: string) =>
      sandbox.pay(key, { 'metadata[payout_transfer_id]': key });
    const lane = async (): Promise<never> => {
      for (;;) {
        const key = `key-${sent.length}`;
        sent.push(key);
        answered.set(key, idOf(await pay(first, key)));
        if (answered.size === 60) {
          first.child.kill('SIGKILL');
        }
      }
    };
    await Promise.allSettled(Array.from({ length: 10 }, lane));
    expect(answered.size).toBeLessThan(sent.length);

    const second = await launch();
    for (const key of sent) {
      const id = idOf(await pay(second, key));
      expect(id).toBe(answered.get(key) ?? id);
    }
    const { byPayoutTransferId, transfers } = await second.sandbox.oracle();
    expect(transfers).toBe(sent.length);
    expect(Object.values(byPayoutTransferId).every(({ count }) => count === 1)).toBe(true);
  });

  it('scripted faults, random draws and late commits are still to come', async () => {
    const first = await launch();
    const { sandbox } = first;
    const match = { method: 'POST' };
    await sandbox.control('faults', { match, fault: { kind: 'commit_later', afterMs: 600_000 } });
    await sandbox.control('faults', { match, fault: { kind: 'status', status: 418 }, times: 2 });
    expect((await sandbox.pay('key-1')).status).toBe(500);
    expect((await sandbox.pay('key-2')).status).toBe(418);
    await sandbox.close();

    const second = await launch();
    expect((await second.sandbox.pay('key-3')).status).toBe(418);
    expect((await second.sandbox.pay('key-4')).status).toBe(200);
    await second.sandbox.control('clock', { advanceMs: 600_000 });
    expect((await second.sandbox.oracle()).transfers).toBe(2);
  });
});

describe('webhooks after SIGKILL', () => {
  let receiver: WebhookReceiver;

  beforeEach(async () => {
    receiver = await WebhookReceiver.start();
  });
  afterEach(() => receiver.close());

  function register(sandbox: TestSandbox): Promise<unknown> {
    return sandbox.control('webhooks', { url: receiver.url(), secret: 'whsec_kept' });
  }

  it('an event that was being delivered is delivered again: at least once', async () => {
    const first = await launch();
    await register(first.sandbox);
    receiver.reply = () => 'none';
    const paid = idOf(await first.sandbox.pay('key'));
    await receiver.atLeast(1);
    await first.sandbox.close();

    receiver.reply = () => 200;
    const second = await launch();
    const [before, after] = await receiver.atLeast(2);
    expect(after!.raw).toBe(before!.raw);
    const stripe = second.sandbox.stripe();
    const signature = after!.headers['stripe-signature']!;
    const event = stripe.webhooks.constructEvent(after!.raw, signature, 'whsec_kept');
    expect(event.data.object).toMatchObject({ id: paid });
    expect((await stripe.events.list()).data.map(({ id }) => id)).toEqual([event.id]);
  });

  it('retries, delays, rules and lags go on where they were', async () => {
    const first = await launch();
    await register(first.sandbox);
    await first.sandbox.control('list-lag', { transfersMs: 60_000 });
    receiver.reply = () => 500;
    await first.sandbox.pay('key-1');
    await until(async () => {
      const { waiting } = await first.sandbox.look<{ waiting: { tries: number }[] }>('webhooks');
      return waiting[0]?.tries === 1;
    });
    await first.sandbox.control('webhooks/faults', [
      { fault: { kind: 'delay', ms: 600_000 } },
      { fault: { kind: 'twin' } },
    ]);
    await first.sandbox.pay('key-2');
    await first.sandbox.close();

    receiver.reply = () => 200;
    const { sandbox } = await launch();
    await sandbox.pay('key-3');
    await receiver.atLeast(3);
    expect((await sandbox.stripe().transfers.list()).data).toEqual([]);
    await until(async () => {
      const { waiting } = await sandbox.look<{ waiting: unknown[] }>('webhooks');
      return waiting.length === 2;
    });
    expect(await sandbox.look('webhooks')).toMatchObject({
      waiting: [{ tries: 1 }, { tries: 0, delayMs: 600_000 }],
      faults: [],
    });
    await sandbox.control('clock', { advanceMs: 601_000 });
    await receiver.atLeast(5);
    expect((await sandbox.stripe().transfers.list()).data).toHaveLength(3);
  });
});

describe('the journal', () => {
  it('with a torn last line loses that transaction only, and goes on', async () => {
    const first = await start({ dataDir });
    const made = await first.pay('key-1');
    await first.close();
    await appendFile(path.join(dataDir, 'journal.jsonl'), '[["transfers","tr_torn",{"id":"tr_t');
    const second = await start({ dataDir });
    await second.pay('key-2');
    await second.close();
    const third = await start({ dataDir });
    expect((await third.pay('key-1')).text).toBe(made.text);
    expect((await third.oracle()).transfers).toBe(2);
  });

  it('has a transfer and its saved answer in one line', async () => {
    const sandbox = await start({ dataDir });
    await sandbox.pay('key-1');
    const lines = (await readFile(path.join(dataDir, 'journal.jsonl'), 'utf8')).split('\n');
    const line = lines.find((text) => text.includes('"transfers"'));
    expect(line).toContain('"idempotency"');
    expect(line).toContain('"balances"');
  });
});

describe('compaction at the start', () => {
  const journal = () => path.join(dataDir, 'journal.jsonl');

  it('keeps the state, in order, and drops the history', async () => {
    const first = await start({ dataDir });
    const ids: string[] = [];
    for (let index = 0; index < 5; index += 1) {
      ids.unshift(idOf(await first.pay(`key-${index}`)));
    }
    for (let index = 0; index < 200; index += 1) {
      await first.control('clock', { advanceMs: 1 });
    }
    const refused = await first.pay('key-refused', { destination: 'wrong' });
    const before = await first.oracle();
    await first.close();
    const grown = (await stat(journal())).size;

    const second = await start({ dataDir });
    expect((await stat(journal())).size).toBeLessThan(grown / 2);
    expect(await second.oracle()).toEqual(before);
    const listed = await second.stripe().transfers.list();
    expect(listed.data.map(({ id }) => id)).toEqual(ids);
    expect((await second.pay('key-refused', { destination: 'wrong' })).text).toBe(refused.text);
    const more = idOf(await second.pay('key-more'));
    await second.close();

    const third = await start({ dataDir });
    expect(idOf(await third.pay('key-more'))).toBe(more);
    expect(existsSync(`${journal()}.new`)).toBe(false);
  });

  it('killed in the middle leaves the old journal, and the next start has everything', async () => {
    const first = await start({ dataDir });
    const paid = await first.pay('key-1');
    await first.close();
    await appendFile(journal(), manyAccounts());
    const old = await readFile(journal());

    // A kill that came too late says nothing: again with the old journal.
    let inTime = false;
    for (let attempt = 1; !inTime && attempt <= 5; attempt += 1) {
      await writeFile(journal(), old);
      inTime = await killedWhileCompacting();
    }
    expect(inTime).toBe(true);
    expect((await readFile(journal())).equals(old)).toBe(true);
    expect((await stat(`${journal()}.new`)).size).toBeLessThan(old.length / 2);

    const second = await start({ dataDir, accounts: 'strict' });
    expect((await second.pay('key-1')).text).toBe(paid.text);
    expect((await second.pay('key-2', { destination: 'acct_many59999' })).status).toBe(200);
    expect((await stat(journal())).size).toBeLessThan(old.length);
  });

  /** Each account is written twice, so that a snapshot is half of the journal. */
  function manyAccounts(): string {
    const lines: string[] = [];
    for (let index = 0; index < 120_000; index += 1) {
      const id = `acct_many${index % 60_000}`;
      const row = { id, state: 'active', country: 'US', defaultCurrency: 'usd', livemode: false };
      lines.push(JSON.stringify([['accounts', id, row]]));
    }
    return `${lines.join('\n')}\n`;
  }

  async function killedWhileCompacting(): Promise<boolean> {
    const args = ['--data-dir', dataDir];
    const child = fork(program, args, { stdio: 'ignore', env: programEnv(), execArgv: [] });
    const exited = once(child, 'exit');
    let ready = false;
    child.once('message', () => (ready = true));
    const draftSize = async () => (await stat(`${journal()}.new`).catch(() => null))?.size ?? 0;
    await until(async () => ready || (await draftSize()) > 0);
    child.kill('SIGKILL');
    await exited;
    return (await draftSize()) > 0;
  }
});

describe('the data directory', () => {
  it('is refused to a second sandbox by name, in this process and in another', async () => {
    const { child } = await launch();
    const refused = `${dataDir} is in use by another Stripe sandbox (process ${child.pid})`;
    await expect(start({ dataDir })).rejects.toThrow(refused);
    await expect(launch()).rejects.toThrow('ended before it was ready');

    const ownDir = await mkdtemp(path.join(dataDir, 'own-'));
    const first = await start({ dataDir: ownDir });
    await expect(start({ dataDir: ownDir })).rejects.toThrow('in use by another Stripe sandbox');
    await first.close();
    await expect(start({ dataDir: ownDir })).resolves.toBeDefined();
  });

  it('of a killed sandbox is free, and so is one whose start failed', async () => {
    const first = await launch();
    await first.sandbox.close();
    const second = await start({ dataDir });
    const { port } = new URL(second.baseUrl);
    const other = await mkdtemp(path.join(dataDir, 'other-'));
    await expect(start({ dataDir: other, port: Number(port) })).rejects.toThrow('EADDRINUSE');
    await expect(start({ dataDir: other })).resolves.toBeDefined();
  });

  it('with a lock that names a later process of the same number is free', async () => {
    const holder = { pid: process.ppid, command: 'something that ran before' };
    await writeFile(path.join(dataDir, 'lock'), JSON.stringify(holder));
    await expect(start({ dataDir })).resolves.toBeDefined();
  });
});

describe('the program', () => {
  it('says its address in one line and stops on SIGTERM, even with a hanging request', async () => {
    const { child, sandbox, stdout, exited } = await launch('--port', '0');
    expect(JSON.parse(stdout())).toEqual({ stripeApiBase: sandbox.baseUrl });
    expect(stdout().trimEnd().split('\n')).toHaveLength(1);
    await sandbox.control('faults', { fault: { kind: 'hang' } });
    const hanging = sandbox.pay('key').catch((error: unknown) => error);
    await until(async () => (await sandbox.oracle()).posts === 1);
    child.kill('SIGTERM');
    expect(await exited).toEqual({ code: 0, signal: null });
    expect(await hanging).toMatchObject({ code: 'ECONNRESET' });
  });

  it('stops when its parent is gone', async () => {
    const { child, exited } = await launch();
    child.disconnect();
    expect((await exited).code).toBe(0);
  });

  it('refuses wrong options', async () => {
    await expect(launch('--balance', 'usd=lots')).rejects.toThrow('ended before it was ready');
  });
});

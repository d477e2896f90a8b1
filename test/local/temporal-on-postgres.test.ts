/**
 * Goal: `--temporal server` is Temporal's server of production on the stack's Postgres, keeps its data, and ends in order.
 * Method: whole stacks of the compiled parts; the databases and the server's own log tell what happened.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client as TemporalClient, Connection } from '@temporalio/client';
import { Client } from 'pg';
import { waitUntilGone } from '../../local/process-life';
import { startLocalStack, type LocalStack, type LocalStackOptions } from '../../local/stack';
import { findServerProgram, TEMPORAL_SERVER } from '../../local/temporal-on-postgres/programs';
import { whyNoProductionServer } from '../support/go-programs';

const reason = whyNoProductionServer();
if (reason !== undefined) {
  process.stderr.write(`skipped: the stack with the server of production: ${reason}\n`);
}

(reason === undefined ? describe : describe.skip)('a stack with --temporal server', () => {
  const dir = mkdtempSync(join(tmpdir(), 'payouts-server-test-'));
  const LONG_MS = 120_000;
  let stack: LocalStack;

  const start = (options: Partial<LocalStackOptions> = {}) =>
    startLocalStack({ dir, stripe: false, fsync: false, temporal: 'server', ...options });

  const log = (part: string) => readFileSync(join(dir, 'logs', `${part}.log`), 'utf8');

  async function rowsOf(database: string, sql: string): Promise<unknown[]> {
    const connectionString = stack.databaseUrl.replace(/\/payouts$/, `/${database}`);
    const client = new Client({ connectionString });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  async function withTemporal<T>(use: (client: TemporalClient) => Promise<T>): Promise<T> {
    const connection = await Connection.connect({ address: stack.temporalAddress });
    try {
      return await use(new TemporalClient({ connection }));
    } finally {
      await connection.close();
    }
  }

  const startKept = (client: TemporalClient) =>
    client.workflow.start('noWorkerRunsThis', { taskQueue: 'none', workflowId: 'kept' });

  beforeAll(async () => {
    stack = await start();
  }, LONG_MS);

  afterAll(async () => {
    await stack.stop();
    rmSync(dir, { recursive: true, force: true });
  }, LONG_MS);

  test('has its workflows in Postgres, 32 shards, a Web UI, and a password nobody else can read', async () => {
    await withTemporal(startKept);
    const shards = 'select count(distinct shard_id)::int as n from shards';
    expect(await rowsOf('temporal', shards)).toEqual([{ n: 32 }]);
    expect(await rowsOf('temporal', 'select workflow_id from current_executions')).toContainEqual({
      workflow_id: 'kept',
    });
    expect((await fetch(stack.temporalUiUrl)).status).toBe(200);
    const config = join(dir, 'temporal/config/local.yaml');
    expect(statSync(config).mode & 0o777).toBe(0o600);
    expect(statSync(join(dir, 'temporal')).mode & 0o777).toBe(0o700);
  });

  test('each part runs, and the server ends in order before its Postgres does', async () => {
    expect(Object.keys(stack.partPids)).toEqual(['postgres', 'temporal', 'temporal-ui']);
    const pids = Object.values(stack.partPids);
    await stack.stop();
    const gone = await Promise.all(pids.map((pid) => waitUntilGone(-pid, 20_000)));
    expect(gone).toEqual([true, true, true]);
    expect(log('temporal')).toMatch(/All services are stopped\.\s*$/);
    // A Postgres that goes first ends the server's sessions by force.
    expect(log('postgres')).not.toContain('terminating connection due to administrator command');
  });

  test(
    'is ready again with its data, also after it was killed',
    async () => {
      const looks = async () =>
        withTemporal(
          async (client) => (await client.workflow.getHandle('kept').describe()).status.name,
        );
      stack = await start();
      expect(await looks()).toBe('RUNNING');
      process.kill(stack.partPids['temporal'] ?? 0, 'SIGKILL');
      expect((await stack.died).message).toMatch(/^temporal: ended with SIGKILL/);
      await stack.stop();
      stack = await start();
      expect(await looks()).toBe('RUNNING');
    },
    LONG_MS,
  );

  test('refuses to lay the other kind of server over its data', async () => {
    await stack.stop();
    await expect(start({ temporal: 'dev' })).rejects.toThrow(
      /has the workflows of a stack that was started with --temporal server/,
    );
  });

  test('gets a dynamic configuration whose every name the server knows', async () => {
    const server = await findServerProgram(TEMPORAL_SERVER, {
      env: process.env,
      onProgress: () => undefined,
    });
    const file = resolve(__dirname, '../../docker/temporal/dynamic-config.yaml');
    const said = execFileSync(server, ['validate-dynamic-config', file], { encoding: 'utf8' });
    expect(said.trim()).toBe(file);
  });
});

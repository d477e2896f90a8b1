/**
 * Goal: open runs, weeks old, go on under today's workflow code without a non-determinism error.
 * Method: recorded histories (`npm run replay:record`) are replayed against today's bundle and against a spoilt one.
 */
import { DeterminismViolationError } from '@temporalio/workflow';
import { Worker, type WorkflowBundle } from '@temporalio/worker';
import { bundleWorkflows, bundleWorkflowsAt } from '../support/workflow-bundle';
import { quietRuntime } from '../workflows/servers';
import { recordedHistory, recordedNames, recordedText } from './histories';

const PATHS = [
  'job-continued-run-1',
  'job-continued-run-2',
  'job-small',
  'reversal-refused',
  'reversal-unknown-then-back',
  'sweep',
  'transfer-blocked-then-paid',
  'transfer-failed-terminal',
  'transfer-paid',
  'transfer-unknown-reconciled',
];
const LARGEST_BYTES = 1_000_000;

let today: WorkflowBundle;
let altered: WorkflowBundle;

beforeAll(async () => {
  quietRuntime();
  today = await bundleWorkflows();
  altered = await bundleWorkflowsAt(require.resolve('./fixtures/altered-workflows'));
});

async function replay(workflowBundle: WorkflowBundle, name: string): Promise<void> {
  await Worker.runReplayHistory({ workflowBundle }, recordedHistory(name), name);
}

test('every path is recorded', () => {
  expect(recordedNames().sort()).toEqual(PATHS);
});

test.each(PATHS)('%s replays under today’s code', async (name) => {
  await expect(replay(today, name)).resolves.toBeUndefined();
});

test.each(PATHS)('%s does not replay under code with a step more', async (name) => {
  await expect(replay(altered, name)).rejects.toBeInstanceOf(DeterminismViolationError);
});

test.each(PATHS)('%s is small and names no machine', (name) => {
  const text = recordedText(name);
  expect(text.length).toBeLessThan(LARGEST_BYTES);
  const identities = [...text.matchAll(/"identity":"([^"]*)"/g)].map(([, identity]) => identity!);
  const strangers = identities.filter(
    (identity) => identity !== 'recorder' && identity !== 'history-service',
  );
  expect(strangers).toEqual([]);
  expect(text).not.toMatch(/\d@\w/);
  expect(text).not.toContain(process.cwd());
});

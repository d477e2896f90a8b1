import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  bundleWorkflowCode,
  DefaultLogger,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';

import { makeOnce } from '../../local/make-once';
import { FOLDER_OF_RUN, valueOfTestRun } from './processes-of-run';

const WORKFLOWS = require.resolve('../../src/workflows/index');

/** The product's workflow code, built once in a run with the bundler that the worker uses: it takes seconds. */
export async function bundleWorkflows(): Promise<WorkflowBundleWithSourceMap> {
  const target = join(valueOfTestRun(FOLDER_OF_RUN), 'workflows.json');
  await makeOnce(target, async (draft) => {
    writeFileSync(draft, JSON.stringify(await bundleWorkflowsAt(WORKFLOWS)));
    // What is made once is known by this.
    chmodSync(draft, 0o755);
  });
  return JSON.parse(readFileSync(target, 'utf8')) as WorkflowBundleWithSourceMap;
}

/** Workflow code of a test's own. */
export async function bundleWorkflowsAt(path: string): Promise<WorkflowBundleWithSourceMap> {
  return bundleWorkflowCode({ workflowsPath: path, logger: new DefaultLogger('WARN') });
}

import {
  bundleWorkflowCode,
  DefaultLogger,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';

const WORKFLOWS = require.resolve('../../src/workflows/index');

/** Builds workflow code with the bundler that the worker uses; once a test file, since it takes seconds. */
export async function bundleWorkflows(
  workflowsPath: string = WORKFLOWS,
): Promise<WorkflowBundleWithSourceMap> {
  return bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('WARN') });
}

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

/** Where the build leaves the bundle and the worker finds it: beside the compiled sources. */
export const WORKFLOW_BUNDLE_PATH = path.join(__dirname, '..', '..', 'workflow-bundle.js');

/**
 * Bundles the workflows as the worker runs them. The bundler refuses Node's built-ins and everything else that a
 * workflow must not touch, which the compiler cannot see.
 */
async function bundleWorkflows(): Promise<void> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: require.resolve('../workflows/index'),
    logger: new DefaultLogger('WARN'),
  });
  mkdirSync(path.dirname(WORKFLOW_BUNDLE_PATH), { recursive: true });
  writeFileSync(WORKFLOW_BUNDLE_PATH, code);
}

if (require.main === module) {
  void bundleWorkflows();
}

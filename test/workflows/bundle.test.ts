/**
 * Goal: the worker's bundle holds workflow code only; what does I/O cannot be replayed.
 * Method: it is built as the build does, and the modules in it are read from its source map.
 */
import { bundleWorkflows } from '../support/workflow-bundle';

const FORBIDDEN = ['pg', 'stripe', 'drizzle-orm', '@temporalio/client', '@temporalio/worker'];

/** The npm packages that modules of a bundle come from; webpack names each module by its path. */
function packagesIn(code: string): Set<string> {
  const modules = code.matchAll(/node_modules\/((?:@[\w.-]+\/)?[\w.-]+)\//g);
  return new Set([...modules].map(([, name]) => name!));
}

test('the bundle builds, and none of the packages that do I/O is in it', async () => {
  const { code } = await bundleWorkflows();
  const packages = packagesIn(code);
  expect(packages).toContain('@temporalio/workflow');
  expect(FORBIDDEN.filter((name) => packages.has(name))).toEqual([]);
  expect(code).toContain('PayoutJobWorkflow');
  expect(code).toContain('TransferWorkflow');
  expect(code).not.toMatch(/src\/(activities|db|stripe|config|client)\//);
});

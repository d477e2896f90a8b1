import { loadSettings } from '../../config/settings';
import { withTemporal } from '../connections';
import { EXIT_CODES } from '../exit-codes';
import type { CommandContext } from './command-context';

/** `payouts worker`: runs until SIGTERM or SIGINT, then drains. */
export async function workerCommand({ environment }: CommandContext): Promise<number> {
  const { variables } = environment;
  loadSettings(variables, ['DATABASE_URL', 'TEMPORAL_ADDRESS', 'STRIPE_API_KEY']);
  // The native core waits half a minute for a server that does not answer, and names neither it nor the namespace.
  await withTemporal(variables, ({ client, namespace }) =>
    client.workflowService.describeNamespace({ namespace }),
  );
  // Loaded here because it starts Temporal's native core, which no other command needs.
  const { runWorker } = await import('../../worker/main.js');
  await runWorker(variables);
  return EXIT_CODES.done;
}

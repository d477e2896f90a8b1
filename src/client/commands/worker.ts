import { loadSettings } from '../../config/settings';
import { withTemporal } from '../connections';
import { EXIT_CODES } from '../exit-codes';
import type { CommandContext, JsonOption } from './command-context';

/** `payouts worker`: runs until SIGTERM or SIGINT, then drains. With `--json` one object says when it runs. */
export async function workerCommand(context: CommandContext, options: JsonOption): Promise<number> {
  const { variables } = context.environment;
  loadSettings(variables, ['DATABASE_URL', 'TEMPORAL_ADDRESS', 'STRIPE_API_KEY']);
  // The native core waits half a minute for a server that does not answer, and names neither it nor the namespace.
  await withTemporal(variables, ({ client, namespace }) =>
    client.workflowService.describeNamespace({ namespace }),
  );
  // Loaded here because it starts Temporal's native core, which no other command needs.
  const { runWorker } = await import('../../worker/main.js');
  await runWorker(variables, (running) => {
    if (options.json === true) {
      context.print({ running }, '', options);
    }
  });
  return EXIT_CODES.done;
}

import { EXIT_CODES } from '../exit-codes';
import type { CommandContext, JsonOption } from './command-context';

/** `payouts gateway`: serves until SIGTERM or SIGINT, then drains. One line on stdout says when it listens. */
export async function gatewayCommand(
  context: CommandContext,
  options: JsonOption,
): Promise<number> {
  // Loaded here because no other command needs an HTTP server.
  const { runGateway } = await import('../../gateway/run-gateway.js');
  await runGateway(context.environment.variables, (ready) => {
    context.print(ready, `listening on ${ready.url}; stop it with Ctrl-C`, options);
  });
  return EXIT_CODES.done;
}

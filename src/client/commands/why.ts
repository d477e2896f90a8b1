import { loadSettings } from '../../config/settings';
import { assertInstallation } from '../../db/installation';
import { DAY_MS } from '../../domain/durations';
import { withDatabase } from '../connections';
import { EXIT_CODES } from '../exit-codes';
import { readWhy } from '../explain';
import type { CommandContext, JsonOption } from './command-context';

export interface WhyOptions extends JsonOption {
  /** Only what may be shown to the winner. */
  readonly winner?: boolean;
}

/** `payouts why TRANSFER [--winner]` */
export async function whyCommand(
  context: CommandContext,
  transferId: string,
  options: WhyOptions,
): Promise<number> {
  const { variables } = context.environment;
  const { payoutPayeeWaitDays } = loadSettings(variables, ['DATABASE_URL']);
  const terms = { payeeWaitMs: payoutPayeeWaitDays * DAY_MS };
  return withDatabase(variables, async (database) => {
    await assertInstallation(database, {});
    const report = await readWhy(database, transferId, terms);
    const { operator, winner } = report;
    if (options.winner === true) {
      context.print({ transferId: report.transferId, winner }, winner, options);
    } else {
      const text = `For the operator:\n${operator}\n\nFor the winner:\n${winner}`;
      context.print(report, text, options);
    }
    return EXIT_CODES.done;
  });
}

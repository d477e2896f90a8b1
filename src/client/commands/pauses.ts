import { assertInstallation } from '../../db/installation';
import { withDatabase } from '../connections';
import { EXIT_CODES } from '../exit-codes';
import { readPauses } from '../read-pauses';
import { pausesText } from '../show-pauses';
import type { CommandContext, JsonOption } from './command-context';

export interface PausesOptions extends JsonOption {
  /** With those that were lifted. */
  readonly all?: boolean;
}

/** `payouts pauses [--all]` */
export async function pausesCommand(
  context: CommandContext,
  options: PausesOptions,
): Promise<number> {
  return withDatabase(context.environment.variables, async (database) => {
    await assertInstallation(database, {});
    const report = await readPauses(database, { withLifted: options.all === true });
    context.print(report, pausesText(report), options);
    return EXIT_CODES.done;
  });
}

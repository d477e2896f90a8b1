import { assertInstallation } from '../../db/installation';
import { withDatabase } from '../connections';
import { EXIT_CODES } from '../exit-codes';
import { refuseToOverwrite, type OutputOptions } from '../output';
import { writeReport, type ReportFormat } from '../report/write-report';
import type { CommandContext } from './command-context';

export interface ReportOptions extends OutputOptions {
  readonly format: ReportFormat;
}

/** `payouts report SETTLEMENT --format csv|json|html [--output FILE [--force]]` */
export async function reportCommand(
  context: CommandContext,
  settlementId: string,
  options: ReportOptions,
): Promise<number> {
  await refuseToOverwrite(options.output, options.force);
  await withDatabase(context.environment.variables, async (database) => {
    const installation = await assertInstallation(database, {});
    const { format } = options;
    await writeReport(database, { settlementId, format, installation }, options);
  });
  return EXIT_CODES.done;
}

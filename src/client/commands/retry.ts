import { RETRY_REFUSAL_TEXTS } from '../../domain/manual-retry';
import { loadSettings } from '../../config/settings';
import type { Database } from '../../db/database';
import { assertInstallation } from '../../db/installation';
import { withDatabase } from '../connections';
import { EXIT_CODES, UsageError } from '../exit-codes';
import { jobNamed, operatorOf, transferNamed } from '../operator';
import { seenPagesOf, type SeenPages } from '../operator-orders';
import { FAILED, retryTransfers, type RetryReport } from '../retry';
import type { CommandContext } from './command-context';
import type { ReasonOptions } from './pause';
import { tellToGoOn } from './tell-temporal';

export interface RetryOptions extends ReasonOptions {
  readonly settlement?: string;
  readonly failed?: boolean;
}

/** `payouts retry TRANSFER --reason R`, `payouts retry --settlement S --failed --reason R` */
export async function retryCommand(
  context: CommandContext,
  transferId: string | undefined,
  options: RetryOptions,
): Promise<number> {
  const { variables } = context.environment;
  const settings = loadSettings(variables, ['DATABASE_URL', 'TEMPORAL_ADDRESS']);
  const operator = operatorOf(variables, options);
  const report = await withDatabase(variables, async (database) => {
    await assertInstallation(database, { installationId: settings.payoutInstallationId });
    const seen = await transfersMeant(database, transferId, options);
    const ordering = { database, operator, maxAttempts: settings.payoutMaxAttempts };
    const { report: retrying, toTell: transfers } = await retryTransfers(ordering, seen);
    const stands = `${transfers.length.toString()} wait for their turn in the database`;
    await tellToGoOn(context, database, { stands, transfers });
    return retrying;
  });
  context.print(report, retryText(report), options);
  return report.refused.length > 0 ? EXIT_CODES.problemFound : EXIT_CODES.done;
}

async function transfersMeant(
  database: Database,
  transferId: string | undefined,
  { failed, settlement }: RetryOptions,
): Promise<SeenPages> {
  if (transferId !== undefined && settlement === undefined && failed === undefined) {
    return [[await transferNamed(database, transferId)]];
  }
  if (transferId === undefined && settlement !== undefined && failed === true) {
    const job = await jobNamed(database, settlement);
    return seenPagesOf(database, job.id, FAILED);
  }
  throw new UsageError('name either one transfer, or --settlement and --failed');
}

function retryText({ refused, retried, toldAgain }: RetryReport): string {
  const again = toldAgain.length === 0 ? '' : `${toldAgain.length.toString()} told again, `;
  return [
    `${retried.length.toString()} retried, ${again}${refused.length.toString()} refused`,
    ...retried.map((id) => `  retried: ${id}`),
    ...toldAgain.map((id) => `  told again: ${id}: ${RETRY_REFUSAL_TEXTS.waits_for_its_turn}`),
    ...refused.map(({ id, reason, why }) => `  refused: ${id}: ${why} (${reason ?? 'no reason'})`),
  ].join('\n');
}

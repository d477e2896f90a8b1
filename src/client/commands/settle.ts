import { payoutTermsOf } from '../../config/payout-terms';
import { loadSettings } from '../../config/settings';
import { assertInstallation } from '../../db/installation';
import { needsApproval } from '../../domain/approval';
import { formatAmount } from '../../domain/money';
import { withDatabase, withTemporal } from '../connections';
import { EXIT_CODES, UsageError } from '../exit-codes';
import { identityOf } from '../operator';
import { recordSettlement, startRecordedJob } from '../settle';
import { readSettlementFile } from '../settlement-file';
import type { CommandContext, JsonOption } from './command-context';
import { orSay } from './or-say';

/** `payouts settle FILE` */
export async function settleCommand(
  context: CommandContext,
  file: string,
  options: JsonOption,
): Promise<number> {
  const { variables } = context.environment;
  const settings = loadSettings(variables, ['DATABASE_URL', 'TEMPORAL_ADDRESS']);
  const settlement = await readSettlementFile(file, {
    amountMinorMax: settings.payoutMaxAmountMinor,
  });
  const report = await withDatabase(variables, async (database) => {
    const { installationId } = await assertInstallation(database, {
      installationId: settings.payoutInstallationId,
    });
    const terms = { installationId, ...payoutTermsOf(settings) };
    const { actor, isKnown } = identityOf(variables);
    if (!isKnown && needsApproval(terms.approvalAbove, settlement)) {
      throw new UsageError(
        'PAYOUT_OPERATOR_TOKEN is missing: a settlement of this total needs an approval (PAYOUT_APPROVAL_ABOVE), and ' +
          'whoever records it cannot give it, so has to be known by a token of GATEWAY_TOKENS; nothing was recorded',
      );
    }
    const recorded = await recordSettlement(database, settlement, terms, actor);
    return orSay(
      context,
      `settlement ${settlement.settlementId} is recorded and not lost; not everything of it was started. ` +
        'Give the same command again when Temporal is there.',
      withTemporal(variables, ({ client }) =>
        startRecordedJob({ client, database }, settlement, recorded),
      ),
    );
  });
  const text = [
    `settlement ${report.settlementId} ${report.created ? 'recorded' : 'was recorded before'}: ` +
      `${report.transfers.toString()} winners, ${formatAmount(report.totalMinor, report.currency)}`,
    `workflow ${report.workflowId}, run ${report.runId ?? 'none'}`,
    `watch it with: payouts status ${report.settlementId} --watch`,
  ].join('\n');
  context.print(report, text, options);
  return EXIT_CODES.done;
}

import { loadSettings } from '../../config/settings';
import type { Database } from '../../db/database';
import { assertInstallation } from '../../db/installation';
import { APPROVAL_HASH_PATTERN } from '../../domain/approval';
import { STRIPE_ACCOUNT_ID_PATTERN } from '../../domain/ids';
import { formatAmount } from '../../domain/money';
import { shownValue } from '../../domain/shown-value';
import {
  approveSettlement,
  confirmAccount,
  tellApproved,
  tellConfirmed,
  type ApprovalResult,
  type ConfirmationResult,
} from '../approval';
import { withDatabase } from '../connections';
import { EXIT_CODES, UsageError } from '../exit-codes';
import { jobNamed, knownOperatorOf, transferNamed } from '../operator';
import type { CommandContext } from './command-context';
import type { ReasonOptions } from './pause';
import { tellTemporal } from './tell-temporal';

export interface ApproveOptions extends ReasonOptions {
  readonly hash: string;
  readonly replaced?: string;
}

/** `payouts approve SETTLEMENT --hash H [--replaced N] --reason R` */
export async function approveCommand(
  context: CommandContext,
  settlementId: string,
  options: ApproveOptions,
): Promise<number> {
  const { variables } = context.environment;
  const { hash } = options;
  if (!APPROVAL_HASH_PATTERN.test(hash)) {
    const expected = '64 digits of 0-9 a-f, as payouts preview shows them';
    throw new UsageError(`--hash: found ${shownValue(hash)}, expected ${expected}`);
  }
  const accountReplacements = replacementsOf(options);
  const operator = knownOperatorOf(variables, options);
  const report = await withSetUpDatabase(context, async (database) => {
    await jobNamed(database, settlementId);
    const order = { settlementId, hash, accountReplacements };
    const approval = await approveSettlement({ database, operator }, order);
    if (approval.result !== 'refused') {
      await tellTemporal(context, 'the approval stands in the database', (client) =>
        tellApproved({ client, database }, settlementId),
      );
    }
    return approval;
  });
  context.print(report, approvalText(report), options);
  return endOf(report);
}

function replacementsOf({ replaced }: ApproveOptions): number | undefined {
  if (replaced !== undefined && !/^\d{1,9}$/.test(replaced)) {
    const expected = 'a whole number, as payouts preview shows it';
    throw new UsageError(`--replaced: found ${shownValue(replaced)}, expected ${expected}`);
  }
  return replaced === undefined ? undefined : Number(replaced);
}

export interface ConfirmAccountOptions extends ReasonOptions {
  readonly account: string;
}

/** `payouts confirm-account TRANSFER --account acct_… --reason R` */
export async function confirmAccountCommand(
  context: CommandContext,
  transferId: string,
  options: ConfirmAccountOptions,
): Promise<number> {
  const { variables } = context.environment;
  const { account: accountId } = options;
  if (!STRIPE_ACCOUNT_ID_PATTERN.test(accountId)) {
    const expected = 'an account such as acct_1AbC, as payouts preview shows it';
    throw new UsageError(`--account: found ${shownValue(accountId)}, expected ${expected}`);
  }
  const operator = knownOperatorOf(variables, options);
  const report = await withSetUpDatabase(context, async (database) => {
    const { id } = await transferNamed(database, transferId);
    const order = { transferId: id, accountId };
    const confirmation = await confirmAccount({ database, operator }, order);
    if (confirmation.result !== 'refused') {
      await tellTemporal(context, 'the account is confirmed in the database', (client) =>
        tellConfirmed(client, id),
      );
    }
    return confirmation;
  });
  context.print(report, confirmationText(report), options);
  return endOf(report);
}

async function withSetUpDatabase<Report>(
  { environment: { variables } }: CommandContext,
  work: (database: Database) => Promise<Report>,
): Promise<Report> {
  const settings = loadSettings(variables, ['DATABASE_URL', 'TEMPORAL_ADDRESS']);
  return withDatabase(variables, async (database) => {
    await assertInstallation(database, { installationId: settings.payoutInstallationId });
    return work(database);
  });
}

function endOf({ result }: ApprovalResult | ConfirmationResult): number {
  return result === 'refused' ? EXIT_CODES.problemFound : EXIT_CODES.done;
}

function approvalText(report: ApprovalResult): string {
  switch (report.result) {
    case 'refused':
      return `refused: ${report.text}; nothing was changed`;
    case 'unchanged':
      return `${report.settlementId} was approved before; nothing was changed`;
    case 'approved':
      return (
        `${report.settlementId} is approved: ${report.transfers.toString()} payments, ` +
        formatAmount(report.sumMinor, report.currency)
      );
  }
}

function confirmationText(report: ConfirmationResult): string {
  switch (report.result) {
    case 'refused':
      return `refused: ${report.text}; nothing was changed`;
    case 'unchanged':
      return `${report.accountId} is the approved account already; nothing was changed`;
    case 'confirmed':
      return `${report.accountId} is confirmed for transfer ${report.transferId}`;
  }
}

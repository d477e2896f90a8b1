import { userInfo } from 'node:os';

import { nameOfOperatorToken } from '../config/operator-token';
import { loadSettings, type EnvironmentVariables } from '../config/settings';
import { ID_PATTERN, TRANSFER_ID_PATTERN } from '../domain/ids';
import { operatorReason, REASON_EXPECTED, type Operator } from '../domain/operator-reason';
import { shownText, shownValue } from '../domain/shown-value';
import type { Executor } from '../db/database';
import { findJobBySettlement, type PayoutJob } from '../db/payout-jobs';
import { findTransferById, type PayoutTransfer } from '../db/payout-transfers';
import { UsageError } from './exit-codes';
import { UnknownSettlementError } from './read-status';

/** Who works at this terminal. */
export interface TerminalIdentity {
  readonly actor: string;
  /** Known by a token, and not only by what the operating system says. */
  readonly isKnown: boolean;
}

/**
 * Who gives a command at a terminal: whose token `PAYOUT_OPERATOR_TOKEN` is, else the user of the operating system as
 * `os/NAME`, which no token can be called.
 * @throws InvalidSettingsError where the token is nobody's
 */
export function identityOf(variables: EnvironmentVariables): TerminalIdentity {
  const name = nameOfOperatorToken(loadSettings(variables));
  return name === undefined
    ? { actor: `os/${userOfProcess()}`, isKnown: false }
    : { actor: name, isKnown: true };
}

/** By number where there is no name: a container may run under one that its list of users does not have. */
function userOfProcess(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.().toString() ?? 'unknown'}`;
  }
}

/** The reason of an order is none: see `operatorReason`. */
export class RefusedReasonError extends UsageError {}

/**
 * Who may do what needs a second person: somebody with a token of their own.
 * @throws UsageError, InvalidSettingsError
 */
export function knownOperatorOf(
  variables: EnvironmentVariables,
  options: { readonly reason?: string },
): Operator {
  if (!identityOf(variables).isKnown) {
    throw new UsageError(
      'PAYOUT_OPERATOR_TOKEN is missing: this needs a second person, who has to be known by a token of GATEWAY_TOKENS',
    );
  }
  return operatorOf(variables, options);
}

/** @throws RefusedReasonError when the reason is missing, too long or more than one line of text */
export function operatorOf(
  variables: EnvironmentVariables,
  options: { readonly reason?: string },
): Operator {
  const reason = operatorReason(options.reason ?? '');
  if (reason === undefined) {
    throw new RefusedReasonError(
      `--reason: found ${shownValue(options.reason)}, expected ${REASON_EXPECTED}`,
    );
  }
  return { actor: identityOf(variables).actor, reason };
}

/**
 * The job of a settlement that a command names.
 * @throws UsageError when it is no id
 * @throws UnknownSettlementError when nothing of this id is recorded
 */
export async function jobNamed(executor: Executor, settlementId: string): Promise<PayoutJob> {
  if (!ID_PATTERN.test(settlementId)) {
    throw new UsageError(
      `settlement: found ${shownValue(settlementId)}, expected 1 to 100 of A-Z a-z 0-9 _ . : -`,
    );
  }
  const job = await findJobBySettlement(executor, settlementId);
  if (job === undefined) {
    throw new UnknownSettlementError(settlementId);
  }
  return job;
}

/** No transfer of this id is recorded. */
class UnknownTransferError extends Error {
  override readonly name = 'UnknownTransferError';
  constructor(readonly transferId: string) {
    super(`transfer ${shownText(transferId)} is not recorded here`);
  }
}

/**
 * The transfer that a command names.
 * @throws UsageError when it is no id
 * @throws UnknownTransferError when nothing of this id is recorded
 */
export async function transferNamed(
  executor: Executor,
  transferId: string,
): Promise<PayoutTransfer> {
  const id = transferId.toLowerCase();
  if (!TRANSFER_ID_PATTERN.test(id)) {
    throw new UsageError(
      `transfer: found ${shownValue(transferId)}, expected an id as payouts status --json shows it`,
    );
  }
  const transfer = await findTransferById(executor, id);
  if (transfer === undefined) {
    throw new UnknownTransferError(id);
  }
  return transfer;
}

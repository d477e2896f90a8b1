import { ID_PATTERN } from './ids';
import { retryRefusalOfStatus } from './manual-retry';
import { REASONS } from './reasons';
import { TRANSFER_STATUSES, type TransferStatus } from './transfer-state';

/**
 * Why the update `retryTransfer` is not accepted: it is malformed, or its transfer is shown in a state that is never
 * retried. What is accepted is decided under the row's lock. A foreign client may send anything, so nothing is believed.
 * @returns the name of a wrong field or a refusal's code; undefined when it is accepted
 */
export function refusalOfRequest(
  request: unknown,
  shownStatus: TransferStatus | undefined,
): string | undefined {
  if (typeof request !== 'object' || request === null) {
    return 'malformed: request';
  }
  const wrongField = Object.entries(FIELD_CHECKS).find(
    ([field, isRight]) => !isRight((request as Record<string, unknown>)[field]),
  );
  if (wrongField !== undefined) {
    return `malformed: ${wrongField[0]}`;
  }
  return shownStatus === undefined ? undefined : retryRefusalOfStatus(shownStatus);
}

const FIELD_CHECKS: Readonly<Record<string, (value: unknown) => boolean>> = {
  // An update stands in the history for ever, so both are ids, such as a ticket's: free text is for the command (M12).
  actor: isId,
  reason: isId,
  seenStatus: (value) => (TRANSFER_STATUSES as readonly unknown[]).includes(value),
  seenAttemptCount: isCount,
  seenReason: (value) =>
    value === null || (typeof value === 'string' && Object.hasOwn(REASONS, value)),
  seenUpdatedAtMs: (value) => value === undefined || isCount(value),
};

function isId(value: unknown): boolean {
  return typeof value === 'string' && ID_PATTERN.test(value);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

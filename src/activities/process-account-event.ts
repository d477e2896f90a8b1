import { findOwnersOfAccount } from '../db/user-stripe-accounts';
import { ignored, processed, type EventProcessor } from './event-processing';
import { learnReadiness } from './learn-readiness';
import { wakeWaitingTransfers } from './wake-waiting-transfers';

/**
 * Something about a connected account has changed: whether it can receive is asked once, noted for its owners, and who
 * waits for it goes on at once. An account that nobody here is paid to is none of ours.
 */
export const processAccountEvent: EventProcessor = async (
  dependencies,
  { accountId, objectId, type },
) => {
  const account = accountId ?? (type === 'account.updated' ? objectId : null);
  const owners = account === null ? [] : await findOwnersOfAccount(dependencies.database, account);
  if (account === null || owners.length === 0) {
    return ignored('unknown_account');
  }
  const readiness = await learnReadiness(dependencies, account, owners);
  if (readiness !== 'not_ready') {
    await wakeWaitingTransfers(
      dependencies,
      owners.map(({ userId }) => userId),
    );
  }
  return processed(`account_${readiness}`);
};

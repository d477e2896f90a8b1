import { SIGNALS } from '../domain/contracts';
import { findFundsPauses, liftByAutomation } from '../db/payout-controls';
import { findSettlementsAwaitingFunds } from '../db/payout-jobs';
import { availableBalances } from '../stripe/balance-and-account';
import { ignored, processed, type EventProcessor } from './event-processing';
import { isFunded } from './look-at-pauses';
import { wakeAfterPause } from './wake-after-pause';
import { wakeUpOfJob, wakeWorkflows } from './wake-workflows';

/**
 * The platform's balance has grown: pauses for missing funds are looked at now instead of at their next time, with one
 * question for all of them, and jobs that wait for funds look themselves.
 */
export const processBalanceEvent: EventProcessor = async (dependencies, { accountId }) => {
  if (accountId !== null) {
    return ignored('of_connected_account');
  }
  const { client, database, stripe } = dependencies;
  const pauses = await findFundsPauses(database);
  const settlementIds = await findSettlementsAwaitingFunds(database);
  if (pauses.length > 0) {
    const available = await availableBalances(stripe);
    for (const pause of pauses.filter((candidate) => isFunded(candidate, available))) {
      await liftByAutomation(database, pause);
      await wakeAfterPause(dependencies, pause.settlementId);
    }
  }
  await wakeWorkflows(
    client,
    settlementIds.map((id) => wakeUpOfJob(id, SIGNALS.changed)),
  );
  return processed(pauses.length + settlementIds.length > 0 ? 'funds_looked_at' : 'nobody_waits');
};

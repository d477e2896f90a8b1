import { log } from '@temporalio/activity';

import type { SettlementsTaken } from '../domain/contracts';
import { shownId } from '../domain/ids';
import { acceptCompletedSettlements, type AcceptanceDependencies } from './accept-settlements';

/**
 * Accepts what other systems have handed in and no gateway has heard of, and rejects what is wrong; the reasons stay in
 * Postgres. Safe to repeat and to race; what is too much for one call is left to the next.
 */
export async function takeSettlements(
  dependencies: AcceptanceDependencies,
  { settlementsMax }: { readonly settlementsMax: number },
): Promise<SettlementsTaken> {
  const { accepted, failed, rejected } = await acceptCompletedSettlements(dependencies, {
    settlementsMax,
  });
  if (rejected.length > 0) {
    log.error('settlements were rejected; nobody of them is paid until they are corrected', {
      settlementIds: rejected.map(({ settlementId }) => shownId(settlementId)),
    });
  }
  return {
    accepted,
    rejected: rejected.map(({ settlementId }) => shownId(settlementId)),
    failed: failed.map(({ settlementId, why }) => ({
      what: `settlement ${shownId(settlementId)}`,
      reason: why,
    })),
  };
}

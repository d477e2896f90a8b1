import type { SettlementsTaken } from '../domain/contracts';
import { ID_PATTERN } from '../domain/ids';
import { acceptCompletedSettlements, type AcceptanceDependencies } from './accept-settlements';

/** Stands for an id that is none: what another system wrote there may be anything, and histories are read by many (M12). */
const NO_ID = '(not an id)';

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
  return {
    accepted,
    rejected: rejected.map(({ settlementId }) => idOf(settlementId)),
    failed: failed.map(({ settlementId, why }) => ({
      what: `settlement ${idOf(settlementId)}`,
      reason: why,
    })),
  };
}

function idOf(settlementId: string): string {
  return ID_PATTERN.test(settlementId) ? settlementId : NO_ID;
}

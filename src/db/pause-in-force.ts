import { sql, type SQL, type SQLWrapper } from 'drizzle-orm';

import { payoutControls } from './schema';

/** Of a row of `payout_controls`: it keeps this settlement from being sent, as its own pause or as one of everything. */
export function isInForceFor(settlementId: SQLWrapper | string): SQL {
  return sql`${payoutControls.liftedAt} is null
    and (${payoutControls.settlementId} is null or ${payoutControls.settlementId} = ${settlementId})`;
}

/** Automation has stopped everything: the platform's own key or account is in trouble. */
export function platformPauseInForce(): SQL {
  return sql`exists (select from ${payoutControls} where ${payoutControls.liftedAt} is null
    and ${payoutControls.settlementId} is null and ${payoutControls.owner} = 'automation')`;
}

/** Nothing keeps this settlement from being sent. */
export function noPauseInForce(settlementId: SQLWrapper): SQL {
  return sql`not exists (select from ${payoutControls} where ${isInForceFor(settlementId)})`;
}

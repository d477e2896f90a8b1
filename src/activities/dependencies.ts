import type Stripe from 'stripe';

import type { PayoutTerms } from '../domain/approval';
import type { Database } from '../db/database';
import type { Installation } from '../db/installation';

/** What activities work with; made once by the worker's main. */
export interface ActivityDependencies extends PayoutTerms {
  readonly database: Database;
  readonly stripe: Stripe;
  /** The Stripe account and mode that the worker's key belongs to, as Stripe itself said at start (M3). */
  readonly platform: Installation;
  readonly payeeWaitMs: number;
  /** The largest single prize, in minor units (`PAYOUT_MAX_AMOUNT_MINOR`). */
  readonly amountMinorMax: number;
}

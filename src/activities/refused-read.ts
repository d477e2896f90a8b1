import type { ReasonCode } from '../domain/reasons';
import { platformPause } from '../domain/breaker';
import { pauseByAutomation } from '../db/payout-controls';
import { StripeRefusedError } from '../stripe/read-failures';
import type { ActivityDependencies } from './dependencies';

/**
 * Makes a reading call to Stripe. A refusal of the key pauses like a refused send, so that everybody who waits for the
 * call is explained; the error goes on to Temporal, which tries again.
 */
export async function pausingWhenRefused<Result>(
  { database }: Pick<ActivityDependencies, 'database'>,
  settlementId: string,
  read: () => Promise<Result>,
): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    const cause = causeOf(error);
    const pause = cause === undefined ? undefined : platformPause(cause);
    if (cause !== undefined && pause !== undefined) {
      await pauseByAutomation(database, {
        settlementId: pause.scope === 'settlement' ? settlementId : null,
        cause,
        isLiftedByItself: pause.isLiftedByItself,
      });
    }
    throw error;
  }
}

function causeOf(error: unknown): ReasonCode | undefined {
  if (!(error instanceof StripeRefusedError)) {
    return undefined;
  }
  switch (error.httpStatus) {
    case 401:
      return 'platform_key_rejected';
    case 403:
      return 'platform_permission_missing';
    case 404:
      return 'platform_wrong_url';
    default:
      return undefined;
  }
}

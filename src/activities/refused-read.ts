import type { ReasonCode } from '../domain/reasons';
import { StripeRefusedError } from '../stripe/read-failures';
import type { ActivityDependencies } from './dependencies';
import { pauseForPlatform } from './pause-for-platform';

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
    if (cause !== undefined) {
      await pauseForPlatform(database, settlementId, cause);
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

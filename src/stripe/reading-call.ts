import type Stripe from 'stripe';
import type { z } from 'zod';
import { readFailure } from './read-failures';
import { TransportError } from './single-send-http-client';

export interface ExpectedAnswer<Output> {
  readonly schema: z.ZodType<Output>;
  /** What the failure says of an answer that is another one, such as `NOT_A_LIST`. */
  readonly orElse: string;
}

/**
 * The answer of one reading call, reduced to what its schema names; text that nobody asked for ends here (M12).
 *
 * The SDK takes every JSON object without an `error` for a success, whatever its status: a proxy's 503 must not be read
 * as an account without capabilities, or as an empty list.
 * @throws StripeUnreachableError when there is no readable answer, or another one than expected
 * @throws StripeRefusedError when Stripe answers with an error
 */
export async function readAnswer<Output>(
  stripe: Stripe,
  call: () => Promise<Stripe.Response<unknown>>,
  expected: ExpectedAnswer<Output>,
): Promise<Output> {
  try {
    const answer = await call();
    const { statusCode } = answer.lastResponse;
    if (statusCode < 200 || statusCode > 299) {
      throw new TransportError('unreadable', `HTTP_${statusCode}`);
    }
    const parsed = expected.schema.safeParse(answer);
    if (!parsed.success) {
      throw new TransportError('unreadable', expected.orElse);
    }
    return parsed.data;
  } catch (error) {
    throw readFailure(stripe, error);
  }
}

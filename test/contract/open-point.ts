import type { SetUp } from './set-up';
import type { RawRequest } from './raw-stripe';

/** In part: what was seen agrees, and something was not to be seen. */
export type Agreement = 'yes' | 'no' | 'in part' | 'not asked';

export interface Finding {
  /** Statuses, codes, header values and numbers; never Stripe's sentences. */
  readonly observed: string;
  readonly agree: Agreement;
}

/** One thing that Stripe's documentation leaves open and that money hangs on. */
export interface OpenPoint {
  readonly number: number;
  readonly question: string;
  /** What our sandbox does and our code counts on. */
  readonly assumed: string;
  /** Throws `NotAsked` when what it needs could not be set up. */
  readonly ask: (setUp: SetUp) => Promise<Finding>;
}

/** In minor units: the least that every currency of a platform allows. */
const AMOUNT_MINOR = 100;

export interface TransferForm {
  readonly destination: string;
  readonly amountMinor?: number;
  readonly currency?: string;
  readonly group?: string;
  readonly point: number;
}

/** A transfer's request as one of ours, except for what a question changes. */
export function transferRequest(
  setUp: SetUp,
  key: string,
  form: TransferForm,
): RawRequest & { readonly form: readonly (readonly [string, string])[] } {
  return {
    method: 'POST',
    path: '/v1/transfers',
    idempotencyKey: `contract:${setUp.run}:${form.point}:${key}`,
    form: [
      ['amount', (form.amountMinor ?? AMOUNT_MINOR).toString()],
      ['currency', form.currency ?? setUp.currency],
      ['destination', form.destination],
      ['transfer_group', form.group ?? `contract:${setUp.run}`],
      ['metadata[contract_point]', form.point.toString()],
    ],
  };
}

/** @param checks one for each thing that is assumed; undefined for what could not be seen */
export function agreement(checks: readonly (boolean | undefined)[]): Agreement {
  if (checks.includes(false)) {
    return 'no';
  }
  if (!checks.includes(true)) {
    return 'not asked';
  }
  return checks.includes(undefined) ? 'in part' : 'yes';
}

/** A finding that agrees when what was seen is, word for word, what was assumed. */
export function finding(observed: string, assumed: string): Finding {
  return { observed, agree: agreement([observed === assumed]) };
}

import { InvalidSettingsError } from '../config/settings';
import { isLoginRefused, isUnreachable, postgresErrorOf } from '../db/database-errors';
import { InstallationMismatchError, NotSetUpError } from '../db/installation';
import { AwardAlreadySettledError } from '../db/payout-transfers';
import { SettlementConflictError } from '../db/settlements';
import { InvalidInputError } from '../domain/invalid-input';
import { StripeRefusedError, StripeUnreachableError } from '../stripe/read-failures';
import { SearchAttributeConflictError } from './setup';
import {
  isNamespaceMissing,
  isTemporalUnavailable,
  TemporalUnreachableError,
} from './temporal-client';

/** What a command's exit code means (design §7). */
export const EXIT_CODES = { done: 0, problemFound: 1, wrongUse: 2, unreachable: 3 } as const;

type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];

/** Wrong use that only a command can see, such as an option without its companion. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const WRONG_USE = [
  UsageError,
  InvalidSettingsError,
  InvalidInputError,
  SettlementConflictError,
  AwardAlreadySettledError,
  InstallationMismatchError,
  NotSetUpError,
  StripeRefusedError,
  SearchAttributeConflictError,
];

/** How a command ends for an error that reached its top, and what it says. */
export function exitOf(
  error: unknown,
  addresses: { readonly database: string; readonly temporal: string },
): { readonly code: ExitCode; readonly message: string } {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof StripeRefusedError && mayPass(error)) {
    return { code: EXIT_CODES.unreachable, message };
  }
  if (error instanceof StripeRefusedError && isOfKey(error)) {
    return { code: EXIT_CODES.wrongUse, message: `STRIPE_API_KEY: ${message}` };
  }
  if (WRONG_USE.some((kind) => error instanceof kind)) {
    return { code: EXIT_CODES.wrongUse, message };
  }
  if (error instanceof TemporalUnreachableError || error instanceof StripeUnreachableError) {
    return { code: EXIT_CODES.unreachable, message };
  }
  if (isTemporalUnavailable(error)) {
    return {
      code: EXIT_CODES.unreachable,
      message: `Temporal does not answer at ${addresses.temporal}`,
    };
  }
  if (isNamespaceMissing(error)) {
    return { code: EXIT_CODES.wrongUse, message: `${message}; run \`payouts setup\` first` };
  }
  if (isUnreachable(error)) {
    return {
      code: EXIT_CODES.unreachable,
      message: `Postgres cannot be reached at ${addresses.database}`,
    };
  }
  if (isLoginRefused(error)) {
    return {
      code: EXIT_CODES.wrongUse,
      message: `DATABASE_URL: Postgres at ${addresses.database} refuses this user, password or database`,
    };
  }
  // What Postgres itself said; around it stands the statement with its values, which is nobody's business.
  return { code: EXIT_CODES.problemFound, message: postgresErrorOf(error)?.message ?? message };
}

/** Stripe is busy or ill; a wrong key or request is answered otherwise. */
function mayPass({ code, httpStatus }: StripeRefusedError): boolean {
  return httpStatus === 409 || httpStatus === 429 || httpStatus >= 500 || code === 'rate_limit';
}

/** The key is wrong, or may not do this. */
function isOfKey({ httpStatus }: StripeRefusedError): boolean {
  return httpStatus === 401 || httpStatus === 403;
}

/** Host, port and database of a URL, without its user and password. */
export function addressOfUrl(url: string | undefined): string {
  if (url === undefined || !URL.canParse(url)) {
    return 'the address in DATABASE_URL';
  }
  const { hostname, port, pathname } = new URL(url);
  return `${hostname}:${port === '' ? '5432' : port}${pathname}`;
}

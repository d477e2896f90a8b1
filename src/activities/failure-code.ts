import { databaseErrorCode } from '../db/database-errors';
import { stripeErrorCode } from '../stripe/read-failures';

/**
 * What kind of error it was, for histories, logs and rows: a code of Stripe's answer, SQLSTATE, the code of Node or of a
 * library, or else the error's name. Never its message: around what Postgres said stands the statement with its values,
 * and others write what they like (M12).
 */
export function codeOfFailure(error: unknown): string {
  return stripeErrorCode(error) ?? databaseErrorCode(error) ?? nameOf(error);
}

/** By shape, as in `errorCode`. */
function nameOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'name' in error
    ? String(error.name)
    : 'unnamed';
}

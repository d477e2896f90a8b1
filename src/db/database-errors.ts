import { DrizzleQueryError } from 'drizzle-orm';
import { DatabaseError } from 'pg';

import { errorCode } from '../domain/error-code';

/** SQLSTATE classes of a server that is not there for us: connection, shutdown, too many connections. */
const UNREACHABLE_SQLSTATES = ['08', '57P', '53300'];

const UNREACHABLE_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EPIPE',
]);

/** What node-postgres says, without a code, of a connection that did not come, broke, or is broken already. */
const UNREACHABLE_MESSAGES =
  /timeout exceeded when trying to connect|Connection terminated|connection error and is not queryable/;

/** An error and everything that caused it; drizzle and Node wrap what Postgres said. */
function causesOf(error: unknown): object[] {
  const found: object[] = [];
  let current = error;
  while (typeof current === 'object' && current !== null && !found.includes(current)) {
    found.push(current);
    if (current instanceof AggregateError) {
      found.push(...(current.errors as object[]));
    }
    current = 'cause' in current ? current.cause : undefined;
  }
  return found;
}

/** The error of Postgres inside whatever was wrapped around it. */
export function postgresErrorOf(error: unknown): DatabaseError | undefined {
  return causesOf(error).find((cause) => cause instanceof DatabaseError);
}

/** Whether Postgres could not be reached, or went away: nothing is known to be wrong with the statement. */
export function isUnreachable(error: unknown): boolean {
  const sqlState = postgresErrorOf(error)?.code;
  if (sqlState !== undefined) {
    return UNREACHABLE_SQLSTATES.some((prefix) => sqlState.startsWith(prefix));
  }
  return causesOf(error).some(
    (cause) =>
      UNREACHABLE_CODES.has(errorCode(cause) ?? '') ||
      ('message' in cause && UNREACHABLE_MESSAGES.test(String(cause.message))),
  );
}

/** SQLSTATEs of a server that is there and refuses the login: user, password, or a database that does not exist. */
const REFUSED_LOGIN_SQLSTATES = ['28', '3D000'];

/** Whether Postgres refuses the user, password or database of the URL: a wrong setting, whatever the statement. */
export function isLoginRefused(error: unknown): boolean {
  const sqlState = postgresErrorOf(error)?.code;
  return (
    sqlState !== undefined && REFUSED_LOGIN_SQLSTATES.some((prefix) => sqlState.startsWith(prefix))
  );
}

/**
 * What Postgres or the way to it said, as a code and without the statement and its values: SQLSTATE, or else what Node
 * or a library put on the error or on one of its causes.
 * @returns undefined where there is none
 */
export function databaseErrorCode(error: unknown): string | undefined {
  return (
    postgresErrorOf(error)?.code ??
    causesOf(error)
      .map((cause) => errorCode(cause))
      .find((code) => code !== undefined)
  );
}

/** Whether a statement failed, for whatever cause: then the error's words are the statement with its values. */
export function isOfStatement(error: unknown): boolean {
  return causesOf(error).some(
    (cause) => cause instanceof DrizzleQueryError || cause instanceof DatabaseError,
  );
}

import { DatabaseError } from 'pg';

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

function causes(error: unknown): unknown[] {
  const found: unknown[] = [];
  for (
    let current = error;
    current instanceof Error && !found.includes(current);
    current = current.cause
  ) {
    found.push(current);
    if (current instanceof AggregateError) {
      found.push(...(current.errors as unknown[]));
    }
  }
  return found;
}

/** The error of Postgres inside whatever drizzle wrapped around it. */
export function postgresErrorOf(error: unknown): DatabaseError | undefined {
  return causes(error).find((cause) => cause instanceof DatabaseError);
}

export function isUnreachable(error: unknown): boolean {
  const sqlState = postgresErrorOf(error)?.code;
  if (sqlState !== undefined) {
    return UNREACHABLE_SQLSTATES.some((prefix) => sqlState.startsWith(prefix));
  }
  return causes(error).some((cause) => {
    if (!(cause instanceof Error)) {
      return false;
    }
    const code = 'code' in cause ? String(cause.code) : '';
    // node-postgres gives these no code.
    return (
      UNREACHABLE_CODES.has(code) ||
      /timeout exceeded when trying to connect|Connection terminated|connection error and is not queryable/.test(
        cause.message,
      )
    );
  });
}

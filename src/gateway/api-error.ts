import { isUnreachable, postgresErrorOf } from '../db/database-errors';
import { AwardAlreadySettledError } from '../db/payout-transfers';
import { SettlementConflictError } from '../db/settlements';
import { errorCode } from '../domain/error-code';
import { InvalidInputError, type Problem } from '../domain/invalid-input';
import { UnknownSettlementError } from '../client/read-status';
import { NotJsonError } from '../client/strict-json';

/** What the gateway answers with instead of a result; its message goes to the caller, so it carries no internals. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly problems: readonly Problem[];
  /** How many problems are not in `problems`. */
  readonly omitted: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    more: {
      readonly problems?: readonly Problem[];
      readonly omitted?: number;
      readonly headers?: Readonly<Record<string, string>>;
    } = {},
  ) {
    super(message);
    this.problems = more.problems ?? [];
    this.omitted = more.omitted ?? 0;
    this.headers = more.headers ?? {};
  }
}

export interface ErrorBody {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly requestId: string;
    readonly problems?: readonly Problem[];
    readonly omittedProblems?: number;
  };
}

/** The one shape of every error: `{error: {code, message, requestId, problems?, omittedProblems?}}`. */
export function errorBody(error: ApiError, requestId: string): ErrorBody {
  const { code, message, omitted, problems } = error;
  return {
    error: {
      code,
      message,
      requestId,
      ...(problems.length > 0 && { problems }),
      ...(omitted > 0 && { omittedProblems: omitted }),
    },
  };
}

/** Whatever was thrown while a request was served, as the answer to its caller. */
export function apiErrorOf(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) {
    return thrown;
  }
  return refusalOf(thrown) ?? frameworkRefusalOf(thrown) ?? failureOf(thrown);
}

/** What the caller sent cannot be done. */
function refusalOf(thrown: unknown): ApiError | undefined {
  if (thrown instanceof NotJsonError) {
    const { problems } = thrown;
    return new ApiError(400, 'malformed_json', 'the body is not JSON; nothing was recorded', {
      problems,
    });
  }
  if (thrown instanceof InvalidInputError) {
    const { omitted, problems } = thrown;
    const message = 'the settlement is refused whole; nothing was recorded';
    return new ApiError(422, 'invalid_settlement', message, { problems, omitted });
  }
  if (thrown instanceof SettlementConflictError) {
    return new ApiError(409, 'settlement_conflict', thrown.message);
  }
  if (thrown instanceof AwardAlreadySettledError) {
    return new ApiError(409, 'award_already_settled', thrown.message);
  }
  if (thrown instanceof UnknownSettlementError) {
    return new ApiError(404, 'settlement_not_found', thrown.message);
  }
  return undefined;
}

/** Codes of Fastify's errors: https://fastify.dev/docs/latest/Reference/Errors/ */
function frameworkRefusalOf(thrown: unknown): ApiError | undefined {
  switch (errorCode(thrown) ?? '') {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new ApiError(413, 'body_too_large', 'the body is larger than this route takes');
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new ApiError(
        415,
        'unsupported_media_type',
        'the body has to be application/json, and not compressed',
      );
    case 'FST_ERR_BAD_URL':
      return new ApiError(400, 'bad_url', 'the path cannot be decoded');
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new ApiError(400, 'body_incomplete', 'the body did not arrive whole');
    default:
      return undefined;
  }
}

/** SQLSTATEs of a statement that may pass when it is tried again: cancelled by its deadline, lock, deadlock. */
const BUSY_SQLSTATES = ['57014', '55P03', '40'];

function failureOf(thrown: unknown): ApiError {
  const headers = { 'retry-after': '5' };
  if (isUnreachable(thrown)) {
    const message = 'the database cannot be reached; nothing was changed that is not there already';
    return new ApiError(503, 'database_unreachable', message, { headers });
  }
  const sqlState = postgresErrorOf(thrown)?.code;
  if (sqlState !== undefined && BUSY_SQLSTATES.some((prefix) => sqlState.startsWith(prefix))) {
    const message = 'the database was too busy; the same request may be sent again';
    return new ApiError(503, 'database_busy', message, { headers });
  }
  return new ApiError(500, 'internal_error', 'the gateway failed; its log has this request id');
}

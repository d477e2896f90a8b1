import { ApplicationFailure } from '@temporalio/activity';

import { FAILURE_TYPES } from '../domain/contracts';
import { isOfStatement, isUnreachable, postgresErrorOf } from '../db/database-errors';
import { PARK_AFTER_MS } from '../domain/limits';
import type { SendRefusal } from '../domain/next-state';
import type { SendOutcome, StripeAnswer } from '../domain/outcome';
import { failureClassOf } from '../domain/reasons';

/**
 * The only place where an outcome becomes a Temporal failure. Temporal retries what time can mend (a transient
 * refusal, a lost answer under a young key); what a person has to mend goes back to the workflow at once.
 */
export function failureOfOutcome(
  outcome: Exclude<SendOutcome, { kind: 'created' }>,
  answer: StripeAnswer,
): ApplicationFailure {
  const { reason } = outcome;
  if (outcome.kind === 'unknown') {
    return ApplicationFailure.create({
      type: FAILURE_TYPES.unknown,
      message: reason,
      // A replayed unknown, or one that needs a person, comes back the same however often it is asked for.
      nonRetryable: answer.replayed || outcome.alarm,
    });
  }
  const { retryAfterMs = 0 } = outcome;
  return ApplicationFailure.create({
    type: FAILURE_TYPES[failureClassOf(reason)],
    message: reason,
    // The workflow tries again what counts, minutes apart, since seconds would use the allowance up, and what Stripe
    // wants to wait for longer than a place in the job's window may be held.
    nonRetryable:
      outcome.leadsTo !== 'retryable' || outcome.counted || retryAfterMs > PARK_AFTER_MS,
    ...(retryAfterMs > 0 && { nextRetryDelay: retryAfterMs }),
  });
}

/**
 * An error of Postgres without the statement and its values, which would stand in histories and logs for ever (M12).
 * Temporal retries it: a Postgres that is away, or a lock that was not given, is no answer.
 */
function withoutStatement(error: unknown): unknown {
  if (!isOfStatement(error) && !isUnreachable(error)) {
    return error;
  }
  return ApplicationFailure.create({
    type: FAILURE_TYPES.postgres,
    message: `Postgres: ${saidByPostgres(error)}`,
    nonRetryable: false,
  });
}

function saidByPostgres(error: unknown): string {
  const sqlState = postgresErrorOf(error)?.code;
  if (sqlState !== undefined) {
    return `SQLSTATE ${sqlState}`;
  }
  return isUnreachable(error) ? 'not reached' : 'no answer';
}

/** An activity whose failures carry nothing but codes. */
export function discreetly<Input, Result>(
  activity: (input: Input) => Promise<Result>,
): (input: Input) => Promise<Result> {
  return async (input) => {
    try {
      return await activity(input);
    } catch (error) {
      throw withoutStatement(error);
    }
  };
}

/** The gate before the POST let nothing through: nothing was sent, and another try would meet the same gate. */
export function failureOfRefusedSend(refusal: SendRefusal): ApplicationFailure {
  return ApplicationFailure.create({
    type: FAILURE_TYPES.sendRefused,
    message: refusal,
    nonRetryable: true,
  });
}

import { Context } from '@temporalio/activity';

import { HEARTBEAT_EVERY_MS } from '../domain/limits';

/**
 * An activity that beats while its process lives, so that Temporal gives it to another worker soon after that one was
 * killed. A beat says nothing of the work: what hangs in a living process ends with its own deadlines.
 *
 * Only for what may be done twice at a time: a process that stands still for longer than the heartbeat's timeout goes on
 * beside its successor.
 */
export function beating<Input, Result>(
  activity: (input: Input) => Promise<Result>,
): (input: Input) => Promise<Result> {
  return async (input) => {
    const context = Context.current();
    context.heartbeat();
    const timer = setInterval(() => {
      context.heartbeat();
    }, HEARTBEAT_EVERY_MS);
    try {
      return await activity(input);
    } finally {
      clearInterval(timer);
    }
  };
}

import type { CommandContext } from './command-context';

/** Says what stands all the same where the work after it fails; the failure is the command's. */
export async function orSay<Result>(
  context: CommandContext,
  stands: string,
  work: Promise<Result>,
): Promise<Result> {
  return work.catch((error: unknown) => {
    context.say(stands);
    throw error;
  });
}

import { loadSettings } from '../../config/settings';
import type { Database } from '../../db/database';
import { assertInstallation } from '../../db/installation';
import type { PauseScope } from '../../db/operator-pauses';
import { pauseSending, resumeSending, sendsBehindPause } from '../../activities/pause-sending';
import { tellJobs, wakeAfterPause } from '../../activities/wake-after-pause';
import { findPausesTouching } from '../../db/operator-pauses';
import { findSendsUnderWay, type SendUnderWay } from '../../db/sends-under-way';
import type { Operator } from '../../domain/operator-reason';
import { awaitSends, unanswered, type ReportedSend } from '../await-sends';
import { withDatabase, withTemporal } from '../connections';
import { EXIT_CODES } from '../exit-codes';
import { jobNamed, operatorOf } from '../operator';
import { pauseReport, pauseText } from '../show-pauses';
import type { CommandContext, JsonOption } from './command-context';
import { orSay } from './or-say';

export interface ReasonOptions extends JsonOption {
  readonly reason?: string;
}

export interface PauseOptions extends ReasonOptions {
  /** Whether to wait for the answers of what is on its way. */
  readonly wait?: boolean;
}

/** `payouts pause [SETTLEMENT] --reason R [--no-wait]` */
export async function pauseCommand(
  context: CommandContext,
  settlementId: string | undefined,
  options: PauseOptions,
): Promise<number> {
  const { variables } = context.environment;
  return withScope(context, settlementId, options, async ({ database, operator, scope }) => {
    const isSet = await pauseSending(database, scope, operator);
    const underWay = await orSay(
      context,
      'the pause is in force; what is still on its way could not be read',
      sendsBehindPause(database, scope),
    );
    await orSay(
      context,
      'the pause is in force; Temporal was not told, which changes nothing about it',
      withTemporal(variables, ({ client }) => tellJobs({ client, database }, scope, 'pause')),
    );
    const inFlight =
      options.wait === false
        ? unanswered(underWay)
        : await orSay(
            context,
            'the pause is in force; how the sends ended could not be read',
            answersOf(context, database, underWay),
          );
    const inForce = await findPausesTouching(database, scope);
    const report = pauseReport({ scope, changed: isSet, lifted: [], inForce, inFlight });
    const done = isSet ? 'paused' : 'was paused already; nothing was changed';
    context.print(report, pauseText(report, done), options);
    return EXIT_CODES.done;
  });
}

/** Waits for the ends of what is on its way; Ctrl-C ends the wait and not the pause. */
async function answersOf(
  context: CommandContext,
  database: Database,
  underWay: readonly SendUnderWay[],
): Promise<ReportedSend[]> {
  const stop = new AbortController();
  const onSignal = () => {
    context.say('the pause stays in force; what is not answered yet is reported as such');
    stop.abort();
  };
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  try {
    return await awaitSends(database, underWay, {
      signal: stop.signal,
      onProgress: (missing) => {
        context.say(`paused; waiting for ${missing.toString()} answers of Stripe`);
      },
    });
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

/** `payouts resume [SETTLEMENT] --reason R` */
export async function resumeCommand(
  context: CommandContext,
  settlementId: string | undefined,
  options: ReasonOptions,
): Promise<number> {
  const { variables } = context.environment;
  return withScope(context, settlementId, options, async ({ database, operator, scope }) => {
    const { inForce, lifted } = await resumeSending(database, scope, operator);
    await orSay(
      context,
      'the pause is lifted; whoever waited was not told and looks again within the hour. ' +
        'Give the same command again when Temporal is there.',
      withTemporal(variables, ({ client }) => wakeAfterPause({ client, database }, scope)),
    );
    const inFlight = unanswered(await findSendsUnderWay(database, scope));
    const changed = lifted.length > 0;
    const report = pauseReport({ scope, changed, lifted, inForce, inFlight });
    const done = changed ? 'resumed' : 'had no pause of its own; nothing was changed';
    context.print(report, pauseText(report, done), options);
    return EXIT_CODES.done;
  });
}

interface Order {
  readonly database: Database;
  readonly operator: Operator;
  readonly scope: PauseScope;
}

async function withScope(
  context: CommandContext,
  settlementId: string | undefined,
  options: ReasonOptions,
  work: (order: Order) => Promise<number>,
): Promise<number> {
  const { variables } = context.environment;
  const settings = loadSettings(variables, ['DATABASE_URL', 'TEMPORAL_ADDRESS']);
  const operator = operatorOf(variables, options);
  return withDatabase(variables, async (database) => {
    await assertInstallation(database, { installationId: settings.payoutInstallationId });
    if (settlementId !== undefined) {
      await jobNamed(database, settlementId);
    }
    return work({ database, operator, scope: settlementId ?? null });
  });
}

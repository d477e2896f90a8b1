import type { Client } from '@temporalio/client';

import { codeOfFailure } from '../../../activities/failure-code';
import { driveTransfers } from '../../../client/retry';
import { isTemporalFailure } from '../../../client/temporal-client';
import type { TransferStart } from '../../../domain/contracts';
import { MINUTE_MS } from '../../../domain/durations';
import {
  CONSOLE_TELL_MANY_MS,
  GATEWAY_START_DEADLINE_MS,
  SWEEP_EVERY_MS,
} from '../../../domain/limits';
import type { ConsoleContext } from '../console-context';
import type { GivenOrder } from './console-order';

/** What follows a message about an order that stands in Postgres and that Temporal does not know of yet. */
const TOLD_LATER =
  ' Temporal could not be told now. The order stands and is not lost: the sweep starts what has no run within ' +
  `${(SWEEP_EVERY_MS / MINUTE_MS).toString()} minutes, and a run that is open looks by itself within the hour.`;

/**
 * Tells Temporal of an order that stands in Postgres already, within a time that a person waits for a page.
 * @returns what to add to the message: nothing, or that it is told later
 */
export async function tellInTime(
  { temporal: { client, connection } }: ConsoleContext,
  { log }: Pick<GivenOrder, 'log'>,
  transfers: number,
  tell: (client: Client) => Promise<void>,
): Promise<string> {
  const waitMs = transfers > 1 ? CONSOLE_TELL_MANY_MS : GATEWAY_START_DEADLINE_MS;
  try {
    await connection.withDeadline(Date.now() + waitMs, () => tell(client));
    return '';
  } catch (error) {
    if (!isTemporalFailure(error)) {
      throw error;
    }
    log.warn({ code: codeOfFailure(error) }, 'Temporal was not told of an order; it is kept');
    return TOLD_LATER;
  }
}

/** The same for transfers of one settlement that are to go on: their job and their runs are told, or started. */
export async function tellToGoOn(
  context: ConsoleContext,
  given: Pick<GivenOrder, 'log'>,
  transfers: readonly TransferStart[],
): Promise<string> {
  const [first] = transfers;
  const { database } = context;
  return first === undefined
    ? ''
    : tellInTime(context, given, transfers.length, (client) =>
        driveTransfers({ client, database }, first.settlementId, transfers),
      );
}

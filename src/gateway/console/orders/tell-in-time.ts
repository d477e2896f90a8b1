import type { Client } from '@temporalio/client';

import { driveTransfers } from '../../../client/retry';
import { WITHOUT_BEING_TOLD } from '../../../client/untold';
import type { TransferStart } from '../../../domain/contracts';
import { CONSOLE_TELL_MANY_MS, GATEWAY_START_DEADLINE_MS } from '../../../domain/limits';
import { inTime } from '../../in-time';
import type { ConsoleContext } from '../console-context';
import type { GivenOrder } from './console-order';

/** What follows a message about an order that stands in Postgres and that Temporal does not know of yet. */
const TOLD_LATER = ` Temporal could not be told now. The order stands and is not lost: ${WITHOUT_BEING_TOLD}.`;

/**
 * Tells Temporal of an order that stands in Postgres already, within a time that a person waits for a page.
 * @returns what to add to the message: nothing, or that it is told later
 */
export async function tellInTime(
  { temporal: { client, connection } }: ConsoleContext,
  { log, signal }: Pick<GivenOrder, 'log' | 'signal'>,
  transfers: number,
  tell: (client: Client) => Promise<void>,
): Promise<string> {
  // Whoever stops the gateway does not wait for many to be told either.
  const isPatient = transfers > 1 && !signal.aborted;
  const waitMs = isPatient ? CONSOLE_TELL_MANY_MS : GATEWAY_START_DEADLINE_MS;
  const onUntaken = (code: string) => {
    log.warn({ code }, 'Temporal was not told of an order; it is kept');
  };
  const isTold = await inTime(connection, { waitMs, onUntaken }, async () => {
    await tell(client);
    return true;
  });
  return isTold === true ? '' : TOLD_LATER;
}

/** The same for transfers of one settlement that are to go on: their job and their runs are told, or started. */
export async function tellToGoOn(
  context: ConsoleContext,
  given: Pick<GivenOrder, 'log' | 'signal'>,
  transfers: readonly TransferStart[],
): Promise<string> {
  const { database } = context;
  return transfers.length === 0
    ? ''
    : tellInTime(context, given, transfers.length, (client) =>
        driveTransfers({ client, database }, transfers),
      );
}

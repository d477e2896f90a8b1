import type { Client } from '@temporalio/client';

import type { Database } from '../../db/database';
import type { TransferStart } from '../../domain/contracts';
import { MINUTE_MS } from '../../domain/durations';
import { SWEEP_EVERY_MS } from '../../domain/limits';
import { withTemporal } from '../connections';
import { driveTransfers } from '../retry';
import type { CommandContext } from './command-context';

/** True for every order: a settlement that came by HTTP or as rows has no file that could be settled again. */
const HOW_IT_GOES_ON =
  'Temporal was not told. When it is there again, `payouts sweep` starts what has no run; its Schedule does so within ' +
  `${(SWEEP_EVERY_MS / MINUTE_MS).toString()} minutes. A run that is open looks by itself within the hour.`;

/**
 * Tells Temporal of an order that stands in Postgres already.
 * @param stands what stands, and what only this order needs to say, for the case that Temporal cannot be told
 */
export async function tellTemporal(
  context: CommandContext,
  stands: string,
  tell: (client: Client) => Promise<void>,
): Promise<void> {
  await withTemporal(context.environment.variables, ({ client }) => tell(client)).catch(
    (error: unknown) => {
      context.say(`${stands}. ${HOW_IT_GOES_ON}`);
      throw error;
    },
  );
}

/** The same for transfers of one settlement that are to go on: their job and their runs are told, or started. */
export async function tellToGoOn(
  context: CommandContext,
  database: Database,
  { stands, transfers }: { readonly stands: string; readonly transfers: readonly TransferStart[] },
): Promise<void> {
  const [first] = transfers;
  if (first !== undefined) {
    await tellTemporal(context, stands, (client) =>
      driveTransfers({ client, database }, first.settlementId, transfers),
    );
  }
}

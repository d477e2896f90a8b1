import type { Client } from '@temporalio/client';

import type { Database } from '../../db/database';
import type { TransferStart } from '../../domain/contracts';
import { withTemporal } from '../connections';
import { driveTransfers } from '../retry';
import { WITHOUT_BEING_TOLD } from '../untold';
import type { CommandContext } from './command-context';
import { orSay } from './or-say';

/** True for every order: a settlement that came by HTTP or as rows has no file that could be settled again. */
const TOLD_LATER = `Temporal was not told: ${WITHOUT_BEING_TOLD}. \`payouts sweep\` does it when Temporal is there again.`;

/**
 * Tells Temporal of an order that stands in Postgres already.
 * @param stands what stands, and what only this order needs to say, for the case that Temporal cannot be told
 */
export async function tellTemporal(
  context: CommandContext,
  stands: string,
  tell: (client: Client) => Promise<void>,
): Promise<void> {
  const told = withTemporal(context.environment.variables, ({ client }) => tell(client));
  await orSay(context, `${stands}. ${TOLD_LATER}`, told);
}

/** The same for transfers of one settlement that are to go on: their job and their runs are told, or started. */
export async function tellToGoOn(
  context: CommandContext,
  database: Database,
  { stands, transfers }: { readonly stands: string; readonly transfers: readonly TransferStart[] },
): Promise<void> {
  if (transfers.length > 0) {
    await tellTemporal(context, stands, (client) =>
      driveTransfers({ client, database }, transfers),
    );
  }
}

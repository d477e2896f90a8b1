import { v5 as uuidV5 } from 'uuid';

import { TRANSFER_ID_NAMESPACE, transferIdentityText, type TransferIdentity } from '../domain/ids';

/** The same debt has the same id in every database of an installation, also in one restored from a backup (M3). */
export function transferIdOf(identity: TransferIdentity): string {
  return uuidV5(transferIdentityText(identity), TRANSFER_ID_NAMESPACE);
}

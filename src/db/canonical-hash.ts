import { createHash } from 'node:crypto';

import { v5 as uuidV5 } from 'uuid';

import { TRANSFER_ID_NAMESPACE, transferIdentityText, type TransferIdentity } from '../domain/ids';
import { canonicalSettlementText, type Settlement } from '../domain/settlement';

/** SHA-256, in hex, of a settlement's canonical text: equal content gives equal hashes, in whatever order (M10). */
export function settlementContentHash(settlement: Settlement): string {
  return createHash('sha256').update(canonicalSettlementText(settlement), 'utf8').digest('hex');
}

/** The same debt has the same id in every database of an installation, also in one restored from a backup (M3). */
export function transferIdOf(identity: TransferIdentity): string {
  return uuidV5(transferIdentityText(identity), TRANSFER_ID_NAMESPACE);
}

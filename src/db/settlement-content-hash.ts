import { createHash } from 'node:crypto';

import { canonicalSettlementText, type Settlement } from '../domain/settlement';

/** SHA-256, in hex, of a settlement's canonical text: equal content gives equal hashes, in whatever order (M10). */
export function settlementContentHash(settlement: Settlement): string {
  return createHash('sha256').update(canonicalSettlementText(settlement), 'utf8').digest('hex');
}

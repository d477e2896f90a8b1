import { v5 as uuidV5 } from 'uuid';

import {
  JOB_ID_NAMESPACE,
  TRANSFER_ID_NAMESPACE,
  transferIdentityText,
  type TransferIdentity,
} from '../domain/ids';

/** The same debt has the same id in every database of an installation, also in one restored from a backup (M3). */
export function transferIdOf(identity: TransferIdentity): string {
  return uuidV5(transferIdentityText(identity), TRANSFER_ID_NAMESPACE);
}

/** Likewise the job of a settlement: a run that is open outlives a restore, and finds its job again. */
export function jobIdOf(settlementId: string): string {
  return uuidV5(settlementId, JOB_ID_NAMESPACE);
}

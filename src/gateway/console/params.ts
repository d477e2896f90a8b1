import { z } from 'zod';

import { TRANSFER_ID_PATTERN } from '../../domain/ids';

/** Ids of settlements that are not accepted may be any text, and longer than ours. */
const HANDED_IN_ID_CHARACTERS_MAX = 1_000;
export const anySettlementId = z.string().max(HANDED_IN_ID_CHARACTERS_MAX);

export const settlementParams = z.object({ settlementId: anySettlementId });

export const winnerParams = settlementParams.extend({
  transferId: z.string().regex(TRANSFER_ID_PATTERN, 'the id of a transfer'),
});
export type WinnerParams = z.output<typeof winnerParams>;

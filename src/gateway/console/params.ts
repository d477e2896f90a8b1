import { z } from 'zod';

import { TRANSFER_ID_PATTERN } from '../../domain/ids';

const ID_CHARACTERS_MAX = 1_000;

/** Ids of settlements that are not accepted may be any text. */
export const settlementParams = z.object({ settlementId: z.string().max(ID_CHARACTERS_MAX) });

export const winnerParams = settlementParams.extend({
  transferId: z.string().regex(TRANSFER_ID_PATTERN, 'the id of a transfer'),
});
export type WinnerParams = z.output<typeof winnerParams>;

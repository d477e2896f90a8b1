/** The inside of the system, blame, suspicion, and what the platform owns or lacks: nothing of it is a winner's to know. */
export const NOT_FOR_WINNERS =
  /\b(stripe key|keys?|balances?|funds|insufficient|api|risk|fraud|suspect|suspicious|suspicion|workflow|database|ledger|worker|server|operator|platform|refused|rejected|denied|fail(ed|ure)?|errors?|wrong|invalid|fault|mistake|blocked|mode|attempts?|retry|retried|alarm|code|generation|limit|must|4\d\d|5\d\d)\b|_/i;

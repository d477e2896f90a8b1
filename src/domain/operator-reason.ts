import { isPlainText } from './shown-value';

/** Who gives an order and why; kept for ever beside what it changed. */
export interface Operator {
  readonly actor: string;
  readonly reason: string;
}

const REASON_CHARACTERS_MAX = 500;
export const REASON_EXPECTED = `1 to ${REASON_CHARACTERS_MAX.toString()} characters on one line`;

/** A reason as it is kept, without spaces around it; undefined where it is empty, too long or more than plain text. */
export function operatorReason(text: string): string | undefined {
  const reason = text.trim();
  const isReason = reason !== '' && reason.length <= REASON_CHARACTERS_MAX && isPlainText(reason);
  return isReason ? reason : undefined;
}

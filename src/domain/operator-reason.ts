import { isPlainText } from './shown-value';

/** Who gives an order and why; kept for ever beside what it changed. */
export interface Operator {
  readonly actor: string;
  readonly reason: string;
}

/** What an order without such a reason is counted as. */
export const REASON_REFUSED = 'reason_not_plain_text';

export const REASON_CHARACTERS_MAX = 500;
export const REASON_EXPECTED = `1 to ${REASON_CHARACTERS_MAX.toString()} characters of plain text on one line, no markup`;

/** The beginning of a tag: reasons are shown in pages, and whoever wants markup there wants something else. */
const MARKUP = /<[a-z/!?]/i;

/** A reason as it is kept, without spaces around it; undefined where it is empty, too long or more than plain text. */
export function operatorReason(text: string): string | undefined {
  const reason = text.trim();
  const isReason =
    reason !== '' &&
    reason.length <= REASON_CHARACTERS_MAX &&
    isPlainText(reason) &&
    !MARKUP.test(reason);
  return isReason ? reason : undefined;
}

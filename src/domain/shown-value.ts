/** Longest text of a foreign value in a message. */
const SHOWN_CHARACTERS_MAX = 60;

/**
 * Everything that a terminal or a log reader could take for more than text: control characters, separators that look
 * like line ends, marks that turn the reading direction, and halves of surrogate pairs.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** Whether a text has nothing in it that would have to be escaped before it is shown. */
export function isPlainText(text: string): boolean {
  return text.search(UNPRINTABLE) === -1;
}

function escapeCharacter(character: string): string {
  return Array.from(
    { length: character.length },
    (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
  ).join('');
}

/** Text from outside on one line, with nothing in it that a terminal obeys, cut to a readable length. */
export function shownText(text: string, charactersMax: number = SHOWN_CHARACTERS_MAX): string {
  const short = text.slice(0, charactersMax);
  const escaped = short.replace(UNPRINTABLE, escapeCharacter);
  return text.length > charactersMax ? `${escaped}…` : escaped;
}

/** A value from outside as a message may show it: strings in quotation marks, structures by their kind only. */
export function shownValue(value: unknown): string {
  if (typeof value === 'string') {
    return `"${shownText(value)}"`;
  }
  if (Array.isArray(value)) {
    return `a list of ${value.length.toString()}`;
  }
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) {
    return String(value);
  }
  return value === undefined ? 'nothing' : `an ${typeof value}`;
}

/** A path into a value as people write it: `winners[3].amountMinor`; the whole value is `(whole file)`. */
export function shownPlace(path: readonly PropertyKey[]): string {
  let place = '';
  for (const step of path) {
    if (typeof step === 'number') {
      place += `[${step.toString()}]`;
    } else {
      place += `${place === '' ? '' : '.'}${shownText(String(step))}`;
    }
  }
  return place === '' ? '(whole file)' : place;
}

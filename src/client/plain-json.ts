/** What a terminal or a page could take for more than text; JSON itself already escapes the older control characters. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * JSON on one line with every character escaped that is not seen as itself, such as marks that turn the reading
 * direction; whoever parses it gets the same value.
 */
export function plainJson(value: unknown): string {
  return JSON.stringify(value).replace(UNPRINTABLE, (character) =>
    Array.from(
      { length: character.length },
      (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}

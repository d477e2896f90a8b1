import type { GatewayToken } from './setting-rules';

/** A shorter token can be guessed, and a random one costs nothing. */
export const TOKEN_CHARACTERS_MIN = 16;

/** Whose tokens are shorter than that. A live key refuses them; where no real money moves, they are only warned of. */
export function namesOfShortTokens(tokens: readonly GatewayToken[]): readonly string[] {
  return tokens.filter(({ token }) => token.length < TOKEN_CHARACTERS_MIN).map(({ name }) => name);
}

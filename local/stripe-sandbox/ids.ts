import { randomInt } from 'node:crypto';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/**
 * Random, not counted: ids of a data directory that was deleted and made anew must never equal ids
 * that a client still remembers.
 */
export function newId(prefix: string, length = 24): string {
  let id = `${prefix}_`;
  for (let index = 0; index < length; index += 1) {
    id += ALPHABET.charAt(randomInt(ALPHABET.length));
  }
  return id;
}

import { parse } from 'qs';

export type RawValue = string | RawParams;

export interface RawParams {
  readonly [name: string]: RawValue;
}

/**
 * Stripe takes form encoding with brackets (`metadata[user]=7`, `expand[0]=x`). Arrays are read as
 * objects with numeric names: `metadata[0]=a` is a metadata key named "0", not a list.
 */
export function parseForm(text: string): RawParams {
  const parsed = parse(text, {
    parseArrays: false,
    duplicates: 'last',
    plainObjects: true,
    parameterLimit: 2000,
    arrayLimit: 2000,
    throwOnLimitExceeded: true,
  });
  return copy(parsed);
}

function copy(parsed: object): RawParams {
  const entries = Object.entries(parsed).map(([name, value]: [string, unknown]) => {
    const raw: RawValue = typeof value === 'object' && value !== null ? copy(value) : String(value);
    return [name, raw] as const;
  });
  return Object.fromEntries(entries);
}

/** The same parameters in another order are the same request. */
export function fingerprint(value: RawValue): string {
  if (typeof value === 'string') {
    return JSON.stringify(value);
  }
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${fingerprint(value[name] ?? '')}`).join()}}`;
}

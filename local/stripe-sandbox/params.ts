import { isSupportedCurrency, smallestStep, supportedCurrencies } from './currencies';
import type { RawParams, RawValue } from './form-body';
import type { Metadata } from './rows';
import { invalidRequest } from './stripe-errors';

const MAX_TEXT = 5000;
const MAX_METADATA_KEYS = 50;
const MAX_METADATA_KEY = 40;
const MAX_METADATA_VALUE = 500;

/** `null` unsets all keys, an empty value unsets its key (docs.stripe.com/api/metadata). */
export type MetadataChange = Readonly<Metadata> | null;

/** Reads parameters as Stripe does before anything executes; its refusals are never saved for a key. */
export class ParamReader {
  constructor(
    private readonly raw: RawParams,
    allowed: readonly string[],
  ) {
    const unknown = Object.keys(raw).filter((name) => !allowed.includes(name));
    if (unknown.length > 0) {
      const plural = unknown.length > 1 ? 'parameters' : 'parameter';
      throw invalidRequest(`Received unknown ${plural}: ${unknown.join(', ')}`, {
        code: 'parameter_unknown',
        param: String(unknown[0]),
      });
    }
  }

  text(name: string): string | undefined {
    const value = this.raw[name];
    if (value === undefined) {
      return undefined;
    }
    if (typeof value !== 'string') {
      throw invalidRequest(`Invalid string: ${JSON.stringify(value)}`, { param: name });
    }
    if (value.length > MAX_TEXT) {
      const message = `Invalid string: ${value.slice(0, 10)}...; must be at most ${MAX_TEXT} characters`;
      throw invalidRequest(message, { param: name });
    }
    return value;
  }

  /** Present values must not be empty: an empty value means "unset", which most cannot be. */
  nonEmptyText(name: string): string | undefined {
    const value = this.text(name);
    if (value === '') {
      throw invalidRequest(
        `You passed an empty string for '${name}'. We assume empty values are an attempt to unset a parameter; however '${name}' cannot be unset. You should remove '${name}' from your request or supply a non-empty value.`,
        { code: 'parameter_invalid_empty', param: name },
      );
    }
    return value;
  }

  requiredText(name: string): string {
    return this.nonEmptyText(name) ?? missing(name);
  }

  texts(name: string): string[] | undefined {
    const value = this.raw[name];
    if (typeof value === 'string') {
      throw invalidRequest('Invalid array', { param: name });
    }
    return value === undefined ? undefined : textsIn(value);
  }

  boolean(name: string): boolean | undefined {
    const value = this.nonEmptyText(name);
    if (value !== undefined && value !== 'true' && value !== 'false') {
      throw invalidRequest(`Invalid boolean: ${value}`, { param: name });
    }
    return value === undefined ? undefined : value === 'true';
  }

  currency(name: string): string {
    const value = this.requiredText(name);
    if (!isSupportedCurrency(value)) {
      throw invalidRequest(
        `Invalid currency: ${value}. Stripe currently supports these currencies: ${supportedCurrencies()}`,
        { param: name },
      );
    }
    return value;
  }

  integer(name: string): number | undefined {
    const value = this.nonEmptyText(name);
    return value === undefined ? undefined : toInteger(name, value);
  }

  positiveInteger(name: string): number | undefined {
    const value = this.integer(name);
    if (value !== undefined && value < 1) {
      throw invalidRequest('This value must be greater than or equal to 1.', {
        code: 'parameter_invalid_integer',
        param: name,
      });
    }
    return value;
  }

  /** docs.stripe.com/currencies: not every currency takes every minor unit. */
  amount(name: string, currency: string): number {
    const value = this.positiveInteger(name) ?? missing(name);
    const step = smallestStep(currency);
    if (value % step !== 0) {
      throw invalidRequest(`Amounts in ${currency} must be a multiple of ${step}.`, {
        param: name,
      });
    }
    return value;
  }

  limit(): number {
    const value = this.integer('limit') ?? 10;
    if (value < 1 || value > 100) {
      const bound = value < 1 ? 'greater than or equal to 1' : 'less than or equal to 100';
      throw invalidRequest(`This value must be ${bound}.`, {
        code: 'parameter_invalid_integer',
        param: 'limit',
      });
    }
    return value;
  }

  /** `created=5`, `created[gte]=5&created[lt]=9`. */
  range(name: string): (value: number) => boolean {
    const raw = this.raw[name];
    if (raw === undefined) {
      return () => true;
    }
    if (typeof raw === 'string') {
      const exact = toInteger(name, raw);
      return (value) => value === exact;
    }
    const bounds = Object.entries(raw).map(([bound, text]) => toBound(name, bound, text));
    return (value) => bounds.every((holds) => holds(value));
  }

  metadata(): MetadataChange | undefined {
    const raw = this.raw['metadata'];
    if (raw === undefined) {
      return undefined;
    }
    if (raw === '') {
      return null;
    }
    if (typeof raw === 'string') {
      throw invalidRequest('Invalid object', { param: 'metadata' });
    }
    return Object.fromEntries(Object.entries(raw).map(checkMetadataEntry));
  }
}

/** The limit is on the result: an update may bring fewer than 50 keys and still be too much. */
export function mergeMetadata(current: Metadata, change: MetadataChange): Metadata {
  const merged = change === null ? {} : { ...current, ...change };
  const kept = Object.entries(merged).filter(([, value]) => value !== '');
  if (kept.length > MAX_METADATA_KEYS) {
    throw invalidRequest(
      `Metadata can have up to ${MAX_METADATA_KEYS} keys, but this would leave ${kept.length}.`,
      { param: 'metadata' },
    );
  }
  return Object.fromEntries(kept);
}

function checkMetadataEntry([key, value]: [string, RawValue]): [string, string] {
  if (key.length > MAX_METADATA_KEY) {
    throw invalidRequest(
      `Metadata keys can have up to ${MAX_METADATA_KEY} characters, but you passed in a key that is ${key.length} characters. Invalid key: ${key}`,
      { param: 'metadata' },
    );
  }
  if (typeof value !== 'string') {
    throw invalidRequest(`Metadata values must be strings. Invalid value of key: ${key}`, {
      param: `metadata[${key}]`,
    });
  }
  if (value.length > MAX_METADATA_VALUE) {
    throw invalidRequest(
      `Metadata values can have up to ${MAX_METADATA_VALUE} characters, but you passed in a value that is ${value.length} characters. Invalid value: ${value}`,
      { param: `metadata[${key}]` },
    );
  }
  return [key, value];
}

/** `x[]=a&x[]=b` arrives one level deeper than `x[0]=a&x[1]=b`. */
export function textsIn(raw: RawParams): string[] {
  return Object.values(raw).flatMap((value) =>
    typeof value === 'string' ? value : textsIn(value),
  );
}

function missing(name: string): never {
  throw invalidRequest(`Missing required param: ${name}.`, {
    code: 'parameter_missing',
    param: name,
  });
}

function toInteger(name: string, text: string): number {
  const value = Number(text);
  if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw invalidRequest(`Invalid integer: ${text}`, {
      code: 'parameter_invalid_integer',
      param: name,
    });
  }
  return value;
}

function toBound(name: string, bound: string, text: RawValue): (value: number) => boolean {
  const param = `${name}[${bound}]`;
  const limit = toInteger(param, typeof text === 'string' ? text : '');
  switch (bound) {
    case 'gt':
      return (value) => value > limit;
    case 'gte':
      return (value) => value >= limit;
    case 'lt':
      return (value) => value < limit;
    case 'lte':
      return (value) => value <= limit;
    default:
      throw invalidRequest(`Received unknown parameter: ${param}`, {
        code: 'parameter_unknown',
        param,
      });
  }
}

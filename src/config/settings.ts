import type { z } from 'zod';
import { SETTING_RULES, STRIPE_API_BASE_DEFAULT } from './setting-rules';
import { namesOfShortTokens, TOKEN_CHARACTERS_MIN } from './short-tokens';

type Rules = typeof SETTING_RULES;

export type SettingName = keyof Rules;

export const SETTING_NAMES = Object.keys(SETTING_RULES) as readonly SettingName[];

/** Variables by name, as `process.env` or `readEnvironment` give them. */
export type EnvironmentVariables = Readonly<Record<string, string | undefined>>;

type DefaultedName = {
  [Name in SettingName]: Rules[Name] extends { readonly byDefault: string } ? Name : never;
}[SettingName];

type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Lowercase<Head>}${Capitalize<CamelCase<Tail>>}`
  : Lowercase<Name>;

type Value<Name extends SettingName> = z.output<Rules[Name]['schema']>;

/**
 * The settings in camel case (`DATABASE_URL` is `databaseUrl`): those with a default and the needed ones are always
 * there, the others where they are set.
 */
export type Settings<Needed extends SettingName = never> = {
  readonly [Name in DefaultedName | Needed as CamelCase<Name>]: Value<Name>;
} & {
  readonly [Name in Exclude<SettingName, DefaultedName | Needed> as CamelCase<Name>]?: Value<Name>;
};

export interface SettingProblem {
  readonly name: string;
  /** What is wrong, without the value, which may be a secret. */
  readonly problem: string;
}

/** Settings are missing or wrong, all of them named in the message. The command line ends with exit code 2. */
export class InvalidSettingsError extends Error {
  readonly problems: readonly SettingProblem[];

  constructor(problems: readonly SettingProblem[]) {
    const lines = problems.map(({ name, problem }) => `  ${name}: ${problem}`);
    super(`settings are missing or wrong:\n${lines.join('\n')}`);
    this.name = 'InvalidSettingsError';
    this.problems = problems;
  }
}

/** One setting as it was found: its value, its problem, or neither when it is absent. */
export interface SettingReading {
  readonly name: SettingName;
  /** The text that counts: what is set, without spaces around it, or the default. */
  readonly text: string | undefined;
  readonly value?: unknown;
  readonly problem?: string;
}

function textOf(env: EnvironmentVariables, name: SettingName): string | undefined {
  const rule = SETTING_RULES[name];
  const text = env[name]?.trim() ?? '';
  if (text !== '') {
    return text;
  }
  return 'byDefault' in rule ? rule.byDefault : undefined;
}

function readSetting(env: EnvironmentVariables, name: SettingName): SettingReading {
  const text = textOf(env, name);
  if (text === undefined) {
    return { name, text };
  }
  const result = SETTING_RULES[name].schema.safeParse(text);
  return result.success
    ? { name, text, value: result.data }
    : { name, text, problem: `expected ${result.error.issues[0]?.message ?? 'another value'}` };
}

/**
 * What a setting must not be beside a live key: nothing but Stripe may get the key or answer in Stripe's place, and
 * nobody may guess who gives orders about real money.
 */
function problemBesideLiveKey({ name, value }: SettingReading): string | undefined {
  if (name === 'STRIPE_API_BASE' && value !== STRIPE_API_BASE_DEFAULT) {
    return `expected ${STRIPE_API_BASE_DEFAULT}, the only address for a live key`;
  }
  const tokens = name === 'GATEWAY_TOKENS' ? (value as Value<'GATEWAY_TOKENS'> | undefined) : [];
  return namesOfShortTokens(tokens ?? []).length > 0
    ? `expected tokens of at least ${TOKEN_CHARACTERS_MIN.toString()} characters beside a live key, such as \`openssl rand -hex 24\` prints`
    : undefined;
}

function refuseBesideLiveKey(readings: readonly SettingReading[]): readonly SettingReading[] {
  const key = readings.find(({ name }) => name === 'STRIPE_API_KEY')?.value;
  if (typeof key !== 'string' || !/^(sk|rk)_live_/.test(key)) {
    return readings;
  }
  return readings.map((reading) => {
    const problem = reading.problem ?? problemBesideLiveKey(reading);
    return problem === undefined ? reading : { ...reading, problem };
  });
}

/** Every setting as it stands, right or wrong; never throws. */
export function readSettings(env: EnvironmentVariables): readonly SettingReading[] {
  return refuseBesideLiveKey(SETTING_NAMES.map((name) => readSetting(env, name)));
}

function camelCase(name: string): string {
  return name.toLowerCase().replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}

/**
 * The settings of a command, typed and checked.
 *
 * @param needs what the command cannot do without; a set but wrong value is an error whether needed or not
 * @throws InvalidSettingsError naming every missing and every wrong setting at once
 */
export function loadSettings<const Needed extends SettingName = never>(
  env: EnvironmentVariables,
  needs: readonly Needed[] = [],
): Settings<Needed> {
  const readings = readSettings(env);
  const needed: ReadonlySet<string> = new Set(needs);
  const problems = readings.flatMap(({ name, text, problem }): SettingProblem[] => {
    if (problem !== undefined) {
      return [{ name, problem }];
    }
    return text === undefined && needed.has(name) ? [{ name, problem: 'is missing' }] : [];
  });
  if (problems.length > 0) {
    throw new InvalidSettingsError(problems);
  }
  const present = readings.filter(({ text }) => text !== undefined);
  return Object.fromEntries(
    present.map(({ name, value }) => [camelCase(name), value]),
  ) as Settings<Needed>;
}

import { shownText } from '../domain/shown-value';
import type { Environment } from './environment';
import { SETTING_RULES } from './setting-rules';
import { readSettings, type SettingName, type SettingReading } from './settings';

export interface SettingRow {
  readonly name: SettingName;
  /** What counts now, with secrets hidden; empty when nothing is set. */
  readonly value: string;
  readonly source: 'environment' | '.env' | 'default' | 'not set';
  /** What is wrong with it, where something is. */
  readonly problem?: string;
}

/** Enough to tell two keys apart, too little to use one: the last 4 of at least 16 characters. */
const TAIL_CHARACTERS = 4;
const TAIL_SHOWN_FROM_CHARACTERS = 16;

function hideSecret(secret: string): string {
  const prefix = /^(?:(?:sk|rk|pk)_(?:test|live)_|whsec_)/.exec(secret)?.[0] ?? '';
  const rest = secret.slice(prefix.length);
  const tail = rest.length >= TAIL_SHOWN_FROM_CHARACTERS ? rest.slice(-TAIL_CHARACTERS) : '';
  return `${prefix}…${tail}`;
}

/** The address without its password, which may stand in the query too. */
function hidePassword(databaseUrl: string): string {
  const url = new URL(databaseUrl);
  if (url.password !== '') {
    url.password = '***';
  }
  for (const name of [...url.searchParams.keys()]) {
    if (/pass|secret|key/i.test(name)) {
      url.searchParams.set(name, '***');
    }
  }
  return url.toString();
}

/** A wrong secret is hidden whole: nobody knows which part of it is the secret. */
function shownSecret({ name, text = '', problem }: SettingReading): string {
  if (problem !== undefined) {
    return '(hidden)';
  }
  if (name === 'DATABASE_URL') {
    return hidePassword(text);
  }
  if (name === 'GATEWAY_TOKENS') {
    return text.replace(/=[^,]*/g, '=…');
  }
  const secrets = text.split(',').map((secret) => hideSecret(secret.trim()));
  return secrets.join(',');
}

function sourceOf(environment: Environment, reading: SettingReading): SettingRow['source'] {
  const isSet = (environment.variables[reading.name]?.trim() ?? '') !== '';
  if (isSet) {
    return environment.fromFile.has(reading.name) ? '.env' : 'environment';
  }
  return reading.text === undefined ? 'not set' : 'default';
}

function describe(environment: Environment, reading: SettingReading): SettingRow {
  const { name, text, problem } = reading;
  const isSecret = 'secret' in SETTING_RULES[name];
  const shown = isSecret ? shownSecret : () => shownText(text ?? '');
  return {
    name,
    value: text === undefined ? '' : shown(reading),
    source: sourceOf(environment, reading),
    ...(problem === undefined ? {} : { problem }),
  };
}

/** Every setting as `payouts config` prints it, wrong ones with their problem; never throws and shows no secret. */
export function describeSettings(environment: Environment): readonly SettingRow[] {
  return readSettings(environment.variables).map((reading) => describe(environment, reading));
}

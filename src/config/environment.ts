import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'dotenv';
import { errorCode } from '../domain/error-code';
import { InvalidSettingsError, type EnvironmentVariables } from './settings';

export interface Environment {
  readonly variables: EnvironmentVariables;
  /** The names whose value comes from the `.env` file. */
  readonly fromFile: ReadonlySet<string>;
}

function readFileIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') {
      return '';
    }
    throw new InvalidSettingsError([{ name: file, problem: 'expected a readable file' }]);
  }
}

/**
 * The real environment, completed by the `.env` file of a folder where there is one. What is really set wins, even when
 * it is empty. Nothing is printed and `processEnv` is not changed.
 *
 * @throws InvalidSettingsError when there is a `.env` that cannot be read
 */
export function readEnvironment(
  processEnv: EnvironmentVariables = process.env,
  folder: string = process.cwd(),
): Environment {
  const inFile = parse(readFileIfThere(path.join(folder, '.env')));
  const fromFile = new Set(Object.keys(inFile).filter((name) => processEnv[name] === undefined));
  return { variables: { ...inFile, ...definedOnly(processEnv) }, fromFile };
}

function definedOnly(variables: EnvironmentVariables): EnvironmentVariables {
  return Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined));
}

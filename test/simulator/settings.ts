/** Which cases are run, from the environment. */
function wholeNumber(name: string): number | undefined {
  const text = process.env[name];
  if (text === undefined || text === '') {
    return undefined;
  }
  if (!/^\d{1,15}$/.test(text)) {
    throw new Error(`${name} is ${text}; expected a whole number`);
  }
  return Number(text);
}

/** Two runs with one seed run the same cases. */
export const SIMULATOR_SEED = wholeNumber('SIMULATOR_SEED');
/** The number of the first case. */
export const SIMULATOR_FROM = wholeNumber('SIMULATOR_FROM');
export const SIMULATOR_CASES = wholeNumber('SIMULATOR_CASES');

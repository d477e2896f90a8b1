import { readEnvironment, type Environment } from '../../config/environment';

/** What every command gets: its environment, and where results and messages go. */
export interface CommandContext {
  readonly environment: Environment;
  /** One JSON object on stdout, or text for a person. */
  print(result: object, text: string, options: { readonly json?: boolean }): void;
  /** A message for a person, on stderr. */
  say(message: string): void;
}

export function createCommandContext(): CommandContext {
  return {
    environment: readEnvironment(),
    print: (result, text, { json }) => {
      process.stdout.write(`${json === true ? JSON.stringify(result) : text}\n`);
    },
    say: (message) => {
      process.stderr.write(`${message}\n`);
    },
  };
}

export interface JsonOption {
  readonly json?: boolean;
}

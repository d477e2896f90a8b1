#!/usr/bin/env node
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';

import { readEnvironment } from '../config/environment';
import { PORT_MAX } from '../config/setting-rules';
import { errorCode } from '../domain/error-code';
import {
  approveCommand,
  confirmAccountCommand,
  type ApproveOptions,
  type ConfirmAccountOptions,
} from './commands/approve';
import { accountsImportCommand, type AccountsImportOptions } from './commands/accounts-import';
import {
  createCommandContext,
  type CommandContext,
  type JsonOption,
} from './commands/command-context';
import { cancelCommand, restoreCommand, voidCommand, type CancelOptions } from './commands/cancel';
import { configCommand } from './commands/config';
import { exportCommand, type ExportOptions } from './commands/export';
import { gatewayCommand } from './commands/gateway';
import { localUpCommand, type LocalUpFlags } from './commands/local-up';
import {
  pauseCommand,
  resumeCommand,
  type PauseOptions,
  type ReasonOptions,
} from './commands/pause';
import { pausesCommand, type PausesOptions } from './commands/pauses';
import { reportCommand, type ReportOptions } from './commands/report';
import { previewCommand } from './commands/preview';
import { resolveCommand, type ResolveOptions } from './commands/resolve';
import { retryCommand, type RetryOptions } from './commands/retry';
import { reverseCommand, type ReverseOptions } from './commands/reverse';
import { settleCommand } from './commands/settle';
import { setupCommand } from './commands/setup';
import { statusCommand, type StatusOptions } from './commands/status';
import { sweepCommand } from './commands/sweep';
import { verifyCommand } from './commands/verify';
import { whyCommand, type WhyOptions } from './commands/why';
import { workerCommand } from './commands/worker';
import { addressOfUrl, EXIT_CODES, exitOf } from './exit-codes';
import { EXPORT_FORMATS, EXPORT_NAMES, type ExportName } from './export';
import { watchNpx } from './npx-watch';
import { RefusedReasonError } from './operator';
import { noteRefusedReason } from './refusals';
import { REPORT_FORMATS } from './report/write-report';

const JSON_OPTION = ['--json', 'print one JSON object on stdout'] as const;

function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > PORT_MAX) {
    throw new InvalidArgumentError(`expected a port from 1 to ${PORT_MAX}`);
  }
  return value;
}

type Finish = (run: (context: CommandContext) => Promise<number> | number) => Promise<void>;

/** The command line of design §7. Each command returns its exit code; errors become one at the end. */
export function createProgram(finish: Finish): Command {
  const program = new Command('payouts')
    .description('Pays the winners of settled contests, each exactly once, through Stripe Connect.')
    .showHelpAfterError('(add --help for what is possible)')
    .exitOverride();
  addLocalCommands(program, finish);
  addOperatingCommands(program, finish);
  addPayoutCommands(program, finish);
  addAnswerCommands(program, finish);
  addSteeringCommands(program, finish);
  return program;
}

function addLocalCommands(program: Command, finish: Finish): void {
  program
    .command('local')
    .description('parts for development and trying out')
    .command('up')
    .description('start real Postgres, a Temporal server and the Stripe sandbox; runs until Ctrl-C')
    .option('--dir <folder>', 'keep the data in this folder')
    .option('--no-stripe', 'start no Stripe sandbox')
    .addOption(
      new Option('--temporal <kind>', 'dev server, or the server of production on Postgres')
        .choices(['dev', 'server'])
        .default('dev'),
    )
    .option('--postgres-port <port>', 'instead of a free port', port)
    .option('--temporal-port <port>', 'instead of a free port', port)
    .option('--temporal-ui-port <port>', 'instead of a free port', port)
    .option('--stripe-port <port>', 'instead of a free port', port)
    .option(...JSON_OPTION)
    .action((flags: LocalUpFlags) => finish(() => localUpCommand(flags)));
}

function addOperatingCommands(program: Command, finish: Finish): void {
  program
    .command('setup')
    .description('migrations, Temporal namespace, search attributes and schedule; safe to repeat')
    .option(...JSON_OPTION)
    .action((options: JsonOption) => finish((context) => setupCommand(context, options)));
  program
    .command('worker')
    .description('run a worker until SIGTERM, then drain')
    .option('--json', 'print one JSON object on stdout when it runs')
    .action((options: JsonOption) => finish((context) => workerCommand(context, options)));
  program
    .command('gateway')
    .description(
      'serve HTTP: settlements and webhooks in, status, the console, health, metrics; until SIGTERM',
    )
    .option('--json', 'print one JSON object on stdout when it listens')
    .action((options: JsonOption) => finish((context) => gatewayCommand(context, options)));
  program
    .command('config')
    .description('print the settings, secrets hidden')
    .option(...JSON_OPTION)
    .action((options: JsonOption) => finish((context) => configCommand(context, options)));
}

function addPayoutCommands(program: Command, finish: Finish): void {
  program
    .command('accounts')
    .description('connected Stripe accounts of winners')
    .command('import <file>')
    .description('user → connected account, from JSON [{userId, stripeAccountId}] or CSV')
    .option('--replace', 'replace the account of a user with an unpaid transfer')
    .option('--reason <text>', 'why accounts are replaced')
    .option(...JSON_OPTION)
    .action((file: string, options: AccountsImportOptions) =>
      finish((context) => accountsImportCommand(context, file, options)),
    );
  program
    .command('settle <file>')
    .description('record a settlement, the file whole or nothing, and start its job')
    .option(...JSON_OPTION)
    .action((file: string, options: JsonOption) =>
      finish((context) => settleCommand(context, file, options)),
    );
  program
    .command('status <settlement>')
    .description('who is paid, who is not, and why')
    .option('--watch', 'show progress until the job is complete')
    .option(...JSON_OPTION)
    .action((settlement: string, options: StatusOptions) =>
      finish((context) => statusCommand(context, settlement, options)),
    );
  program
    .command('sweep')
    .description(
      'start and wake what is open and does not run; the schedule does it every 5 minutes',
    )
    .option(...JSON_OPTION)
    .action((options: JsonOption) => finish((context) => sweepCommand(context, options)));
  program
    .command('verify [settlement]')
    .description(
      'compare Postgres, ledger, workflows and Stripe, both ways; ends with 1 on any break',
    )
    .option(...JSON_OPTION)
    .action((settlement: string | undefined, options: JsonOption) =>
      finish((context) => verifyCommand(context, settlement, options)),
    );
}

const OUTPUT_OPTION = ['--output <file>', 'a new file instead of stdout'] as const;
const FORCE_OPTION = ['--force', 'replace the file where it is there already'] as const;

/** What is asked about payments; none of these changes anything. */
function addAnswerCommands(program: Command, finish: Finish): void {
  program
    .command('why <transfer>')
    .description('why a payment stands as it does, for the operator and for the winner')
    .option('--winner', 'only what may be shown to the winner')
    .option(...JSON_OPTION)
    .action((transfer: string, options: WhyOptions) =>
      finish((context) => whyCommand(context, transfer, options)),
    );
  program
    .command('report <settlement>')
    .description('one settlement for people: who is paid, who is not and why, and the books')
    .addOption(
      new Option('--format <format>', 'a table, one JSON object, or one page to read and print')
        .choices(REPORT_FORMATS)
        .makeOptionMandatory(),
    )
    .option(...OUTPUT_OPTION)
    .option(...FORCE_OPTION)
    .action((settlement: string, options: ReportOptions) =>
      finish((context) => reportCommand(context, settlement, options)),
    );
  program
    .command('export')
    .description('records for accounting, as of one moment and in the order of their ids')
    .addArgument(
      new Argument('<what>', 'requests to Stripe, ledger entries, or operators’ actions').choices(
        EXPORT_NAMES,
      ),
    )
    .option('--settlement <id>', 'only of this settlement')
    .option('--since <time>', 'from this day (UTC) or moment on, such as 2026-11-01')
    .option('--until <time>', 'before this day (UTC) or moment')
    .addOption(
      new Option('--format <format>', 'a table, or one JSON object a line')
        .choices(EXPORT_FORMATS)
        .default('csv'),
    )
    .option(...OUTPUT_OPTION)
    .option(...FORCE_OPTION)
    .action((what: ExportName, options: ExportOptions) =>
      finish((context) => exportCommand(context, what, options)),
    );
}

const REASON_OPTION = ['--reason <text>', 'why, always needed; kept with your name'] as const;

/** What an operator does to payments that are under way; each is kept with who did it and why. */
function addSteeringCommands(program: Command, finish: Finish): void {
  program
    .command('pause [settlement]')
    .description('stop sending: one settlement, or everything')
    .requiredOption(...REASON_OPTION)
    .option('--no-wait', 'answer at once, without the ends of what is on its way')
    .option(...JSON_OPTION)
    .action((settlement: string | undefined, options: PauseOptions) =>
      finish((context) => pauseCommand(context, settlement, options)),
    );
  program
    .command('resume [settlement]')
    .description('lift every pause of one settlement, or those of everything')
    .requiredOption(...REASON_OPTION)
    .option(...JSON_OPTION)
    .action((settlement: string | undefined, options: ReasonOptions) =>
      finish((context) => resumeCommand(context, settlement, options)),
    );
  program
    .command('pauses')
    .description('every pause in force: what it stops, why, and what ends it')
    .option('--all', 'with those that were lifted, newest first')
    .option(...JSON_OPTION)
    .action((options: PausesOptions) => finish((context) => pausesCommand(context, options)));
  program
    .command('retry [transfer]')
    .description('try again what is proven unpaid, with a new allowance of attempts')
    .requiredOption(...REASON_OPTION)
    .option('--settlement <id>', 'with --failed: of this settlement')
    .option('--failed', 'every transfer that failed')
    .option(...JSON_OPTION)
    .action((transfer: string | undefined, options: RetryOptions) =>
      finish((context) => retryCommand(context, transfer, options)),
    );
  addApprovalCommands(program, finish);
  addGivingUpCommands(program, finish);
  addReverseCommand(program, finish);
  program
    .command('resolve <transfer>')
    .description('say what became of a payment that only a person can tell; compared with Stripe')
    .requiredOption(...REASON_OPTION)
    .option('--paid <stripe-transfer>', 'this Stripe transfer paid it')
    .option('--unpaid', 'nothing was paid; it is sent again under a new key')
    .option('--accept <stripe-transfer>', 'nothing is owed, and this further one may stay paid')
    .option('--reversal <stripe-reversal>', 'this is what came of the order to take it back')
    .option(...JSON_OPTION)
    .action((transfer: string, options: ResolveOptions) =>
      finish((context) => resolveCommand(context, transfer, options)),
    );
}

/** What takes a payment back that was made. */
function addReverseCommand(program: Command, finish: Finish): void {
  program
    .command('reverse <transfer>')
    .description('take a payment back, in full or in part, in its own currency')
    .requiredOption(...REASON_OPTION)
    .option(
      '--amount <minor-units>',
      'this much of it, 1050 for 10.50; without it all that is left',
    )
    .option('--expect-reversed <minor-units>', 'only if so much and no more has come back so far')
    .option('--settlement <id>', 'only if it is a transfer of this settlement')
    .option('--stripe-transfer <id>', 'which payment of a debt that was paid twice')
    .option('--no-wait', 'answer once it is ordered')
    .option(...JSON_OPTION)
    .action((transfer: string, options: ReverseOptions) =>
      finish((context) => reverseCommand(context, transfer, options)),
    );
}

/** What a second person looks at and gives before a large settlement is paid. */
function addApprovalCommands(program: Command, finish: Finish): void {
  program
    .command('preview <settlement>')
    .description(
      'every winner, amount, account and obstacle, what it does to the balance, and the hash to approve',
    )
    .option(...JSON_OPTION)
    .action((settlement: string, options: JsonOption) =>
      finish((context) => previewCommand(context, settlement, options)),
    );
  program
    .command('approve <settlement>')
    .description(
      'let a settlement be paid that needs a second person; not who recorded it; needs PAYOUT_OPERATOR_TOKEN',
    )
    .requiredOption('--hash <hash>', 'what is approved, as payouts preview shows it')
    .option(
      '--replaced <count>',
      'only while no account is replaced beside those that payouts preview showed',
    )
    .requiredOption(...REASON_OPTION)
    .option(...JSON_OPTION)
    .action((settlement: string, options: ApproveOptions) =>
      finish((context) => approveCommand(context, settlement, options)),
    );
  program
    .command('confirm-account <transfer>')
    .description(
      'let an account be paid that was replaced after the approval; not who replaced it; needs PAYOUT_OPERATOR_TOKEN',
    )
    .requiredOption('--account <account>', 'the account that is confirmed')
    .requiredOption(...REASON_OPTION)
    .option(...JSON_OPTION)
    .action((transfer: string, options: ConfirmAccountOptions) =>
      finish((context) => confirmAccountCommand(context, transfer, options)),
    );
}

/** What ends a debt that is not paid, and what takes that back. */
function addGivingUpCommands(program: Command, finish: Finish): void {
  const commands = [
    ['cancel', 'do not pay what is not paid yet; the debt stays until it is voided', cancelCommand],
    ['restore', 'pay what was cancelled after all', restoreCommand],
    ['void', 'end the debt of what was cancelled, for ever', voidCommand],
  ] as const;
  for (const [name, description, command] of commands) {
    program
      .command(`${name} [transfer]`)
      .description(description)
      .requiredOption(...REASON_OPTION)
      .option('--settlement <id>', 'every such transfer of this settlement')
      .option(...JSON_OPTION)
      .action((transfer: string | undefined, options: CancelOptions) =>
        finish((context) => command(context, transfer, options)),
      );
  }
}

/** A reader that has seen enough (`| head`) is no error, and no reason for a stack trace. */
function tolerateClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error) => {
      if (errorCode(error) !== 'EPIPE') {
        throw error;
      }
    });
  }
}

async function main(): Promise<void> {
  tolerateClosedPipes();
  watchNpx(process.env, () => process.kill(process.pid, 'SIGTERM'));
  const finish = async (run: (context: CommandContext) => Promise<number> | number) => {
    process.exitCode = await run(createCommandContext());
  };
  try {
    await createProgram(finish).parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has said it already; asking for help is not a mistake.
      process.exitCode = error.exitCode === 0 ? EXIT_CODES.done : EXIT_CODES.wrongUse;
      return;
    }
    const { variables } = readEnvironment();
    const { DATABASE_URL: databaseUrl, TEMPORAL_ADDRESS: temporal } = variables;
    const { code, message } = exitOf(error, {
      database: addressOfUrl(databaseUrl),
      temporal: temporal ?? 'the address in TEMPORAL_ADDRESS',
    });
    process.stderr.write(`payouts: ${message}\n`);
    process.exitCode = code;
    if (error instanceof RefusedReasonError) {
      await noteRefusedReason(variables);
    }
  }
}

// Only as the command itself: whoever reads the program, such as a test of the runbook, runs nothing.
if (require.main === module) {
  void main();
}

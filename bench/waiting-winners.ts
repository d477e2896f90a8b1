/**
 * `npm run bench:waiting`: whether winners who wait hold up the others.
 *
 * The same number of winners with an account is paid alone and among many without one, in one run on one machine; the
 * ratio of the two is the figure, since seconds depend on the machine. Afterwards some of those who wait get their
 * account, and are paid without another command.
 */
import { Command, InvalidArgumentError } from 'commander';

import { plainTable } from '../src/client/plain-table';
import { BenchInstallation, benchSettlement } from './bench-installation';
import { describeMachine, type Machine } from './machine';

interface Sizes {
  /** Winners with an account, in each settlement. */
  readonly winners: number;
  /** Winners without one, in every second settlement. */
  readonly waiting: number;
  /** How many of the waiting get an account at the end. */
  readonly imported: number;
  readonly repeats: number;
  readonly workers: number;
}

interface Run {
  readonly settlementId: string;
  readonly waiting: number;
  readonly recordedMs: number;
  readonly firstPaidMs: number;
  readonly allPaidMs: number;
}

interface Import {
  readonly commandMs: number;
  readonly allPaidMs: number;
}

interface Report {
  readonly machineBefore: Machine;
  readonly machineAfter: Machine;
  readonly sizes: Sizes;
  readonly runs: readonly Run[];
  /** Time among the waiting to time alone, one for each repeat. */
  readonly ratios: readonly number[];
  readonly imported: Import;
  /** Payments as Stripe counts them, and as they have to be. */
  readonly executions: number;
  readonly expectedExecutions: number;
}

const REQUESTS_PER_SECOND = 100;
const WARM_UP_WINNERS = 50;

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Time since a moment, in milliseconds. */
function since(beganMs: number): number {
  return Math.round(performance.now() - beganMs);
}

/** Settles winners with an account and others without, and waits until all that can be paid are. */
async function measureRun(
  installation: BenchInstallation,
  settlementId: string,
  { waiting, winners }: Pick<Sizes, 'waiting' | 'winners'>,
): Promise<Run> {
  const settlement = benchSettlement(settlementId, winners + waiting);
  await installation.importAccountsOf(withAccount(settlement.winners, winners, waiting));
  const beganMs = performance.now();
  await installation.settle(settlement);
  const recordedMs = since(beganMs);
  await installation.untilPaid(settlementId, 1);
  const firstPaidMs = since(beganMs);
  await installation.untilPaid(settlementId, winners);
  const allPaidMs = since(beganMs);
  say(
    `${settlementId}: ${winners} paid in ${seconds(allPaidMs)} s, ${waiting} wait; load ${describeMachine().load.toFixed(1)}`,
  );
  // Starting those who wait goes on after the others are paid, and must not disturb what is measured next.
  await installation.untilWaiting(settlementId, waiting);
  return { settlementId, waiting, recordedMs, firstPaidMs, allPaidMs };
}

/** Those with an account stand evenly among the others, as they do in a real prize table. */
function withAccount(
  all: readonly { readonly userId: string }[],
  winners: number,
  waiting: number,
): string[] {
  const every = (winners + waiting) / winners;
  return Array.from({ length: winners }, (_, index) => all[Math.floor(index * every)]).flatMap(
    (winner) => (winner === undefined ? [] : [winner.userId]),
  );
}

async function measureImport(
  installation: BenchInstallation,
  settlementId: string,
  { imported, waiting, winners }: Sizes,
): Promise<Import> {
  const all = benchSettlement(settlementId, winners + waiting).winners;
  const paid = new Set(withAccount(all, winners, waiting));
  const userIds = all.map(({ userId }) => userId).filter((userId) => !paid.has(userId));
  const beganMs = performance.now();
  await installation.importAccountsOf(userIds.slice(0, imported));
  const commandMs = since(beganMs);
  await installation.untilPaid(settlementId, winners + imported);
  return { commandMs, allPaidMs: since(beganMs) };
}

async function measure(installation: BenchInstallation, sizes: Sizes): Promise<Report> {
  const machineBefore = describeMachine();
  await measureRun(installation, 'warm-up', { winners: WARM_UP_WINNERS, waiting: 0 });
  const runs: Run[] = [];
  const ratios: number[] = [];
  for (let repeat = 1; repeat <= sizes.repeats; repeat += 1) {
    const alone = () =>
      measureRun(installation, `alone-${repeat}`, { winners: sizes.winners, waiting: 0 });
    const among = () => measureRun(installation, `among-${repeat}`, sizes);
    // Each comes first in turn: a machine that gets slower must not look like a product that does.
    const [first, second] = repeat % 2 === 1 ? [alone, among] : [among, alone];
    const pair = [await first(), await second()];
    runs.push(...pair);
    const [aloneMs = 0, amongMs = 0] = pair
      .toSorted((left, right) => left.waiting - right.waiting)
      .map(({ allPaidMs }) => allPaidMs);
    ratios.push(amongMs / aloneMs);
  }
  say(`importing ${sizes.imported} accounts of those who wait`);
  const imported = await measureImport(installation, `among-${sizes.repeats}`, sizes);
  const { executions } = await installation.oracle();
  const expectedExecutions = WARM_UP_WINNERS + 2 * sizes.repeats * sizes.winners + sizes.imported;
  const machineAfter = describeMachine();
  return {
    machineBefore,
    machineAfter,
    sizes,
    runs,
    ratios,
    imported,
    executions,
    expectedExecutions,
  };
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1);
}

function perSecond(winners: number, ms: number): string {
  return ((winners * 1_000) / ms).toFixed(1);
}

function tableOf({ imported, runs, sizes }: Report): string {
  const rows = runs.map(({ allPaidMs, firstPaidMs, recordedMs, settlementId, waiting }) => [
    settlementId,
    sizes.winners.toString(),
    waiting.toString(),
    seconds(recordedMs),
    seconds(firstPaidMs),
    seconds(allPaidMs),
    perSecond(sizes.winners, allPaidMs),
  ]);
  return plainTable(
    {
      run: 'left',
      paid: 'right',
      'left waiting': 'right',
      'recorded s': 'right',
      'first paid s': 'right',
      'all paid s': 'right',
      'winners/s': 'right',
    },
    [
      ...rows,
      [
        'import',
        sizes.imported.toString(),
        (sizes.waiting - sizes.imported).toString(),
        seconds(imported.commandMs),
        '',
        seconds(imported.allPaidMs),
        perSecond(sizes.imported, imported.allPaidMs),
      ],
    ],
  );
}

function machineLine({ machineAfter, machineBefore }: Report): string {
  const { cores, load, node } = machineBefore;
  return `${cores} cores, Node.js ${node}, load average ${load.toFixed(1)} before and ${machineAfter.load.toFixed(1)} after`;
}

function textOf(report: Report): string {
  const { executions, expectedExecutions, ratios } = report;
  return [
    tableOf(report),
    `among the waiting / alone: ${ratios.map((ratio) => ratio.toFixed(2)).join(', ')} (1 is no difference)`,
    machineLine(report),
    executions === expectedExecutions
      ? `every one of ${executions} payments was made once, by the sandbox’s own count`
      : `NOT as expected: ${executions} payments by the sandbox’s own count, not ${expectedExecutions}`,
  ].join('\n');
}

function count(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) {
    throw new InvalidArgumentError('Give a whole number from 1.');
  }
  return number;
}

function parseSizes(): Sizes & { readonly json?: boolean } {
  const command = new Command('npm run bench:waiting --')
    .description('Compares a settlement paid alone with the same among winners without an account.')
    .option('--winners <n>', 'winners with an account in each settlement', count, 1_000)
    .option('--waiting <n>', 'winners without one in every second settlement', count, 5_000)
    .option('--imported <n>', 'how many of them get one at the end', count, 3_000)
    .option('--repeats <n>', 'how often both are settled, in turn', count, 1)
    .option('--workers <n>', 'worker processes', count, 2)
    .option('--json', 'one JSON object instead of a table')
    .parse();
  const options = command.opts<Sizes & { json?: boolean }>();
  if (options.imported > options.waiting) {
    command.error('--imported cannot be more than --waiting');
  }
  return options;
}

async function main(): Promise<void> {
  const { json, ...sizes } = parseSizes();
  const stop = new AbortController();
  const stopped = new Promise<never>((_resolve, reject) => {
    stop.signal.addEventListener('abort', () => {
      reject(new Error('stopped'));
    });
  });
  // Also when nobody listens yet: a start that is stopped says so itself.
  stopped.catch(() => undefined);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      stop.abort();
    });
  }
  const options = {
    workers: sizes.workers,
    requestsPerSecond: REQUESTS_PER_SECOND,
    onProgress: say,
    signal: stop.signal,
  };
  const report = await BenchInstallation.with(options, (installation) =>
    Promise.race([stopped, installation.whileWorkersLive(measure(installation, sizes))]),
  );
  process.stdout.write(`${json === true ? JSON.stringify(report) : textOf(report)}\n`);
  process.exitCode = report.executions === report.expectedExecutions ? 0 : 1;
}

main().catch((error: unknown) => {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});

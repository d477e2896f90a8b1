/**
 * Goal: the tables of states are the design's (§3): no way to pay twice and no way out of an unknown without proof.
 * Method: the design's edges are written down here once more, and what the code allows is compared with them.
 */
import { JOB_STATUSES, JOB_TRANSITIONS, jobOutcome } from '../../src/domain/job-state';
import {
  canTransition,
  isTerminal,
  TRANSFER_STATUSES,
  TRANSFER_TRANSITIONS,
  type TransferStatus,
} from '../../src/domain/transfer-state';

/** Design §3, row by row. */
const DESIGN: readonly (readonly [from: string, to: string])[] = [
  ['pending retryable', 'processing'],
  ['pending retryable processing', 'blocked'],
  ['blocked', 'pending failed_terminal'],
  ['processing', 'retryable unknown failed_terminal'],
  ['unknown', 'processing retryable blocked'],
  ['pending retryable processing blocked unknown failed_terminal cancelled voided', 'completed'],
  ['pending', 'unknown'],
  ['failed_terminal', 'retryable'],
  ['pending retryable blocked failed_terminal', 'cancelled'],
  ['cancelled', 'pending voided'],
];

test('every edge of the design is there and no other', () => {
  const designed = new Set(
    DESIGN.flatMap(([from, to]) =>
      from.split(' ').flatMap((source) => to.split(' ').map((target) => `${source} → ${target}`)),
    ),
  );
  const coded = TRANSFER_STATUSES.flatMap((from) =>
    TRANSFER_STATUSES.filter((to) => canTransition(from, to)).map((to) => `${from} → ${to}`),
  );
  expect(coded.sort()).toEqual([...designed].sort());
});

test('tables name only known states, each once, and never the state itself', () => {
  const tables: readonly (readonly [
    readonly string[],
    Readonly<Record<string, readonly string[]>>,
  ])[] = [
    [TRANSFER_STATUSES, TRANSFER_TRANSITIONS],
    [JOB_STATUSES, JOB_TRANSITIONS],
  ];
  for (const [statuses, table] of tables) {
    expect(Object.keys(table).sort()).toEqual([...statuses].sort());
    for (const [from, targets] of Object.entries(table)) {
      expect(new Set(targets).size).toBe(targets.length);
      expect(targets).not.toContain(from);
      expect(targets.every((to) => statuses.includes(to))).toBe(true);
    }
  }
});

test('paid is final, and an unknown is never failed, cancelled or forgotten', () => {
  expect(TRANSFER_TRANSITIONS.completed).toEqual([]);
  for (const to of ['failed_terminal', 'cancelled', 'voided', 'pending'] as const) {
    expect(canTransition('unknown', to)).toBe(false);
  }
  expect(TRANSFER_STATUSES.filter(isTerminal)).toEqual([
    'completed',
    'failed_terminal',
    'cancelled',
    'voided',
  ]);
});

test.each([
  [{}, 'unpaid'],
  [{ pending: 2 }, 'unpaid'],
  [{ completed: 2 }, 'paid'],
  [{ completed: 1, failed_terminal: 1 }, 'partially_paid'],
] as const)('a job with %j is %s', (counts, outcome) => {
  const none = Object.fromEntries(TRANSFER_STATUSES.map((status) => [status, 0]));
  expect(jobOutcome({ ...(none as Record<TransferStatus, number>), ...counts })).toBe(outcome);
});

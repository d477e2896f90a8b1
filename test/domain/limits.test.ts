/**
 * Goal: bounds that lean on each other keep their relation when one is changed.
 * Method: the bounds themselves are compared, as sums where one has to fit into another.
 */
import * as limits from '../../src/domain/limits';

test('a POST with a slow connection and a slow statement on both sides ends within its activity', () => {
  const statementMs = limits.CONNECT_TIMEOUT_MS + limits.STATEMENT_TIMEOUT_MS;
  expect(limits.STRIPE_CALL_DEADLINE_MS + 2 * statementMs).toBeLessThan(
    limits.STRIPE_ACTIVITY_TIMEOUT_MS,
  );
  expect(statementMs).toBeLessThan(limits.DATABASE_ACTIVITY_TIMEOUT_MS);
  expect(limits.DATABASE_KEEP_ALIVE_MS).toBeLessThan(limits.DATABASE_ACTIVITY_TIMEOUT_MS);
  expect(limits.DATABASE_ACTIVITY_TIMEOUT_MS).toBeLessThan(limits.STRIPE_ACTIVITY_TIMEOUT_MS);
  expect(limits.STRIPE_ACTIVITY_TIMEOUT_MS).toBeLessThan(limits.WORKER_SHUTDOWN_GRACE_MS);
});

test('a key is dead with us before Stripe may forget it, with room for a request on its way', () => {
  const room = limits.STRIPE_KEY_RETENTION_MS - limits.KEY_SENDABLE_MS;
  expect(room).toBeGreaterThanOrEqual(10 * limits.STRIPE_ACTIVITY_TIMEOUT_MS);
});

test('a job stays below what the server bears', () => {
  expect(limits.JOB_WINDOW_CHILDREN).toBeLessThanOrEqual(50);
  expect(limits.JOB_CHILDREN_PER_RUN).toBeLessThan(1_000);
  expect(limits.JOB_HISTORY_EVENTS_MAX).toBeLessThan(4_000);
  expect(limits.JOB_PAGE_TRANSFERS).toBeLessThanOrEqual(limits.JOB_WINDOW_CHILDREN);
});

test('waits are ordered, and closed runs stay visible longer than the longest', () => {
  expect(limits.BACKOFF_FIRST_MS).toBeLessThan(limits.BACKOFF_LONGEST_MS);
  expect(limits.PARK_AFTER_MS).toBeLessThan(limits.BLOCKED_LOOK_MS);
  expect(limits.BLOCKED_LOOK_MS).toBeLessThan(limits.PAYEE_WAIT_MS);
  const retentionMs = limits.NAMESPACE_RETENTION_DAYS * 24 * 60 * 60 * 1_000;
  expect(retentionMs).toBeGreaterThan(limits.PAYEE_WAIT_MS);
});

test('a sweep ends by itself before it is ended, and before the next is due', () => {
  expect(limits.SWEEP_PAGE_WORK_MS + limits.SWEEP_SETTLEMENT_MS).toBeLessThan(
    limits.SWEEP_ACTIVITY_TIMEOUT_MS,
  );
  // What is taken up first is over before the last page may begin, and that page is planned and woken in time.
  expect(2 * limits.SWEEP_ACTIVITY_TIMEOUT_MS).toBeLessThan(limits.SWEEP_WORK_MS);
  expect(limits.SWEEP_WORK_MS + 2 * limits.SWEEP_ACTIVITY_TIMEOUT_MS).toBeLessThan(
    limits.SWEEP_RUN_TIMEOUT_MS,
  );
  expect(limits.SWEEP_RUN_TIMEOUT_MS).toBeLessThan(limits.SWEEP_EVERY_MS);
  expect(limits.SWEEP_STARTS_MAX + limits.SWEEP_TRANSFERS_MAX).toBeLessThan(2_000);
});

test('the gateway waits longer for a body than for headers, and drains longer than a start takes', () => {
  expect(limits.GATEWAY_HEADERS_TIMEOUT_MS).toBeLessThan(limits.GATEWAY_REQUEST_TIMEOUT_MS);
  expect(limits.GATEWAY_START_DEADLINE_MS + limits.STATEMENT_TIMEOUT_MS).toBeLessThan(
    limits.GATEWAY_DRAIN_MS,
  );
});

test('the largest settlement of the largest prizes can be summed, and fits into its file', () => {
  const largest = limits.WINNERS_PER_SETTLEMENT_MAX * limits.PRIZE_AMOUNT_MINOR_MAX_DEFAULT;
  expect(Number.isSafeInteger(largest)).toBe(true);
  const line = JSON.stringify({
    userId: 'u'.repeat(limits.ID_CHARACTERS_MAX),
    award: 'a'.repeat(limits.ID_CHARACTERS_MAX),
    amountMinor: limits.PRIZE_AMOUNT_MINOR_MAX_DEFAULT,
  });
  const file = limits.WINNERS_PER_SETTLEMENT_MAX * (line.length + 1);
  expect(file).toBeLessThan(limits.SETTLEMENT_FILE_BYTES_MAX);
});

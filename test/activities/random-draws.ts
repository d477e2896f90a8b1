/**
 * Goal: random histories that can be told again: the same seed draws the same faults in the same order.
 * Method: numbers from a hash of the seed and how many were drawn before.
 */
import { createHash } from 'node:crypto';

export type Fault = Readonly<Record<string, unknown>>;

/** What Stripe or the network can do to a POST, whether it pays or takes back. */
export const FAULTS_OF_ANY_POST: readonly Fault[] = [
  { kind: 'drop_before' },
  { kind: 'drop_after' },
  { kind: 'truncate_after' },
  { kind: 'html', executed: true },
  { kind: 'status', status: 503, executed: true },
  { kind: 'status', status: 503 },
  { kind: 'status', status: 429, code: 'rate_limit' },
  { kind: 'status', status: 409, code: 'idempotency_key_in_use' },
  { kind: 'status', status: 401 },
  { kind: 'status', status: 400, code: 'balance_insufficient', saved: true },
  { kind: 'status', status: 500, saved: true, executed: true },
];

/** Always the same numbers for a seed. */
export function drawsOf(seed: number): (below: number) => number {
  let drawn = 0;
  return (below) => {
    drawn += 1;
    const digest = createHash('sha256').update(`${seed.toString()}:${drawn.toString()}`).digest();
    return digest.readUInt32BE(0) % below;
  };
}

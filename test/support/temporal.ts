import { Connection } from '@temporalio/client';
import { TEMPORAL_ADDRESS, valueOfTestRun } from './processes-of-run';

/** Address of the real Temporal dev server which serves this jest run. */
export function testTemporalAddress(): string {
  return valueOfTestRun(TEMPORAL_ADDRESS);
}

/** A connection to the run's dev server; the test file closes it. */
export async function connectToTestTemporal(): Promise<Connection> {
  return Connection.connect({ address: testTemporalAddress() });
}

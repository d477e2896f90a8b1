import { Connection } from '@temporalio/client';
import { TEMPORAL_ADDRESS, TEMPORAL_UI_URL, valueOfTestRun } from './processes-of-run';

/** Address of the real Temporal dev server which serves this jest run. */
export function testTemporalAddress(): string {
  return valueOfTestRun(TEMPORAL_ADDRESS);
}

/** Where that server's Web UI is, without a slash at the end. */
export function testTemporalUiUrl(): string {
  return valueOfTestRun(TEMPORAL_UI_URL);
}

/** A connection to the run's dev server; the test file closes it. */
export async function connectToTestTemporal(): Promise<Connection> {
  return Connection.connect({ address: testTemporalAddress() });
}

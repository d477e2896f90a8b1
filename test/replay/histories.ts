import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { History } from '@temporalio/common/lib/proto-utils';
import { temporal } from '@temporalio/proto';
import { eventsWith, type HistoryEvent } from '../workflows/harness';

const DIRECTORY = join(__dirname, 'histories');

/** The names of the recorded histories: workflow, and what happened in it. */
export function recordedNames(): string[] {
  return readdirSync(DIRECTORY)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length));
}

/** The text of a recorded history, as it lies in the repository. */
export function recordedText(name: string): string {
  return readFileSync(join(DIRECTORY, `${name}.json`), 'utf8');
}

/**
 * A recorded history as the SDK takes it.
 *
 * The SDK's own reader of JSON needs npm to install one copy of protobufjs, which it does not always do.
 */
export function recordedHistory(name: string): History {
  return temporal.api.history.v1.History.fromObject(
    JSON.parse(recordedText(name)) as Record<string, unknown>,
  );
}

/** What replay does not look at: the recorder's paths, the server's own numbers, and the bulk of 500 children. */
const LEFT_OUT: ReadonlySet<string> = new Set(['stackTrace', 'taskId', 'namespaceId', 'namespace']);
const LEFT_OUT_OF_CHILDREN: ReadonlySet<string> = new Set([
  'input',
  'searchAttributes',
  'userMetadata',
]);

/** One event a line, so that a new recording can be compared with the old one. */
export function writeHistory(name: string, events: readonly HistoryEvent[]): void {
  const lines = events.map((event) => {
    const [ofChild] = eventsWith([event], 'startChildWorkflowExecutionInitiatedEventAttributes');
    return JSON.stringify(event, (key, value: unknown) =>
      LEFT_OUT.has(key) || (ofChild !== undefined && LEFT_OUT_OF_CHILDREN.has(key))
        ? undefined
        : value,
    );
  });
  writeFileSync(join(DIRECTORY, `${name}.json`), `{"events":[\n${lines.join(',\n')}\n]}\n`);
}

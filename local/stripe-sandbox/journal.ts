import { mkdir, open, readFile, rename, type FileHandle } from 'node:fs/promises';
import path from 'node:path';

const NEWLINE = 0x0a;

/** So that a snapshot neither stops the process for long nor makes a system call for every row. */
const SNAPSHOT_LINES_A_WRITE = 500;

interface Contents {
  /** Called with every line that is there, oldest first. */
  readonly replay: (line: unknown) => void;
  /** After the replay: lines that say the same in fewer words. */
  readonly snapshot: () => Iterable<unknown>;
}

/**
 * An append-only file of JSON lines. One line is one transaction: a process killed in the middle of
 * a write leaves a line without its end, and that transaction never happened (nobody was answered).
 * Each start replaces the file by a snapshot of what it says, so that it grows with the state and
 * not with the history.
 */
export class Journal {
  private buffered: string[] = [];
  /** The batch that is being written, or was the last one. */
  private current: Promise<void> = Promise.resolve();
  /** The batch that still collects. */
  private next: Promise<void> | null = null;

  private constructor(private readonly file: FileHandle) {}

  static async open(directory: string, contents: Contents): Promise<Journal> {
    await mkdir(directory, { recursive: true });
    const name = path.join(directory, 'journal.jsonl');
    replayAll(await readIfThere(name), contents.replay);
    await replaceBySnapshot(directory, name, contents.snapshot());
    return new Journal(await open(name, 'a'));
  }

  append(line: unknown): void {
    this.buffered.push(toText(line));
    if (this.next === null) {
      this.next = this.current.then(() => this.writeBatch());
      // A failure belongs to whoever waits in `flushed`; a line nobody waits for must not end the process.
      this.next.catch(() => undefined);
    }
  }

  /**
   * Resolves when everything appended so far is on the disk; an answer must wait for it. After a
   * failure every later one fails as well, because memory is ahead of the disk from there on.
   */
  flushed(): Promise<void> {
    return this.next ?? this.current;
  }

  async close(): Promise<void> {
    await this.flushed();
    await this.file.close();
  }

  /** Everything that arrives while one fsync runs shares the next one. */
  private async writeBatch(): Promise<void> {
    const batch = this.buffered.join('');
    this.buffered = [];
    this.current = this.next ?? this.current;
    this.next = null;
    await this.file.appendFile(batch);
    await this.file.datasync();
  }
}

/** Without the torn last line, if there is one. */
function replayAll(bytes: Buffer, replay: (line: unknown) => void): void {
  let start = 0;
  for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
    replay(JSON.parse(bytes.toString('utf8', start, end)));
    start = end + 1;
  }
}

/**
 * Until the rename the old file is untouched, and the new one is on the disk before it: a crash at
 * any moment leaves one of the two, whole. A draft of a killed start is written over.
 */
async function replaceBySnapshot(
  directory: string,
  name: string,
  lines: Iterable<unknown>,
): Promise<void> {
  const draft = `${name}.new`;
  const file = await open(draft, 'w');
  try {
    let batch: string[] = [];
    for (const line of lines) {
      batch.push(toText(line));
      if (batch.length === SNAPSHOT_LINES_A_WRITE) {
        await file.appendFile(batch.join(''));
        batch = [];
      }
    }
    await file.appendFile(batch.join(''));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, name);
  await syncDirectory(directory);
}

/** Otherwise the rename itself may be lost with the power. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function readIfThere(name: string): Promise<Buffer> {
  try {
    return await readFile(name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return Buffer.alloc(0);
    }
    throw error;
  }
}

function toText(line: unknown): string {
  return `${JSON.stringify(line)}\n`;
}

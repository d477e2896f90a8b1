import { mkdir, open, readFile, truncate, type FileHandle } from 'node:fs/promises';
import path from 'node:path';

const NEWLINE = 0x0a;

/**
 * An append-only file of JSON lines. One line is one transaction: a process killed in the middle of
 * a write leaves a line without its end, and that transaction never happened (nobody was answered).
 */
export class Journal {
  private buffered: string[] = [];
  /** The batch that is being written, or was the last one. */
  private current: Promise<void> = Promise.resolve();
  /** The batch that still collects. */
  private next: Promise<void> | null = null;

  private constructor(private readonly file: FileHandle) {}

  static async open(directory: string, replay: (line: unknown) => void): Promise<Journal> {
    await mkdir(directory, { recursive: true });
    const name = path.join(directory, 'journal.jsonl');
    const file = await open(name, 'a');
    const bytes = await readFile(name);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      replay(JSON.parse(bytes.toString('utf8', start, end)));
      start = end + 1;
    }
    // Otherwise the next line would be glued to the torn one, and both be lost at the next start.
    if (start < bytes.length) {
      await truncate(name, start);
    }
    return new Journal(file);
  }

  append(line: unknown): void {
    this.buffered.push(`${JSON.stringify(line)}\n`);
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

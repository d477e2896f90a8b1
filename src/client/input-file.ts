import { open, type FileHandle } from 'node:fs/promises';
import { errorCode } from '../domain/error-code';
import { InvalidInputError } from '../domain/invalid-input';
import { shownText } from '../domain/shown-value';

const PATH_CHARACTERS_MAX = 500;
const CHUNK_BYTES = 256 * 1024;

function refusal(path: string, found: string, expected: string): InvalidInputError {
  const place = shownText(path, PATH_CHARACTERS_MAX);
  return new InvalidInputError('the file cannot be used; nothing was recorded', [
    { place, found, expected },
  ]);
}

const OPEN_FAILURES: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  ENOTDIR: 'no such file',
  EISDIR: 'a folder',
  EACCES: 'a file that may not be read',
  EPERM: 'a file that may not be read',
};

async function openToRead(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (error) {
    const code = errorCode(error) ?? 'no code';
    throw refusal(path, OPEN_FAILURES[code] ?? `an error (${code})`, 'a readable file');
  }
}

/** Reads no further than one byte over the bound, whatever the file grows to meanwhile. */
async function readBounded(file: FileHandle, bytesMax: number): Promise<Buffer | 'too large'> {
  const chunks: Buffer[] = [];
  let size = 0;
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES);
    if (bytesRead === 0) {
      return Buffer.concat(chunks);
    }
    size += bytesRead;
    if (size > bytesMax) {
      return 'too large';
    }
    chunks.push(buffer.subarray(0, bytesRead));
  }
}

/**
 * The text of a file that somebody hands to a command, without its byte order mark.
 *
 * @param bytesMax a larger file is refused by its size before it is read, and while it is read
 * @throws InvalidInputError when it is missing, not a file, too large or not UTF-8
 */
export async function readInputFile(path: string, bytesMax: number): Promise<string> {
  const file = await openToRead(path);
  try {
    const stats = await file.stat();
    if (stats.isDirectory()) {
      throw refusal(path, 'a folder', 'a readable file');
    }
    const bytes = stats.size > bytesMax ? 'too large' : await readBounded(file, bytesMax);
    if (bytes === 'too large') {
      const found = stats.size > bytesMax ? `${stats.size.toString()} bytes` : 'more bytes';
      throw refusal(path, found, `at most ${bytesMax.toString()} bytes`);
    }
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch {
      throw refusal(path, 'bytes that are not UTF-8', 'UTF-8 text');
    }
  } finally {
    await file.close();
  }
}

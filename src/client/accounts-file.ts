import path from 'node:path';
import { CsvError, parse as parseCsv } from 'csv-parse/sync';
import { ID_PATTERN, STRIPE_ACCOUNT_ID_PATTERN } from '../domain/ids';
import { InvalidInputError } from '../domain/invalid-input';
import { ACCOUNTS_FILE_BYTES_MAX, ID_CHARACTERS_MAX } from '../domain/limits';
import { shownText, shownValue } from '../domain/shown-value';
import { readInputFile } from './input-file';
import { parseStrictJson } from './strict-json';

/** Which connected Stripe account a winner is paid to. */
export interface UserAccount {
  readonly userId: string;
  readonly stripeAccountId: string;
}

/** A row that is not imported, while the others are. */
export interface RejectedRow {
  /** `[3].userId` in JSON, `line 4` in CSV. */
  readonly place: string;
  /** The user, where the row names one; escaped. */
  readonly userId?: string;
  readonly reason: string;
}

export interface AccountsFile {
  /** One entry a user, in the order of the file. */
  readonly accepted: readonly UserAccount[];
  readonly rejected: readonly RejectedRow[];
}

/** A row before its fields are checked: any value may stand in them. */
interface Row {
  readonly place: string;
  readonly userId: unknown;
  readonly stripeAccountId: unknown;
  /** Set where the row has not the form of a row. */
  readonly defect?: string;
}

type PlacedAccount = UserAccount & { readonly place: string };

const COLUMNS = ['userId', 'stripeAccountId'] as const;
const CSV_RECORD_BYTES_MAX = 64 * 1024;

function wrongShape(place: string, found: string, expected: string): InvalidInputError {
  return new InvalidInputError('the accounts file is refused whole; nothing was imported', [
    { place, found, expected },
  ]);
}

function rowsOfJson(text: string): readonly Row[] {
  const value = parseStrictJson(text, { wholeNumbersOnly: false });
  if (!Array.isArray(value)) {
    const expected = 'a list of {"userId", "stripeAccountId"}';
    throw wrongShape('(whole file)', shownValue(value), expected);
  }
  return value.map((item: unknown, index): Row => {
    const place = `[${index.toString()}]`;
    if (typeof item !== 'object' || item === null || Array.isArray(item)) {
      const defect = `found ${shownValue(item)}, expected an object`;
      return { place, userId: undefined, stripeAccountId: undefined, defect };
    }
    const { userId, stripeAccountId } = item as Record<string, unknown>;
    return { place, userId, stripeAccountId };
  });
}

interface CsvRecord {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

function readCsv(text: string): readonly CsvRecord[] {
  try {
    return parseCsv(text, {
      info: true,
      max_record_size: CSV_RECORD_BYTES_MAX,
      relax_column_count: true,
      skip_empty_lines: true,
      trim: true,
    }) as unknown as readonly CsvRecord[];
  } catch (error) {
    if (error instanceof CsvError) {
      const line = typeof error['lines'] === 'number' ? error['lines'].toString() : '?';
      throw wrongShape(`line ${line}`, error.code.toLowerCase(), 'well-formed CSV');
    }
    throw error;
  }
}

function rowsOfCsv(text: string): readonly Row[] {
  const [header, ...records] = readCsv(text);
  const names = header?.record ?? [];
  const [userColumn, accountColumn] = COLUMNS.map((name) => {
    if (names.filter((found) => found === name).length !== 1) {
      const found = names.length === 0 ? 'nothing' : shownValue(names.join(','));
      throw wrongShape('line 1', found, 'a header with userId and stripeAccountId, once each');
    }
    return names.indexOf(name);
  });
  return records.map(({ record, info }): Row => {
    const row = {
      place: `line ${info.lines.toString()}`,
      userId: record[userColumn ?? 0],
      stripeAccountId: record[accountColumn ?? 1],
    };
    const counts = `found ${record.length.toString()} columns, expected ${names.length.toString()}`;
    return record.length === names.length ? row : { ...row, defect: counts };
  });
}

function rejection(row: Row | PlacedAccount, field: string, reason: string): RejectedRow {
  const place = field === '' || row.place.startsWith('line') ? row.place : `${row.place}.${field}`;
  const user = typeof row.userId === 'string' ? { userId: shownText(row.userId) } : {};
  return { place, ...user, reason };
}

function checkRow(row: Row): PlacedAccount | RejectedRow {
  const { place, userId, stripeAccountId, defect } = row;
  if (defect !== undefined) {
    return rejection(row, '', defect);
  }
  if (typeof userId !== 'string' || !ID_PATTERN.test(userId)) {
    const expected = `1 to ${ID_CHARACTERS_MAX.toString()} characters of A-Z a-z 0-9 _ . : -`;
    return rejection(row, 'userId', `userId: found ${shownValue(userId)}, expected ${expected}`);
  }
  if (typeof stripeAccountId !== 'string' || !STRIPE_ACCOUNT_ID_PATTERN.test(stripeAccountId)) {
    const found = shownValue(stripeAccountId);
    const reason = `stripeAccountId: found ${found}, expected acct_ and letters, digits or _`;
    return rejection(row, 'stripeAccountId', reason);
  }
  return { place, userId, stripeAccountId };
}

/** The same line twice is one; a user with two accounts is a question that a file cannot answer, so neither counts. */
function settleDuplicates(accounts: readonly PlacedAccount[]): AccountsFile {
  const byUser = new Map<string, PlacedAccount[]>();
  for (const account of accounts) {
    const same = byUser.get(account.userId);
    if (same === undefined) {
      byUser.set(account.userId, [account]);
    } else {
      same.push(account);
    }
  }
  const accepted: UserAccount[] = [];
  const rejected: RejectedRow[] = [];
  for (const [userId, entries] of byUser) {
    const ids = new Set(entries.map(({ stripeAccountId }) => stripeAccountId));
    const [stripeAccountId] = ids;
    if (ids.size === 1 && stripeAccountId !== undefined) {
      accepted.push({ userId, stripeAccountId });
      continue;
    }
    const places = entries.map(({ place }) => place).join(', ');
    const reason = `the file gives this user ${ids.size.toString()} different accounts (${shownText(places)})`;
    rejected.push(...entries.map((entry) => rejection(entry, '', reason)));
  }
  return { accepted, rejected };
}

/**
 * Accounts out of text: a JSON list of `{userId, stripeAccountId}`, or CSV with a header of these names in any order.
 * Other fields and columns are not read.
 *
 * @throws InvalidInputError for text that is neither; a bad row is no error but rejected
 */
export function parseAccounts(text: string, format: 'json' | 'csv'): AccountsFile {
  const rows = format === 'json' ? rowsOfJson(text) : rowsOfCsv(text);
  const accounts: PlacedAccount[] = [];
  const badRows: RejectedRow[] = [];
  for (const checked of rows.map(checkRow)) {
    if ('reason' in checked) {
      badRows.push(checked);
    } else {
      accounts.push(checked);
    }
  }
  const { accepted, rejected } = settleDuplicates(accounts);
  return { accepted, rejected: [...badRows, ...rejected] };
}

function formatOf(file: string, text: string): 'json' | 'csv' {
  const extension = path.extname(file).toLowerCase();
  if (extension === '.json' || extension === '.csv') {
    return extension === '.json' ? 'json' : 'csv';
  }
  return /^\s*[[{]/.test(text) ? 'json' : 'csv';
}

/**
 * Reads a file of connected accounts; told apart by its ending, else by its first character. Nothing is written.
 *
 * @throws InvalidInputError for a file that cannot be read, is too large or has the wrong shape
 */
export async function readAccountsFile(file: string): Promise<AccountsFile> {
  const text = await readInputFile(file, ACCOUNTS_FILE_BYTES_MAX);
  return parseAccounts(text, formatOf(file, text));
}

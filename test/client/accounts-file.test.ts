/**
 * Goal: good rows of an accounts file are taken, bad rows are rejected with their place, a wrong file is refused whole.
 * Method: tables of texts, and real files for what only a file has.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseAccounts, readAccountsFile } from '../../src/client/accounts-file';
import { InvalidInputError } from '../../src/domain/invalid-input';

const ONE = { userId: 'u1', stripeAccountId: 'acct_1A' };
const TWO = { userId: 'u2', stripeAccountId: 'acct_2B' };

function refusal(text: string, format: 'json' | 'csv'): InvalidInputError {
  try {
    parseAccounts(text, format);
  } catch (error) {
    if (error instanceof InvalidInputError) {
      return error;
    }
    throw error;
  }
  throw new Error('not refused');
}

test.each([
  ['plain', 'userId,stripeAccountId\nu1,acct_1A\nu2,acct_2B\n'],
  ['columns in another order', 'stripeAccountId,userId\nacct_1A,u1\nacct_2B,u2'],
  ['CRLF and a byte order mark', '\ufeffuserId,stripeAccountId\r\nu1,acct_1A\r\nu2,acct_2B\r\n'],
  [
    'quotes, spaces and empty lines',
    '"userId" , "stripeAccountId"\n\n"u1",acct_1A\n u2 ,"acct_2B"\n\n',
  ],
  [
    'another column',
    'userId,name,stripeAccountId\nu1,"Doe, ""J""\nsecond line",acct_1A\nu2,,acct_2B',
  ],
])('CSV with %s', (_what, text) => {
  expect(parseAccounts(text, 'csv')).toEqual({ accepted: [ONE, TWO], rejected: [] });
});

test('JSON, with fields that are not read', () => {
  const text = JSON.stringify([{ ...ONE, name: 'J', score: 1.5 }, TWO]);
  expect(parseAccounts(text, 'json')).toEqual({ accepted: [ONE, TWO], rejected: [] });
  expect(parseAccounts('[]', 'json')).toEqual({ accepted: [], rejected: [] });
});

test.each<[string, unknown, string]>([
  ['no account', { userId: 'u9' }, '[1].stripeAccountId'],
  ['a bad account id', { userId: 'u9', stripeAccountId: 'acc_1' }, '[1].stripeAccountId'],
  [
    'an account with a line end',
    { userId: 'u9', stripeAccountId: 'acct_1\n' },
    '[1].stripeAccountId',
  ],
  [
    'an account too long',
    { userId: 'u9', stripeAccountId: `acct_${'a'.repeat(101)}` },
    '[1].stripeAccountId',
  ],
  ['an account that is null', { userId: 'u9', stripeAccountId: null }, '[1].stripeAccountId'],
  ['a bad user id', { userId: 'u 9', stripeAccountId: 'acct_9' }, '[1].userId'],
  ['a number as user id', { userId: 9, stripeAccountId: 'acct_9' }, '[1].userId'],
  ['no object', 'u9', '[1]'],
  ['null', null, '[1]'],
  ['a list', [], '[1]'],
])('one row with %s is rejected, the others are not', (_what, row, place) => {
  const { accepted, rejected } = parseAccounts(JSON.stringify([ONE, row, TWO]), 'json');
  expect(accepted).toEqual([ONE, TWO]);
  expect(rejected).toEqual([expect.objectContaining({ place })]);
  expect(rejected[0]?.reason).toMatch(/found .+, expected /);
});

test('a bad CSV row is rejected by its line and user', () => {
  const text = 'userId,stripeAccountId\nu1,acct_1A\nu9,oops\nu8\nu2,acct_2B\nu7,acct_7,x\n';
  const { accepted, rejected } = parseAccounts(text, 'csv');
  expect(accepted).toEqual([ONE, TWO]);
  expect(rejected).toMatchObject([
    { place: 'line 3', userId: 'u9', reason: expect.stringContaining('"oops"') },
    { place: 'line 4', userId: 'u8', reason: 'found 1 columns, expected 2' },
    { place: 'line 6', userId: 'u7', reason: 'found 3 columns, expected 2' },
  ]);
});

test('the same line twice is one, two accounts of one user are both rejected', () => {
  const rows = [ONE, { ...TWO, stripeAccountId: 'acct_other' }, ONE, TWO];
  const { accepted, rejected } = parseAccounts(JSON.stringify(rows), 'json');
  expect(accepted).toEqual([ONE]);
  expect(rejected).toEqual(
    ['[1]', '[3]'].map((place) => ({
      place,
      userId: 'u2',
      reason: 'the file gives this user 2 different accounts ([1], [3])',
    })),
  );
});

test('terminal codes in a row stay text', () => {
  const row = { userId: '\u001b[2J', stripeAccountId: '\u202e' };
  const { rejected } = parseAccounts(JSON.stringify([row]), 'json');
  expect(rejected[0]?.userId).toBe('\\u001b[2J');
  expect(rejected[0]?.reason).not.toContain('\u001b');
});

test.each<['json' | 'csv', string, string]>([
  ['json', '{"u1":"acct_1"}', '(whole file)'],
  ['json', '[{"userId":"u1",]', 'line 1, column 17'],
  ['json', '[{"userId":"u1","userId":"u2"}]', '[0].userId'],
  ['csv', '', 'line 1'],
  ['csv', 'u1,acct_1A\n', 'line 1'],
  ['csv', 'userId;stripeAccountId\nu1;acct_1A\n', 'line 1'],
  ['csv', 'userId,userId,stripeAccountId\n', 'line 1'],
  ['csv', 'userId,stripeAccountId\nu1,"acct_1A\n', 'line 2'],
  ['csv', 'userId,stripeAccountId\nu"1,acct_1A\n', 'line 2'],
])('%s of the wrong shape is refused whole: %s', (format, text, place) => {
  expect(refusal(text, format).problems[0]?.place).toBe(place);
});

describe('files', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'payouts-accounts-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each([
    ['a.json', JSON.stringify([ONE])],
    ['a.csv', 'userId,stripeAccountId\nu1,acct_1A'],
    ['a.txt', `\ufeff \n${JSON.stringify([ONE])}`],
    ['a', 'userId,stripeAccountId\nu1,acct_1A'],
  ])('%s is told apart by its ending or its first character', async (name, text) => {
    const file = path.join(folder, name);
    writeFileSync(file, text);
    expect(await readAccountsFile(file)).toEqual({ accepted: [ONE], rejected: [] });
  });

  test('a missing one is refused', async () => {
    await expect(readAccountsFile(path.join(folder, 'none'))).rejects.toThrow(InvalidInputError);
  });
});

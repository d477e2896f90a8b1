/**
 * Goal: a settlement file is taken whole or refused whole, with each wrong field, its place and what was expected.
 * Method: real files in a folder of their own, one for each way to be wrong.
 */
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseSettlement, readSettlementFile } from '../../src/client/settlement-file';
import { InvalidInputError, type Problem } from '../../src/domain/invalid-input';
import { SETTLEMENT_FILE_BYTES_MAX, WINNERS_PER_SETTLEMENT_MAX } from '../../src/domain/limits';

const RULES = { amountMinorMax: 10_000_000_000 };
const GOOD =
  '{"settlementId":"s-1","contestId":"c-1","currency":"usd","winners":[{"userId":"u1","amountMinor":500}]}';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'payouts-settlement-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function fileOf(content: string | Buffer): string {
  const file = path.join(folder, 'settlement.json');
  writeFileSync(file, content);
  return file;
}

async function refusalOf(file: string): Promise<InvalidInputError> {
  const result: unknown = await readSettlementFile(file, RULES).catch((error: unknown) => error);
  if (result instanceof InvalidInputError) {
    return result;
  }
  throw new Error(`not refused: ${JSON.stringify(result)}`);
}

const withWinner = (winner: string) => GOOD.replace('{"userId":"u1","amountMinor":500}', winner);
const withAmount = (amount: string) => withWinner(`{"userId":"u1","amountMinor":${amount}}`);

test('a good file is read, with or without a byte order mark', async () => {
  const expected = {
    settlementId: 's-1',
    contestId: 'c-1',
    currency: 'usd',
    winners: [{ userId: 'u1', award: 'prize', amountMinor: 500 }],
    totalMinor: 500,
  };
  expect(await readSettlementFile(fileOf(GOOD), RULES)).toEqual(expected);
  expect(await readSettlementFile(fileOf(`\ufeff${GOOD}\n`), RULES)).toEqual(expected);
  expect(parseSettlement(GOOD.replace('usd', 'USD'), RULES)).toEqual(expected);
});

test.each<[string, string, Problem]>([
  [
    'an amount as text',
    withAmount('"500"'),
    { place: 'winners[0].amountMinor', found: '"500"', expected: 'without quotation marks' },
  ],
  [
    '1e400',
    withAmount('1e400'),
    { place: 'winners[0].amountMinor', found: '1e400', expected: 'digits only' },
  ],
  [
    'an exponent',
    withAmount('5e2'),
    { place: 'winners[0].amountMinor', found: '5e2', expected: 'digits only' },
  ],
  [
    'a decimal amount',
    withAmount('12.50'),
    { place: 'winners[0].amountMinor', found: '12.50', expected: 'whole number' },
  ],
  [
    'decimals of a whole amount',
    withAmount('500.00'),
    { place: 'winners[0].amountMinor', found: '500.00', expected: 'whole number' },
  ],
  [
    '2^53 + 1',
    withAmount('9007199254740993'),
    { place: 'winners[0].amountMinor', found: '9007199254740993', expected: '2^53' },
  ],
  [
    'amount 0',
    withAmount('0'),
    { place: 'winners[0].amountMinor', found: '0', expected: 'from 1 to' },
  ],
  [
    'a negative amount',
    withAmount('-5'),
    { place: 'winners[0].amountMinor', found: '-5', expected: 'from 1 to' },
  ],
  [
    'above the cap',
    withAmount('10000000001'),
    { place: 'winners[0].amountMinor', found: '10000000001', expected: 'at most 10000000000' },
  ],
  [
    'a null amount',
    withAmount('null'),
    { place: 'winners[0].amountMinor', found: 'null', expected: 'whole number' },
  ],
  [
    'no amount',
    withWinner('{"userId":"u1"}'),
    { place: 'winners[0].amountMinor', found: 'nothing', expected: 'whole number' },
  ],
  [
    'a user id that is a number',
    withWinner('{"userId":7,"amountMinor":5}'),
    { place: 'winners[0].userId', found: '7', expected: 'text' },
  ],
  [
    'an award that is null',
    withWinner('{"userId":"u","amountMinor":5,"award":null}'),
    { place: 'winners[0].award', found: 'null', expected: 'text' },
  ],
  [
    'an unknown field',
    withWinner('{"userId":"u","amountMinor":5,"amount":5}'),
    { place: 'winners[0].amount', found: 'an unknown field', expected: 'only the fields' },
  ],
  [
    'an unknown field outside',
    GOOD.replace('{', '{"note":"x",'),
    { place: 'note', found: 'an unknown field', expected: 'only the fields' },
  ],
  [
    'a field given twice',
    withWinner('{"userId":"u1","amountMinor":5,"amountMinor":50000}'),
    { place: 'winners[0].amountMinor', found: 'the same field a second time', expected: 'it once' },
  ],
  [
    'a winner that is text',
    withWinner('"u1"'),
    { place: 'winners[0]', found: '"u1"', expected: 'an object with userId' },
  ],
  [
    'no winners',
    withWinner(''),
    { place: 'winners', found: 'a list of 0', expected: '1 to 100000 winners' },
  ],
  [
    'winners that are no list',
    GOOD.replace(/\[.*\]/, '{}'),
    { place: 'winners', found: 'an object', expected: 'a list of winners' },
  ],
  [
    'a duplicate winner',
    withWinner('{"userId":"u1","amountMinor":1},{"userId":"u1","amountMinor":2}'),
    { place: 'winners[1]', found: 'a second time', expected: 'winners[0]' },
  ],
  [
    'an unknown currency',
    GOOD.replace('usd', 'zzz'),
    { place: 'currency', found: '"zzz"', expected: 'such as usd' },
  ],
  [
    'króna in parts',
    GOOD.replace('usd', 'isk').replace('500', '550'),
    { place: 'winners[0].amountMinor', found: '550', expected: 'multiple of 100' },
  ],
  [
    'three decimals',
    GOOD.replace('usd', 'kwd').replace('500', '501'),
    { place: 'winners[0].amountMinor', found: '501', expected: 'multiple of 10' },
  ],
  [
    'yen with decimals',
    GOOD.replace('usd', 'jpy').replace('500', '500.5'),
    { place: 'winners[0].amountMinor', found: '500.5', expected: 'whole number' },
  ],
  [
    'another total',
    GOOD.replace('{', '{"totalMinor":501,'),
    { place: 'totalMinor', found: '501', expected: '500, the sum' },
  ],
  [
    'a bad id',
    GOOD.replace('s-1', 's 1'),
    { place: 'settlementId', found: '"s 1"', expected: '1 to 100 characters' },
  ],
  [
    'a list',
    '[]',
    { place: '(whole file)', found: 'a list of 0', expected: 'an object with settlementId' },
  ],
  [
    'null',
    'null',
    { place: '(whole file)', found: 'null', expected: 'an object with settlementId' },
  ],
  [
    'nothing',
    '',
    { place: 'line 1, column 1', found: 'the end of the file', expected: 'valid JSON' },
  ],
  [
    'no JSON',
    GOOD.replace(',"contestId"', ',\n  contestId'),
    { place: 'line 2, column 3', found: 'contestId', expected: 'valid JSON' },
  ],
  ['NaN', withAmount('NaN'), { place: 'line 1, column', found: 'NaN', expected: 'valid JSON' }],
  [
    'a comment',
    `// c\n${GOOD}`,
    { place: 'line 1, column 1', found: '// c', expected: 'valid JSON' },
  ],
  [
    'a comma too many',
    GOOD.replace('}]', '},]'),
    { place: 'line 1, column', found: ']', expected: 'valid JSON' },
  ],
  [
    'half a file',
    GOOD.slice(0, -1),
    { place: 'line 1, column', found: 'the end of the file', expected: 'valid JSON' },
  ],
])('%s is refused', async (_what, content, { place, found, expected }) => {
  const { problems, message } = await refusalOf(fileOf(content));
  expect(problems).toEqual([
    {
      place: expect.stringContaining(place),
      found: expect.stringContaining(found),
      expected: expect.stringContaining(expected),
    },
  ]);
  expect(message).toContain('nothing was recorded');
});

test('all wrong fields are named at once', async () => {
  const { problems } = await refusalOf(fileOf('{"winners":[{"userId":1,"amountMinor":"x"},{}]}'));
  expect(problems.map(({ place }) => place)).toEqual([
    'settlementId',
    'contestId',
    'currency',
    'winners[0].userId',
    'winners[0].amountMinor',
    'winners[1].userId',
    'winners[1].amountMinor',
  ]);
});

describe('files that are none', () => {
  test('a missing file and a folder', async () => {
    const missing = await refusalOf(path.join(folder, 'none.json'));
    expect(missing.problems[0]).toMatchObject({ found: 'no such file' });
    expect(missing.message).toContain('none.json');
    expect((await refusalOf(folder)).problems[0]).toMatchObject({ found: 'a folder' });
  });

  test('200 MB, by its size and without reading it', async () => {
    const file = fileOf(GOOD);
    truncateSync(file, 200 * 1024 * 1024);
    const before = process.memoryUsage().rss;
    const { problems } = await refusalOf(file);
    expect(problems[0]).toMatchObject({
      found: '209715200 bytes',
      expected: `at most ${SETTLEMENT_FILE_BYTES_MAX} bytes`,
    });
    expect(process.memoryUsage().rss - before).toBeLessThan(20 * 1024 * 1024);
  });

  test('one without end, whose size says nothing', async () => {
    const before = process.memoryUsage().rss;
    const { problems } = await refusalOf('/dev/zero');
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024);
    expect(problems[0]?.expected).toBe(`at most ${SETTLEMENT_FILE_BYTES_MAX} bytes`);
  });

  test('bytes that are not UTF-8', async () => {
    const latin = Buffer.from(GOOD.replace('u1', 'é'), 'latin1');
    expect((await refusalOf(fileOf(latin))).problems[0]?.found).toMatch(/not UTF-8/);
    const utf16 = Buffer.from(`\ufeff${GOOD}`, 'utf16le');
    expect((await refusalOf(fileOf(utf16))).problems[0]?.found).toMatch(/not UTF-8/);
  });

  test('one that is nested without end', async () => {
    for (const content of ['['.repeat(1_000_000), '['.repeat(1_000_000) + ']'.repeat(1_000_000)]) {
      await refusalOf(fileOf(content));
    }
  });
});

test('terminal codes in a file stay text in the message', async () => {
  const { message } = await refusalOf(fileOf(GOOD.replace('s-1', '\\u001b[2J\\u202eevil')));
  expect(message).toContain('"\\u001b[2J\\u202eevil"');
  const field = await refusalOf(fileOf(GOOD.replace('{', '{"\\u001b[2J":1,')));
  expect(field.message).not.toContain('\u001b');
});

test('the largest settlement is read in time', async () => {
  const winners = Array.from({ length: WINNERS_PER_SETTLEMENT_MAX }, (_, index) => ({
    userId: `${'u'.repeat(90)}${index}`,
    award: 'a'.repeat(100),
    amountMinor: 1 + index,
  }));
  const file = fileOf(
    JSON.stringify({ settlementId: 's', contestId: 'c', currency: 'usd', winners }),
  );
  const settlement = await readSettlementFile(file, RULES);
  expect(settlement.winners).toHaveLength(WINNERS_PER_SETTLEMENT_MAX);
}, 20_000);

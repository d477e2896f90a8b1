/**
 * Goal: a table shows every row it is given, whole, however many they are: whoever approves a large settlement is shown all
 * of it.
 *
 * Method: the text itself; and more rows than a call can have arguments.
 */
import { plainTable } from '../../src/client/plain-table';

test('columns are as wide as their widest cell, words to the left and amounts to the right', () => {
  const rows = [
    ['ann', '1250.00 USD'],
    ['bartholomew', '5.00 USD'],
  ];
  expect(plainTable({ user: 'left', amount: 'right' }, rows)).toBe(
    [
      '┌─────────────┬─────────────┐',
      '│ user        │      amount │',
      '│ ann         │ 1250.00 USD │',
      '│ bartholomew │    5.00 USD │',
      '└─────────────┴─────────────┘',
    ].join('\n'),
  );
});

test('a table without rows is its head', () => {
  expect(plainTable({ user: 'left' }, [])).toBe(['┌──────┐', '│ user │', '└──────┘'].join('\n'));
});

test('a quarter of a million rows are shown, each on its line', () => {
  const rows = Array.from({ length: 250_000 }, (_, index) => [index.toString()]);
  const lines = plainTable({ number: 'right' }, rows).split('\n');
  expect(lines).toHaveLength(rows.length + 3);
  expect(lines.at(-2)).toBe('│ 249999 │');
});

/**
 * Goal: amounts that Stripe would misread or refuse are refused here, and shown amounts say what is sent.
 * Method: tables for the currencies' rules, properties over all currencies and amounts.
 */
import fc from 'fast-check';
import { CURRENCIES, currencyRule } from '../../src/domain/currencies';
import { amountProblem, formatAmount, sumMinor } from '../../src/domain/money';

const CAP = 10_000_000_000;
const currencies = fc.constantFrom(...CURRENCIES);

test.each([
  [1, 'usd', true],
  [1050, 'usd', true],
  [CAP, 'usd', true],
  [CAP + 1, 'usd', false],
  [0, 'usd', false],
  [-1, 'usd', false],
  [1.5, 'usd', false],
  [Number.NaN, 'usd', false],
  [Infinity, 'usd', false],
  [2 ** 53, 'usd', false],
  [500, 'jpy', true],
  [501, 'jpy', true],
  [500.5, 'jpy', false],
  [1230, 'kwd', true],
  [1234, 'kwd', false],
  [500, 'isk', true],
  [505, 'isk', false],
  [500, 'ugx', true],
  [5, 'ugx', false],
  [1045, 'huf', true],
  [80_045, 'twd', true],
  [100, 'zzz', false],
  [100, 'USD', false],
])('%p %s may be paid: %p', (amount, currency, isGood) => {
  expect(amountProblem(amount, currency, CAP) === undefined).toBe(isGood);
});

test.each([
  [1050, 'usd', '10.50 USD'],
  [5, 'usd', '0.05 USD'],
  [-5, 'usd', '-0.05 USD'],
  [0, 'usd', '0.00 USD'],
  [500, 'jpy', '500 JPY'],
  [1230, 'kwd', '1.230 KWD'],
  [10, 'bhd', '0.010 BHD'],
  [500, 'isk', '5 ISK'],
  [550, 'isk', '5.50 ISK'],
  [500, 'ugx', '5 UGX'],
  [1045, 'huf', '10.45 HUF'],
  [Number.MAX_SAFE_INTEGER, 'usd', '90071992547409.91 USD'],
  [7, 'zzz', '7 minor units of ZZZ'],
])('%p %s reads %s', (amount, currency, text) => {
  expect(formatAmount(amount, currency)).toBe(text);
});

test('Stripe’s special currencies have Stripe’s decimals', () => {
  const byDecimals = (decimals: number) =>
    CURRENCIES.filter((code) => currencyRule(code)?.decimals === decimals).join(' ');
  expect(byDecimals(0)).toBe('bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf');
  expect(byDecimals(3)).toBe('bhd jod kwd omr tnd');
  const whole = CURRENCIES.filter((code) => currencyRule(code)?.multipleOf === 100);
  expect(whole).toEqual(['isk', 'ugx']);
  expect(CURRENCIES.every((code) => /^[a-z]{3}$/.test(code))).toBe(true);
  expect(new Set(CURRENCIES).size).toBe(CURRENCIES.length);
});

test('a payable amount is a whole, positive, bounded multiple; nothing else is', () => {
  fc.assert(
    fc.property(fc.double({ min: -1e4, max: 1e5 }), currencies, (raw, currency) => {
      for (const amount of [raw, Math.round(raw), Math.round(raw / 100) * 100]) {
        const isGood =
          Number.isSafeInteger(amount) &&
          amount > 0 &&
          amount <= 50_000 &&
          amount % (currencyRule(currency)?.multipleOf ?? NaN) === 0;
        expect(amountProblem(amount, currency, 50_000) === undefined).toBe(isGood);
      }
    }),
  );
});

test('a shown amount keeps every digit and its sign', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), currencies, (amount, currency) => {
      const [number = '', code] = formatAmount(amount, currency).split(' ');
      const { decimals, multipleOf } = currencyRule(currency)!;
      const [whole = '', fraction = multipleOf === 100 ? '00' : ''] = number.split('.');
      expect(fraction).toHaveLength(decimals);
      expect(BigInt(`${whole}${fraction}`)).toBe(BigInt(amount));
      expect(code).toBe(currency.toUpperCase());
    }),
  );
});

test('a sum is exact or refused', () => {
  fc.assert(
    fc.property(fc.array(fc.maxSafeInteger(), { maxLength: 6 }), (amounts) => {
      const exact = amounts.reduce((sum, amount) => sum + BigInt(amount), 0n);
      const sum = sumMinor(amounts);
      if (sum !== undefined) {
        expect(BigInt(sum)).toBe(exact);
      } else {
        expect(amounts.length).toBeGreaterThan(1);
      }
    }),
  );
  expect(sumMinor([Number.MAX_SAFE_INTEGER, 1])).toBeUndefined();
  expect(sumMinor([Number.MAX_SAFE_INTEGER])).toBe(Number.MAX_SAFE_INTEGER);
  expect(sumMinor([1.5])).toBeUndefined();
  expect(sumMinor([])).toBe(0);
});

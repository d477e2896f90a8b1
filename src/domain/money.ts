import { currencyRule } from './currencies';

/**
 * Why an amount may not be paid, as what was expected instead; undefined for a good amount.
 *
 * @param amountMinor integer minor units as Stripe writes them (cents for usd, yen for jpy)
 * @param currency a lower-case code of `currencies`
 * @param amountMinorMax the largest single prize of this installation
 */
export function amountProblem(
  amountMinor: number,
  currency: string,
  amountMinorMax: number,
): string | undefined {
  const rule = currencyRule(currency);
  if (rule === undefined) {
    return 'an amount in a currency that Stripe pays in';
  }
  if (!Number.isSafeInteger(amountMinor) || amountMinor <= 0) {
    return `a whole number from 1 to ${amountMinorMax.toString()}: ${currency} in ${rule.expected}`;
  }
  if (amountMinor > amountMinorMax) {
    return `at most ${amountMinorMax.toString()}, the largest prize allowed (PAYOUT_MAX_AMOUNT_MINOR)`;
  }
  if (amountMinor % rule.multipleOf !== 0) {
    return `a multiple of ${rule.multipleOf.toString()}: ${currency} in ${rule.expected}`;
  }
  return undefined;
}

/**
 * The sum of amounts in minor units of one currency.
 *
 * @returns undefined where an amount or a running sum is not a whole number within ±(2^53 − 1): beyond it, a JavaScript
 * number silently loses cents
 */
export function sumMinor(amounts: Iterable<number>): number | undefined {
  let sum = 0;
  for (const amount of amounts) {
    sum += amount;
    if (!Number.isSafeInteger(amount) || !Number.isSafeInteger(sum)) {
      return undefined;
    }
  }
  return sum;
}

/**
 * An amount in the unit of its currency as digits, such as `10.50`, `500` or `-0.07`, by text and never by division;
 * undefined where the currency, or the amount, is not one that can be written so.
 *
 * @param amountMinor integer minor units; negative ones (ledger entries) get a minus sign
 */
export function decimalAmount(amountMinor: number, currency: string): string | undefined {
  const rule = currencyRule(currency);
  if (rule === undefined || !Number.isSafeInteger(amountMinor)) {
    return undefined;
  }
  const digits = Math.abs(amountMinor)
    .toString()
    .padStart(rule.decimals + 1, '0');
  const whole = digits.slice(0, digits.length - rule.decimals);
  const fraction = digits.slice(digits.length - rule.decimals);
  const sign = amountMinor < 0 ? '-' : '';
  const isWholeUnitsOnly = rule.multipleOf === 100 && fraction === '00';
  const number = fraction === '' || isWholeUnitsOnly ? whole : `${whole}.${fraction}`;
  return `${sign}${number}`;
}

/** An amount as people write it, such as `10.50 USD`, `500 JPY` or `5 ISK`; for showing, never for parsing back. */
export function formatAmount(amountMinor: number, currency: string): string {
  const decimal = decimalAmount(amountMinor, currency);
  const code = currency.toUpperCase();
  return decimal === undefined
    ? `${amountMinor.toString()} minor units of ${code}`
    : `${decimal} ${code}`;
}

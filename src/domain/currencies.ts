/**
 * The currencies that Stripe can pay in and how their amounts are written (docs.stripe.com/currencies). Exponents never
 * come from Intl: Stripe's differ from ISO 4217 where backward compatibility asks for it.
 */
export interface CurrencyRule {
  /** Digits after the decimal point in an amount of minor units: 1050 is 10.50 where this is 2. */
  readonly decimals: 0 | 2 | 3;
  /** Amounts have to be a multiple of this. */
  readonly multipleOf: 1 | 10 | 100;
  /** What an amount has to be, as an operator reads it. */
  readonly expected: string;
}

const ZERO_DECIMAL = 'bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf'.split(' ');

/** Stripe's card partners take only two of the three decimals, so the last digit is 0. */
const THREE_DECIMAL = 'bhd jod kwd omr tnd'.split(' ');

/**
 * Currencies without a minor unit that Stripe still writes with two decimals: 5 króna are 500. Stripe's page has UGX both
 * here and in its zero-decimal list; whole hundreds are right in either reading, so nothing else is accepted.
 */
const WHOLE_UNITS_WITH_TWO_DECIMALS = 'isk ugx'.split(' ');

/** HUF and TWD are here: only payouts to a bank, not transfers, have to be whole units of them. */
const TWO_DECIMAL = (
  'aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop crc cve ' +
  'czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr jmd kes kgs khr kyd kzt lak ' +
  'lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ' +
  'ron rsd rub sar sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah usd uyu uzs wst xcd xcg yer ' +
  'zar zmw'
).split(' ');

function rules(
  codes: readonly string[],
  rule: CurrencyRule,
): readonly (readonly [string, CurrencyRule])[] {
  return codes.map((code) => [code, rule] as const);
}

const RULES: ReadonlyMap<string, CurrencyRule> = new Map([
  ...rules(ZERO_DECIMAL, {
    decimals: 0,
    multipleOf: 1,
    expected: 'whole units (this currency has no decimals)',
  }),
  ...rules(TWO_DECIMAL, {
    decimals: 2,
    multipleOf: 1,
    expected: 'hundredths of the unit',
  }),
  ...rules(THREE_DECIMAL, {
    decimals: 3,
    multipleOf: 10,
    expected: 'thousandths of the unit, ending in 0',
  }),
  ...rules(WHOLE_UNITS_WITH_TWO_DECIMALS, {
    decimals: 2,
    multipleOf: 100,
    expected: 'whole units written with two decimals, a multiple of 100',
  }),
]);

/** The codes that `currencyRule` knows, in lower case and sorted. */
export const CURRENCIES: readonly string[] = [...RULES.keys()].sort();

/**
 * @param currency a lower-case ISO 4217 code, as Stripe takes it
 * @returns undefined for a currency that Stripe does not pay in
 */
export function currencyRule(currency: string): CurrencyRule | undefined {
  return RULES.get(currency);
}

/** docs.stripe.com/currencies, presentment currencies. */
const SUPPORTED = new Set(
  (
    'usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp ' +
    'byn bzd cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip ' +
    'gmd gnf gtq gyd hkd hnl htg huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt ' +
    'lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr ' +
    'nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd ' +
    'std svc szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xof xpf yer ' +
    'zar zmw'
  ).split(' '),
);

const THREE_DECIMALS = new Set(['bhd', 'jod', 'kwd', 'omr', 'tnd']);

/** Sent with two decimals although they have none any more: whole units only. */
const WHOLE_UNITS_IN_CENTS = new Set(['isk']);

/** Lower case only, as documented for every `currency` parameter. */
export function isSupportedCurrency(currency: string): boolean {
  return SUPPORTED.has(currency);
}

export function listSupportedCurrencies(): readonly string[] {
  return [...SUPPORTED];
}

export function supportedCurrencies(): string {
  return listSupportedCurrencies().join(', ');
}

/** docs.stripe.com/currencies, "three-decimal currencies" and "special cases". */
export function smallestStep(currency: string): number {
  if (THREE_DECIMALS.has(currency)) {
    return 10;
  }
  return WHOLE_UNITS_IN_CENTS.has(currency) ? 100 : 1;
}

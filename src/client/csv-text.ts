import { stringify, type Options } from 'csv-stringify/sync';

import { shownText } from '../domain/shown-value';

/** A line of a table: texts are made harmless, numbers stay numbers, null is an empty field. */
export type CsvRecord = readonly (string | number | null)[];

/** Digits, a sign and a point only: a spreadsheet takes it for a number, and no number is a formula. */
const NUMBER = /^-?\d+(\.\d+)?$/;

/**
 * RFC 4180: lines end with CRLF, texts stand in quotation marks. What a spreadsheet would take for a formula begins with
 * an apostrophe instead.
 */
const FORMAT: Options = {
  record_delimiter: 'windows',
  quoted_string: true,
  escape_formulas: true,
  cast: {
    string: (text) => (NUMBER.test(text) ? { value: text, ...AS_NUMBER } : text),
  },
};

const AS_NUMBER = { escape_formulas: false, quoted_string: false };

/** Spreadsheets take a file without it for the local 8-bit characters. */
const BYTE_ORDER_MARK = '\ufeff';

/** A cell of a spreadsheet holds little more; a text that is cut ends with `…`. */
const FIELD_CHARACTERS_MAX = 32_000;

/** The first line of a file. */
export function csvHeader(columns: readonly string[]): string {
  return `${BYTE_ORDER_MARK}${stringify([[...columns]], FORMAT)}`;
}

/** Lines of a file: each record is one line, whatever stands in its texts. */
export function csvLines(records: readonly CsvRecord[]): string {
  return stringify(
    records.map((record) => record.map(csvField)),
    FORMAT,
  );
}

function csvField(field: CsvRecord[number]): string | number | null {
  return typeof field === 'string' ? shownText(field, FIELD_CHARACTERS_MAX) : field;
}

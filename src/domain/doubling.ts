/** First and longest of waits that double. */
export interface DoublingWaits {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** The wait after so many before it: 0 gives the first. The same stands in SQL (`dueAgainAt`); a test compares. */
export function doubledMs(step: number, { firstMs, longestMs }: DoublingWaits): number {
  return Math.min(firstMs * 2 ** step, longestMs);
}

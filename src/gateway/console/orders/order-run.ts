/** What an order is carried out with. */
export interface OrderRun {
  /** The gateway ends: whoever is not reached yet stays as he is. */
  readonly signal: AbortSignal;
  /** Told with how many transfers were dealt with so far. */
  readonly onProgress: (dealtWith: number) => void;
}

export type OrderResult =
  /** The page that is gone to says so. */
  | { readonly is: 'done'; readonly message: string }
  /** Nothing was changed. */
  | { readonly is: 'refused'; readonly code: string; readonly text: string }
  /** Of many, some were refused, or not reached before the gateway stopped. */
  | { readonly is: 'partly'; readonly message: string; readonly refused: readonly RefusedOne[] };

export interface RefusedOne {
  readonly id: string;
  readonly why: string;
}

/** The root of every page. */
export const CONSOLE_ROOT = '/console';
/** Paths are read as a browser reads them, which needs an origin; nobody has this one. */
const ANY_ORIGIN = 'http://console.invalid';
/** Pages that nobody wants to come back to after a login. */
const NOT_WANTED = [`${CONSOLE_ROOT}/login`, `${CONSOLE_ROOT}/logout`];

export function isConsolePath(url: string): boolean {
  return /^\/console(?:[/?]|$)/.test(url);
}

/** A path of a request with its query. */
export function urlOfPath(path: string): URL {
  return new URL(path, ANY_ORIGIN);
}

/**
 * Where a login goes on: the page of the console that was wanted, read as a browser reads it. Whatever leads elsewhere
 * (another host, another scheme, `//host`, `/\host`) leads to the overview instead.
 */
export function wantedPath(wanted: string | undefined): string {
  if (wanted === undefined || !URL.canParse(wanted, ANY_ORIGIN)) {
    return CONSOLE_ROOT;
  }
  const { origin, pathname, search } = urlOfPath(wanted);
  const isHere = origin === ANY_ORIGIN && isConsolePath(pathname) && !NOT_WANTED.includes(pathname);
  return isHere ? `${pathname}${search}` : CONSOLE_ROOT;
}

export function loginPath(wanted: string): string {
  return wanted === CONSOLE_ROOT
    ? `${CONSOLE_ROOT}/login`
    : `${CONSOLE_ROOT}/login?next=${encodeURIComponent(wanted)}`;
}

export function settlementPath(settlementId: string): string {
  return `${CONSOLE_ROOT}/settlements/${encodeURIComponent(settlementId)}`;
}

export function winnerPath(transfer: {
  readonly settlementId: string;
  readonly id: string;
}): string {
  return `${settlementPath(transfer.settlementId)}/transfers/${transfer.id}`;
}

/** A path with those query fields that have a value. */
export function withQuery(
  path: string,
  fields: Readonly<Record<string, string | undefined>>,
): string {
  const query = new URLSearchParams(
    Object.entries(fields).filter((field): field is [string, string] => (field[1] ?? '') !== ''),
  ).toString();
  return query === '' ? path : `${path}?${query}`;
}

/**
 * The `code` that Node and its libraries put on an error (ENOENT, ECONNREFUSED, …). By shape, not by class: errors may
 * come from another copy of JavaScript's built-ins, where `instanceof Error` says no.
 */
export function errorCode(error: unknown): string | undefined {
  return typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    typeof error.code === 'string'
    ? error.code
    : undefined;
}

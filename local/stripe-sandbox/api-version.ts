/** What a client or a webhook endpoint that names no version gets: the default of its account. */
export const DEFAULT_API_VERSION = '2026-10-28.endive';

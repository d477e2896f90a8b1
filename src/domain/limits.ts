/** Bounds and time budgets that several files share, with their units in their names. Relations between them are tested. */

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** Stripe may forget a key once it is this old; a later send under it pays again (docs.stripe.com/api/idempotent_requests). */
export const STRIPE_KEY_RETENTION_MS = 24 * HOUR_MS;
/** No send of a key later than this after its first send (M6). The hour to 24 h is room for a request on its way. */
export const KEY_SENDABLE_MS = 23 * HOUR_MS;

/**
 * No key is first sent when Stripe's list of its settlement was last read longer ago (M11). A database that came back
 * older has lost sends: the older ones are in the list, the younger ones' keys still stand.
 */
export const STRIPE_LIST_VALID_MS = 12 * HOUR_MS;
/** Two looks at Stripe's list that find nothing prove something only this far apart … */
export const EMPTY_LOOKS_APART_MS = 10 * MINUTE_MS;
/** … and only when the second of them comes this long after the last send: Stripe may complete a failed call later. */
export const EMPTY_LOOK_AFTER_SEND_MS = 24 * HOUR_MS;
/** A look that began longer ago says nothing about now. */
export const EMPTY_LOOK_VALID_MS = 5 * MINUTE_MS;

/** The deadline of one POST to Stripe, enforced by the adapter and not only by the socket's idle timeout. */
export const STRIPE_CALL_DEADLINE_MS = 20 * SECOND_MS;
/** One statement, or one wait for a lock, that takes longer is ended by Postgres itself. */
export const STATEMENT_TIMEOUT_MS = 10 * SECOND_MS;
/**
 * Longer than one POST with a slow connection and a slow statement before and after it, so that two tries of one
 * activity do not overlap (M3). Should they all the same, both send the same key, and Stripe makes one transfer.
 */
export const STRIPE_ACTIVITY_TIMEOUT_MS = 60 * SECOND_MS;
/** How many times Temporal tries one createStripeTransfer before the workflow takes over with durable timers. */
export const STRIPE_ACTIVITY_TRIES_MAX = 4;
/** Time for one short database activity. */
export const DATABASE_ACTIVITY_TIMEOUT_MS = 30 * SECOND_MS;
/** Time for one transaction that writes a whole settlement. */
export const SCHEDULE_ACTIVITY_TIMEOUT_MS = 2 * MINUTE_MS;
/** Time to read all pages of one payee's transfers in one settlement. */
export const RECONCILE_ACTIVITY_TIMEOUT_MS = 2 * MINUTE_MS;
/** Worker shutdown waits longer than a POST with everything around it, so that a deploy cuts none. */
export const WORKER_SHUTDOWN_GRACE_MS = STRIPE_ACTIVITY_TIMEOUT_MS + 15 * SECOND_MS;

/** A worker polls again at the latest after a minute; one not seen for longer than this no longer polls. */
export const WORKER_POLL_SEEN_MS = 2 * MINUTE_MS;

/** Children of one job that may be sending at once; more make the server fail workflow tasks (buffered events). */
export const JOB_WINDOW_CHILDREN = 50;
/** Transfers read from Postgres at a time by a job. */
export const JOB_PAGE_TRANSFERS = 25;
/** A job continues as new after this many children, well below 4,000 events and 1,000 pending children. */
export const JOB_CHILDREN_PER_RUN = 500;
/** Events after which a job continues as new whatever it did. */
export const JOB_HISTORY_EVENTS_MAX = 3_000;
/** How long a job waits for its sending children before it continues as new without them. */
export const JOB_DRAIN_MS = 2 * MINUTE_MS;
/** A job with nothing to start looks at Postgres this often, should a signal have been lost. */
export const JOB_IDLE_LOOK_MS = HOUR_MS;

/** A transfer that waits longer than this tells its job and frees its place in the window. */
export const PARK_AFTER_MS = 30 * SECOND_MS;
/** First and longest wait between two tries that a transfer's workflow makes itself. */
export const BACKOFF_FIRST_MS = 15 * SECOND_MS;
export const BACKOFF_LONGEST_MS = HOUR_MS;
/** Waiting transfers look again this often even when nobody wakes them. */
export const BLOCKED_LOOK_MS = HOUR_MS;
/** The wait for a payee who is not ready ends after this (`PAYOUT_PAYEE_WAIT_DAYS`). */
export const PAYEE_WAIT_DAYS_DEFAULT = 30;
/** No longer wait than this can be asked for: a year is an answer too. */
export const PAYEE_WAIT_DAYS_MAX = 365;
export const PAYEE_WAIT_MS = PAYEE_WAIT_DAYS_DEFAULT * DAY_MS;

/** First and longest wait between two questions to Stripe about one payee, or about the platform's own trouble. */
export const ASK_FIRST_MS = MINUTE_MS;
export const ASK_LONGEST_MS = HOUR_MS;
/** A pause that is set again this soon after automation lifted it goes on backing off where it was. */
export const PAUSE_MEMORY_MS = 2 * HOUR_MS;
/** The same refusal at this many winners in a row is no longer their fault: the settlement pauses. */
export const BREAKER_WINNERS = 3;
/** So many 429s in a row, with nothing else between them, are no longer a moment: the settlement pauses. */
export const BREAKER_RATE_LIMITED_ANSWERS = 20;
/** Events after which a waiting transfer continues as new, so that new code takes over. */
export const TRANSFER_HISTORY_EVENTS_MAX = 250;

/** Counted attempts a transfer is allowed before a person has to decide (`PAYOUT_MAX_ATTEMPTS`). */
export const ATTEMPTS_MAX_DEFAULT = 5;
/** Requests a second that the whole fleet may send to Stripe (`STRIPE_REQUESTS_PER_SECOND`). */
export const STRIPE_REQUESTS_PER_SECOND_DEFAULT = 20;
/** Largest single prize unless `PAYOUT_MAX_AMOUNT_MINOR` says otherwise, in minor units. */
export const PRIZE_AMOUNT_MINOR_MAX_DEFAULT = 10_000_000_000;
export const WINNERS_PER_SETTLEMENT_MAX = 100_000;
export const SETTLEMENT_FILE_BYTES_MAX = 32 * 1024 * 1024;
export const ACCOUNTS_FILE_BYTES_MAX = 32 * 1024 * 1024;
export const ID_CHARACTERS_MAX = 100;

/** A sweep starts, reopens or wakes at most so many transfers of a settlement; the next one goes on. */
export const SWEEP_TRANSFERS_MAX = 500;
/** How long a sweep waits for the answer of a running workflow. */
export const RUN_QUERY_TIMEOUT_MS = 5 * SECOND_MS;

/** Closed workflows must stay visible longer than the payee wait (design §6). */
export const NAMESPACE_RETENTION_DAYS = 45;
/** Connections of one worker: its activities mostly wait for Stripe, not for Postgres. */
export const WORKER_DATABASE_CONNECTIONS = 20;
/** A command gives up on an unreachable dependency after this. */
export const CONNECT_TIMEOUT_MS = 8 * SECOND_MS;

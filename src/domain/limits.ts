import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from './durations';

/** Bounds and time budgets that several files share, with their units in their names. Relations between them are tested. */

/** Stripe may forget a key once it is this old; a later send under it pays again (docs.stripe.com/api/idempotent_requests). */
export const STRIPE_KEY_RETENTION_MS = 24 * HOUR_MS;
/** No send of a key later than this after its first send (M6). The hour to 24 h is room for a request on its way. */
export const KEY_SENDABLE_MS = 23 * HOUR_MS;

/**
 * No key is first sent when Stripe's list of its settlement was last read longer ago (M11). A database that came back
 * older has lost sends: the older ones are in the list, the younger ones' keys still stand.
 */
export const STRIPE_LIST_VALID_MS = 12 * HOUR_MS;
/** So many tries to read one page of the list, some fifteen seconds in all, are no moment any more: the settlement pauses … */
export const STRIPE_LIST_TRIES_MAX = 5;
/** … and is read again this often, or when somebody says that something changed. */
export const STRIPE_LIST_AGAIN_MS = MINUTE_MS;
/** Who waited for a reading is told of its end, so many at most; the others look by themselves in seconds to minutes. */
export const LIST_WAKES_MAX = 1_000;
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
/** After so many sends of a key without a certain outcome, Stripe's list is looked at before each further claim sends. */
export const SENDS_BEFORE_LOOK = 2 * STRIPE_ACTIVITY_TRIES_MAX;
/** Time for one short database activity. */
export const DATABASE_ACTIVITY_TIMEOUT_MS = 30 * SECOND_MS;
/** Time for one transaction that writes a whole settlement. */
export const SCHEDULE_ACTIVITY_TIMEOUT_MS = 2 * MINUTE_MS;
/** Time to read all pages of one payee's transfers in one settlement. */
export const RECONCILE_ACTIVITY_TIMEOUT_MS = 2 * MINUTE_MS;
/**
 * How long `payouts pause` waits for the answer of a send: longer than its activity may take, so that one without an
 * answer after it has none to come.
 */
export const PAUSE_ANSWER_WAIT_MS = STRIPE_ACTIVITY_TIMEOUT_MS + 10 * SECOND_MS;
/** How long `payouts reverse` waits for the outcome; an unknown one is looked up for a day. */
export const REVERSAL_WAIT_MS = MINUTE_MS;
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

/** The longest time that a settlement may be held before anything of it is sent: 90 days. */
export const HOLD_HOURS_MAX = 2_160;

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
export const ASK_WAITS = { firstMs: MINUTE_MS, longestMs: HOUR_MS };
/** When the balance cannot be read in so many tries, the job begins without: the question is advice, Stripe the guard. */
export const FUNDS_TRIES_MAX = 4;
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

/** How often the sweep runs. */
export const SWEEP_EVERY_MS = 5 * MINUTE_MS;
/** Sweeps that were due longer ago, while the server was away, are left out: one is enough. */
export const SWEEP_CATCH_UP_MS = 10 * MINUTE_MS;
/** A sweep that hangs is ended before the next is due. */
export const SWEEP_RUN_TIMEOUT_MS = 4 * MINUTE_MS;
/** A sweep begins no other page after this; the next one goes on. The page that it has begun ends before its timeout. */
export const SWEEP_WORK_MS = 2 * MINUTE_MS;
/** A page takes up no other settlement after this. */
export const SWEEP_PAGE_WORK_MS = 10 * SECOND_MS;
/** One settlement that takes longer is left to the next sweep, and named. */
export const SWEEP_SETTLEMENT_MS = 20 * SECOND_MS;
/** Of one activity with all its tries; longer than a page whose last settlement takes too long. */
export const SWEEP_ACTIVITY_TIMEOUT_MS = 45 * SECOND_MS;
/**
 * Whose process has not been heard of for so long is given to another worker. Far above the beat, and above the longest
 * stop of a living process, since both would do the work then.
 */
export const HEARTBEAT_TIMEOUT_MS = 15 * SECOND_MS;
/** The SDK lets one beat through in four fifths of the timeout. */
export const HEARTBEAT_EVERY_MS = 3 * SECOND_MS;
/** Settlements looked at in one page. */
export const SWEEP_PAGE_SETTLEMENTS = 50;
/** A sweep starts, reopens or wakes at most so many transfers of a settlement; the next one goes on. */
export const SWEEP_TRANSFERS_MAX = 500;
/** Reversals that a sweep asks Temporal about, one by one; the oldest first. */
export const SWEEP_REVERSALS_MAX = 100;
/** A sweep that has started so many runs takes up nothing new: far below 2,000 pending children. */
export const SWEEP_STARTS_MAX = 500;
/** Webhooks that one sweep processes at most. */
export const SWEEP_EVENTS_MAX = 100;
/** Runs started at a time; more make the server fail workflow tasks (buffered events). */
export const SWEEP_STARTS_AT_ONCE = 50;
/** Ids of one kind in the report of a sweep. */
export const SWEEP_IDS_SHOWN_MAX = 1_000;
/** Alarms about canceled runs that are raised at a time; whoever is not named yet is asked about again after the resume. */
export const CANCELLED_RUNS_NAMED_MAX = 50;
/** A payment that was learnt after its job was complete is compared with its run for so long. */
export const LATE_PAYMENT_LOOK_MS = 24 * HOUR_MS;
/** How long `payouts sweep` waits for the end. */
export const SWEEP_WAIT_MS = MINUTE_MS;
/** Signals and starts of one process that are on their way to Temporal at a time. */
export const TEMPORAL_REQUESTS_AT_ONCE = 20;
/** Transfers of an operator's order about many that are dealt with at a time, each in a transaction of its own. */
export const ORDERS_AT_ONCE = 20;
/** Transfers of one such order between two words about its progress. */
export const ORDER_PAGE_TRANSFERS = 500;
/** How long a sweep waits for the answer of a running workflow. */
export const RUN_QUERY_TIMEOUT_MS = 5 * SECOND_MS;

/** A webhook that was signed longer ago is refused: somebody repeats it (Stripe's own default, docs.stripe.com/webhooks). */
export const WEBHOOK_AGE_MAX_MS = 5 * MINUTE_MS;
/** One signed further in the future than clocks differ would be valid for too long. */
export const WEBHOOK_FUTURE_MAX_MS = MINUTE_MS;
/** Events are some kilobytes; nothing larger is read from somebody who has not proven to be Stripe. */
export const WEBHOOK_BODY_BYTES_MAX = 512 * 1024;
/**
 * First and longest wait before an event that could not be processed is tried again. The first is longer than most tries
 * take, so that the same event is seldom worked on twice at a time; when it is, both come to the same end.
 */
export const EVENT_TRY_WAITS = { firstMs: MINUTE_MS, longestMs: HOUR_MS };
/**
 * Events that have ended are kept this long. A delivery of an older one is refused by its age (WEBHOOK_AGE_MAX_MS); what
 * Stripe signs anew, for 30 days at most (docs.stripe.com/webhooks), is asked from Stripe again and booked once by
 * Stripe's id (M9), so that a forgotten event is only one that is processed twice.
 */
export const STRIPE_EVENTS_KEPT_MS = 90 * DAY_MS;
/** One sweep deletes at most so many of those that are older; the next one goes on. */
export const STRIPE_EVENTS_FORGOTTEN_AT_ONCE = 5_000;
/** Tries after which a transfer that Stripe does not find is taken for none. */
export const EVENT_TRIES_OF_MISSING_MAX = 5;
/** Events that one process works on at a time; each asks Stripe a question or two. */
export const EVENTS_AT_ONCE = 5;
/** Ids of fresh events that a gateway remembers; what comes on top waits for its next look. */
export const EVENTS_NOTICED_MAX = 1_000;
/** How often a gateway looks for events that wait in Postgres. */
export const EVENT_LOOK_MS = MINUTE_MS;
/** Settlements of other systems that are accepted at a time by one process, each on a connection of its own. */
export const ACCEPTANCES_AT_ONCE = 4;
/** How many of them one look takes; the next look goes on. */
export const ACCEPTANCES_PER_LOOK = 100;
/** First and longest wait before the listener connects, or looks, again after a failure. */
export const LISTENER_RETRY_WAITS = { firstMs: 250, longestMs: 30 * SECOND_MS };
/** A connection that only listens says nothing when it is lost without a word, so it is asked this often … */
export const LISTENER_CHECK_MS = 30 * SECOND_MS;
/** … and is lost when it does not answer within this. */
export const LISTENER_ANSWER_MS = 10 * SECOND_MS;

/** Rows that are read from Postgres and kept in memory at a time; such a page takes a small part of STATEMENT_TIMEOUT_MS. */
export const ROWS_PER_PAGE = 2_000;
/** Rows of one insert statement; Postgres takes at most 65,535 parameters in one. */
export const ROWS_PER_INSERT = 5_000;

/** Whoever reads an export may stop for a while; a snapshot that is kept open for longer keeps Postgres from cleaning up. */
export const EXPORT_READER_PAUSE_MAX_MS = 10 * MINUTE_MS;
/** The first page of a large table may have to be looked for. */
export const EXPORT_FIRST_PAGE_MAX_MS = 5 * MINUTE_MS;

/** Closed workflows must stay visible longer than the payee wait (design §6). */
export const NAMESPACE_RETENTION_DAYS = 45;
/** Connections of one worker: its activities mostly wait for Stripe, not for Postgres. */
export const WORKER_DATABASE_CONNECTIONS = 20;
/**
 * A connection to Postgres on which nothing has come for so long is asked whether the other side is there, by TCP itself;
 * ten seconds without an answer end it (libuv: ten probes, one a second).
 */
export const DATABASE_KEEP_ALIVE_MS = 10 * SECOND_MS;
/** A command gives up on an unreachable dependency after this. */
export const CONNECT_TIMEOUT_MS = 8 * SECOND_MS;

/** Where the gateway listens unless `GATEWAY_PORT` says otherwise. */
export const GATEWAY_PORT_DEFAULT = 8090;
/** Bodies of routes that set no limit of their own; a settlement may be as large as its file. */
export const GATEWAY_BODY_BYTES_MAX = 64 * 1024;
/** Sockets that the gateway keeps open; one more is closed at once, so that a flood cannot use up its memory. */
export const GATEWAY_CONNECTIONS_MAX = 500;
/** A client that has not sent its headers by then is dropped … */
export const GATEWAY_HEADERS_TIMEOUT_MS = 10 * SECOND_MS;
/** … and so is one that has not sent its whole request: 32 MiB at 5 Mbit/s. */
export const GATEWAY_REQUEST_TIMEOUT_MS = MINUTE_MS;
/** How often slow clients are looked for. */
export const GATEWAY_TIMEOUT_LOOK_MS = SECOND_MS;
/** A socket on which nothing moves is closed; longer than a request is worked on, settlements of 100 000 winners apart. */
export const GATEWAY_SOCKET_IDLE_MS = 2 * MINUTE_MS;
/** How long a connection waits for its next request. */
export const GATEWAY_KEEP_ALIVE_MS = 5 * SECOND_MS;
/** After SIGTERM, requests that are under way have this long; then their connections are closed. */
export const GATEWAY_DRAIN_MS = 20 * SECOND_MS;
export const GATEWAY_DATABASE_CONNECTIONS = 20;
/** How long a caller waits for Temporal; the settlement is recorded by then, and the sweep starts what was not. */
export const GATEWAY_START_DEADLINE_MS = 3 * SECOND_MS;
/** No longer than this between two tries to reach a Temporal that was away. */
export const TEMPORAL_RECONNECT_LONGEST_MS = 5 * SECOND_MS;
/** Each part's time to answer whether it is there, and how long the answer is given again without asking. */
export const READINESS_DEADLINE_MS = 2 * SECOND_MS;
export const READINESS_VALID_MS = 2 * SECOND_MS;
/** Transfers in one answer of the gateway: unless the caller says otherwise, and at most. */
export const STATUS_PAGE_TRANSFERS_DEFAULT = 500;
export const STATUS_PAGE_TRANSFERS_MAX = 2_000;
/** Pauses that are listed with those that were lifted. */
export const PAUSES_SHOWN_MAX = 500;
/** One reading of the figures for a scrape is ended by Postgres after this. */
export const METRICS_STATEMENT_TIMEOUT_MS = 2 * SECOND_MS;

/** How long a login to the console lasts at most. */
export const CONSOLE_SESSION_MS = 8 * HOUR_MS;
/** Wrong logins from one address within the window, after which further ones wait for its end. */
export const CONSOLE_WRONG_LOGINS_MAX = 10;
export const CONSOLE_WRONG_LOGINS_WINDOW_MS = MINUTE_MS;
/** Addresses whose wrong logins are remembered. */
export const CONSOLE_ADDRESSES_MAX = 10_000;
/** The body of a form: a reason of 500 characters, percent-encoded, and what was seen. */
export const CONSOLE_FORM_BYTES_MAX = 16 * 1024;
export const CONSOLE_PAGE_SETTLEMENTS = 20;
export const CONSOLE_PAGE_WINNERS = 50;
/**
 * How long a page waits for its order, longer than for Temporal below; browsers and proxies give up after one minute or
 * more. An order about many goes on without its page.
 */
export const CONSOLE_ORDER_ANSWER_MS = 30 * SECOND_MS;
/** How long a page waits for Temporal to be told of an order about many; the sweep tells who is left. */
export const CONSOLE_TELL_MANY_MS = 20 * SECOND_MS;
/** How often a page that was asked to reloads itself. */
export const CONSOLE_RELOAD_SECONDS = 10;

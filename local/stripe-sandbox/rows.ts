import type { FaultRule, RandomFaults } from './fault-rules';
import type { RawParams } from './form-body';
import type { EventType } from './event-types';
import type { JsonObject } from './json-object';
import type { WebhookFaultRule } from './webhook-fault-rules';

export type Metadata = Record<string, string>;

export type AccountState =
  'active' | 'inactive' | 'closed' | 'missing' | 'other_region' | 'deauthorised';

export interface AccountRow {
  readonly id: string;
  readonly state: AccountState;
  readonly country: string;
  readonly defaultCurrency: string;
  /** The mode the account was connected in; a key of the other mode does not find it. */
  readonly livemode: boolean;
  readonly payoutsEnabled: boolean;
  readonly disabledReason: string | null;
  readonly created: number;
}

/** Minor units. */
export interface BalanceRow {
  readonly accountId: string;
  readonly livemode: boolean;
  readonly currency: string;
  readonly available: number;
  readonly pending: number;
}

export interface TransferRow {
  readonly id: string;
  readonly accountId: string;
  readonly livemode: boolean;
  readonly amount: number;
  readonly amountReversed: number;
  readonly balanceTransaction: string;
  readonly created: number;
  /** Not in data directories of an earlier version. */
  readonly createdAtMs?: number;
  readonly currency: string;
  readonly description: string | null;
  readonly destination: string;
  readonly destinationPayment: string;
  readonly metadata: Metadata;
  readonly sourceType: string;
  readonly transferGroup: string | null;
  /** As it was at creation: a later metadata update must not hide a double payment from the oracle. */
  readonly payoutTransferId: string | null;
}

export interface ReversalRow {
  readonly id: string;
  readonly transferId: string;
  readonly amount: number;
  readonly balanceTransaction: string;
  readonly created: number;
  readonly currency: string;
  readonly destinationPaymentRefund: string;
  readonly metadata: Metadata;
}

export interface IdempotencyRow {
  readonly path: string;
  readonly fingerprint: string;
  readonly status: number;
  readonly body: string;
  readonly requestId: string;
  readonly receivedAtMs: number;
}

export interface Caller {
  readonly apiKey: string;
  readonly accountId: string;
  readonly livemode: boolean;
}

/** A creation that Stripe answered with a 500 and will carry out later ("roll forward"). */
export interface LateCommitRow {
  readonly id: string;
  readonly dueAtMs: number;
  readonly endpoint: string;
  readonly pathIds: Record<string, string>;
  readonly params: RawParams;
  readonly caller: Caller;
}

export interface KeyRow {
  readonly state: 'active' | 'invalid' | 'expired' | 'restricted';
  readonly accountId: string | null;
}

export interface RateLimits {
  readonly requestsPerSecond: number | null;
  readonly requestsPerSecondPerEndpoint: number | null;
  readonly maxConcurrent: number | null;
}

/** How old an object has to be before its list shows it; by its id it is found at once. */
export interface ListLag {
  readonly transfersMs: number;
  readonly eventsMs: number;
}

export interface SettingsRow {
  readonly platformAccountId: string;
  /** What a platform owns of a currency nobody has set a balance for. */
  readonly defaultAvailable: number;
  readonly clockOffsetMs: number;
  readonly rateLimits: RateLimits;
  readonly listLag: ListLag;
}

/** Of `POST /v1/transfers` only, the calls that can move money to a winner, unless the name says otherwise. */
export interface CountersRow {
  readonly posts: number;
  /** Of `POST /v1/transfers/:id/reversals`: the calls that can take money back. */
  readonly reversalPosts: number;
  readonly executions: number;
  readonly refusals: number;
  readonly replays: number;
}

export interface WebhookEndpointRow {
  readonly id: string;
  readonly url: string;
  readonly secrets: readonly string[];
  readonly events: readonly ('*' | EventType)[];
  /** For the events of connected accounts instead of the platform's own. */
  readonly connect: boolean;
  readonly livemode: boolean;
  readonly apiVersion: string;
  /** Real time: how long an answer may take. */
  readonly timeoutMs: number;
}

export interface EventRow {
  readonly id: string;
  readonly type: EventType;
  /** Where it happened. */
  readonly accountId: string;
  readonly livemode: boolean;
  readonly created: number;
  readonly createdAtMs: number;
  readonly object: JsonObject;
  readonly previousAttributes: JsonObject | null;
  readonly requestId: string | null;
  readonly idempotencyKey: string | null;
}

/** One event on its way to one endpoint. */
export interface DeliveryRow {
  readonly id: string;
  readonly eventId: string;
  readonly endpointId: string;
  readonly requestId: string | null;
  /** What has to happen before the first try. */
  readonly gate: 'open' | 'before_answer' | 'after_answer' | 'after_next';
  readonly delayMs: number;
  readonly dueAtMs: number;
  readonly tries: number;
  /** A status, or why there was none. */
  readonly lastResult: string | null;
}

export interface FinishedDeliveryRow extends DeliveryRow {
  readonly state: 'delivered' | 'given_up';
}

export interface Tables {
  accounts: AccountRow;
  balances: BalanceRow;
  transfers: TransferRow;
  reversals: ReversalRow;
  idempotency: IdempotencyRow;
  lateCommits: LateCommitRow;
  keys: KeyRow;
  faults: FaultRule;
  randomFaults: RandomFaults;
  webhookEndpoints: WebhookEndpointRow;
  webhookFaults: WebhookFaultRule;
  events: EventRow;
  deliveries: DeliveryRow;
  finished: FinishedDeliveryRow;
  /** By event: the endpoints that have not taken it yet. */
  undelivered: readonly string[];
  settings: SettingsRow;
  counters: CountersRow;
}

/**
 * Stripe as its documentation describes it (docs.stripe.com/api/idempotent_requests, error-low-level,
 * connect/separate-charges-and-transfers), in memory. Written without a look at the rules: what is documented as
 * possible happens, and what Stripe leaves open happens in the worst way.
 */
import type { FrozenRequest } from '../../src/domain/generation';
import type { StripeAnswer } from '../../src/domain/outcome';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;

/** What may happen to an account; `restricted` stands for a region that the platform may not pay to. */
export type AccountState = 'active' | 'inactive' | 'closed' | 'restricted' | 'disconnected';

/** What goes wrong with one POST. */
export type Fault =
  /** It never reaches Stripe. */
  | { readonly kind: 'lost_before'; readonly answer: StripeAnswer }
  /** Answered before the key is looked up: nothing is executed, nothing saved. */
  | { readonly kind: 'unexecuted'; readonly answer: StripeAnswer }
  /** It is served as always, and this arrives instead of the answer. */
  | { readonly kind: 'lost_after'; readonly answer: StripeAnswer }
  /** It is executed so much later; until then the key is in flight. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** Executed, saved as a 500; the money moves so much later, or never. */
  | { readonly kind: 'server_error'; readonly movesAfterMs: number | undefined }
  /** Executed and refused for a reason of Stripe's own. */
  | { readonly kind: 'refused'; readonly answer: StripeAnswer };

/** A transfer that Stripe made. */
export interface MadeTransfer {
  readonly id: string;
  readonly key: string;
  readonly debtId: string;
  readonly request: FrozenRequest;
  readonly visibleFromMs: number;
  amountReversedMinor: number;
}

interface SavedKey {
  readonly request: FrozenRequest;
  readonly receivedAtMs: number;
  readonly fault: Fault | undefined;
  /** In flight until then. */
  readonly executesAtMs: number;
  answer: StripeAnswer | undefined;
}

interface LateCommit {
  readonly atMs: number;
  readonly key: string;
  readonly request: FrozenRequest;
}

const DEADLINE: StripeAnswer = { connection: 'deadline', replayed: false };

function refusalOf(code: string, param?: string): StripeAnswer {
  const rawType = 'invalid_request_error';
  return {
    httpStatus: 400,
    code,
    rawType,
    replayed: false,
    ...(param !== undefined && { param }),
  };
}

const KEY_IN_USE: StripeAnswer = { ...refusalOf('idempotency_key_in_use'), httpStatus: 409 };
const OTHER_PARAMETERS: StripeAnswer = {
  httpStatus: 400,
  rawType: 'idempotency_error',
  replayed: false,
};
const SERVER_ERROR: StripeAnswer = { httpStatus: 500, rawType: 'api_error', replayed: false };

const ACCOUNT_REFUSALS: Readonly<Record<Exclude<AccountState, 'active'>, StripeAnswer>> = {
  inactive: refusalOf('insufficient_capabilities_for_transfer'),
  closed: refusalOf('account_closed'),
  restricted: refusalOf('transfers_not_allowed'),
  disconnected: {
    httpStatus: 403,
    code: 'account_invalid',
    messageSays: 'destination_named',
    rawType: 'invalid_request_error',
    replayed: false,
  },
};

/** How Stripe is in one case. */
export interface StripeHabits {
  /** Keys are forgotten at this age: "at least 24 hours old". */
  readonly keyRetentionMs: number;
  /** How long after it was made a transfer appears in the list; nothing is documented. */
  readonly listLagMs: number;
  readonly balanceMinor: number;
}

export class StripeModel {
  readonly transfers: MadeTransfer[] = [];
  readonly accounts = new Map<string, AccountState>();
  balanceMinor: number;
  private readonly keys = new Map<string, SavedKey>();
  private lateCommits: LateCommit[] = [];
  private inFlight: { key: string; saved: SavedKey }[] = [];
  private readonly lastPostAtMs = new Map<string, number>();

  constructor(private readonly habits: StripeHabits) {
    this.balanceMinor = habits.balanceMinor;
  }

  /** `POST /v1/transfers`: what the sender hears. */
  post(key: string, request: FrozenRequest, nowMs: number, fault?: Fault): StripeAnswer {
    if (fault?.kind === 'lost_before' || fault?.kind === 'unexecuted') {
      return fault.answer;
    }
    this.lastPostAtMs.set(debtOf(request), nowMs);
    const answer = this.serve(key, request, nowMs, fault);
    return fault?.kind === 'lost_after' ? fault.answer : answer;
  }

  private serve(
    key: string,
    request: FrozenRequest,
    nowMs: number,
    fault: Fault | undefined,
  ): StripeAnswer {
    const known = this.keys.get(key);
    if (known !== undefined && nowMs < known.receivedAtMs + this.habits.keyRetentionMs) {
      return repeated(known, request);
    }
    const executesAtMs = fault?.kind === 'slow' ? nowMs + fault.ms : nowMs;
    const saved: SavedKey = {
      request,
      receivedAtMs: nowMs,
      fault,
      executesAtMs,
      answer: undefined,
    };
    this.keys.set(key, saved);
    if (executesAtMs > nowMs) {
      this.inFlight.push({ key, saved });
      return DEADLINE;
    }
    return this.execute(key, saved, nowMs);
  }

  private execute(key: string, saved: SavedKey, nowMs: number): StripeAnswer {
    const { fault, request } = saved;
    if (fault?.kind === 'refused') {
      return (saved.answer = fault.answer);
    }
    if (fault?.kind === 'server_error') {
      if (fault.movesAfterMs !== undefined) {
        this.lateCommits.push({ atMs: nowMs + fault.movesAfterMs, key, request });
        this.moveOn(nowMs);
      }
      return (saved.answer = SERVER_ERROR);
    }
    const state = this.accounts.get(request.destination);
    if (state === undefined) {
      return (saved.answer = refusalOf('resource_missing', 'destination'));
    }
    if (state !== 'active') {
      return (saved.answer = ACCOUNT_REFUSALS[state]);
    }
    if (this.balanceMinor < request.amountMinor) {
      return (saved.answer = refusalOf('balance_insufficient'));
    }
    return (saved.answer = this.make(key, request, nowMs));
  }

  private make(key: string, request: FrozenRequest, nowMs: number): StripeAnswer {
    const { amountMinor, currency, destination } = request;
    const id = `tr_${(this.transfers.length + 1).toString()}`;
    const debtId = debtOf(request);
    const visibleFromMs = nowMs + this.habits.listLagMs;
    this.transfers.push({ id, key, debtId, request, visibleFromMs, amountReversedMinor: 0 });
    this.balanceMinor -= amountMinor;
    return {
      httpStatus: 200,
      replayed: false,
      transfer: {
        id,
        amountMinor,
        currency,
        destination,
        livemode: false,
        payoutTransferId: debtId,
      },
    };
  }

  /** Time has come so far: what was slow is executed, and a 500 that is completed after all moves its money. */
  moveOn(nowMs: number): void {
    if (this.inFlight.length > 0) {
      const due = this.inFlight.filter(({ saved }) => saved.executesAtMs <= nowMs);
      this.inFlight = this.inFlight.filter(({ saved }) => saved.executesAtMs > nowMs);
      for (const { key, saved } of due) {
        this.execute(key, saved, saved.executesAtMs);
      }
    }
    if (this.lateCommits.length > 0) {
      const due = this.lateCommits.filter(({ atMs }) => atMs <= nowMs);
      this.lateCommits = this.lateCommits.filter(({ atMs }) => atMs > nowMs);
      for (const { atMs, key, request } of due) {
        this.make(key, request, atMs);
      }
    }
  }

  /** `GET /v1/transfers?transfer_group=`, with `destination` where one is given. */
  list(nowMs: number, destination?: string): MadeTransfer[] {
    return this.transfers.filter(
      ({ request, visibleFromMs }) =>
        visibleFromMs <= nowMs &&
        (destination === undefined || request.destination === destination),
    );
  }

  /** When everything that Stripe has begun is done, and shown in the list. */
  restsAtMs(): number {
    return Math.max(
      ...this.lateCommits.map(({ atMs }) => atMs + this.habits.listLagMs),
      ...this.inFlight.map(({ saved }) => saved.executesAtMs + this.habits.listLagMs),
      ...this.transfers.map(({ visibleFromMs }) => visibleFromMs),
    );
  }

  /** The truth about a debt, which no API tells: what was paid for it and not taken back. */
  unreversedOf(debtId: string): MadeTransfer[] {
    return this.transfers.filter(
      (made) => made.debtId === debtId && made.amountReversedMinor < made.request.amountMinor,
    );
  }

  /** Whether a debt is, and stays, unpaid unless it is sent again. */
  isSurelyUnpaid(debtId: string, nowMs: number): boolean {
    return (
      this.unreversedOf(debtId).length === 0 &&
      !this.inFlight.some(({ saved }) => debtOf(saved.request) === debtId) &&
      !this.lateCommits.some(({ request }) => debtOf(request) === debtId) &&
      nowMs >= (this.lastPostAtMs.get(debtId) ?? -Infinity) + 24 * HOUR_MS
    );
  }
}

function repeated(known: SavedKey, request: FrozenRequest): StripeAnswer {
  if (!isSameRequest(known.request, request)) {
    return OTHER_PARAMETERS;
  }
  return known.answer === undefined ? KEY_IN_USE : { ...known.answer, replayed: true };
}

/** The other parameters of one debt never differ. */
function isSameRequest(one: FrozenRequest, two: FrozenRequest): boolean {
  return (
    one === two ||
    (one.destination === two.destination &&
      one.amountMinor === two.amountMinor &&
      debtOf(one) === debtOf(two))
  );
}

function debtOf(request: FrozenRequest): string {
  return request.metadata['payout_transfer_id'] ?? '';
}

/** The rows of Postgres in memory, with the guards that Postgres itself enforces: whoever meets one throws. */
import { stripeIdempotencyKey, type FrozenRequest } from '../../src/domain/generation';
import type { LedgerEntry, LedgerTransactionKind } from '../../src/domain/ledger';
import type { KnownSend } from '../../src/domain/next-state';
import type { ReasonCode } from '../../src/domain/reasons';
import { canTransition, type TransferStatus } from '../../src/domain/transfer-state';

/** A statement that Postgres refuses. */
export class GuardError extends Error {
  override readonly name = 'GuardError';
}

/** The guards that can be taken away, to see what holds without them. */
export type Guard = 'unresolved_send' | 'one_payout' | 'one_open_generation';

export interface TransferRow {
  readonly id: string;
  readonly userId: string;
  readonly amountMinor: number;
  status: TransferStatus;
  failureReason: ReasonCode | null;
  generation: number;
  claimNumber: number;
  claimRunId: string | null;
  attemptCount: number;
  countedAttemptCount: number;
  maxAttempts: number;
  stripeTransferId: string | null;
  payeeWaitSinceMs: number | null;
  notSeenSinceMs: number | null;
  /** How many sends there were when an operator wanted it cancelled; null while nobody does. */
  cancelledAtAttempt: number | null;
  readonly generations: GenerationRow[];
  readonly attempts: AttemptRow[];
}

export interface GenerationRow {
  readonly generation: number;
  readonly key: string;
  readonly request: FrozenRequest;
  readonly openedAtMs: number;
  firstSentAtMs: number | null;
  listReadAtMs: number | null;
  closedAtMs: number | null;
  closedReason: string | null;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

export interface AttemptRow extends Writable<KnownSend> {
  readonly attemptNumber: number;
  readonly generation: number;
  readonly claimNumber: number;
  readonly sentAtMs: number;
  isAnswered: boolean;
  stripeTransferId: string | null;
}

export interface LedgerRow {
  readonly key: string;
  readonly kind: LedgerTransactionKind;
  readonly transferId: string | null;
  readonly stripeTransferId: string | null;
  readonly reason: ReasonCode | null;
  readonly postedAtMs: number;
  readonly entries: readonly LedgerEntry[];
}

export interface PauseRow {
  readonly isOfEverything: boolean;
  readonly cause: string;
  readonly owner: 'operator' | 'automation';
  readonly neededMinor: number | undefined;
  readonly isLiftedByItself: boolean;
  liftedAtMs: number | null;
}

export interface AccountRow {
  stripeAccountId: string;
  readiness: 'not_asked' | 'ready' | 'not_ready';
  nextAskAtMs: number | null;
  askCount: number;
}

interface Tables {
  transfers: TransferRow[];
  ledger: LedgerRow[];
  pauses: PauseRow[];
  accounts: Map<string, AccountRow>;
  /** Stripe transfers beside a debt that a person lets be. */
  accepted: Set<string>;
  listReadAtMs: number | null;
}

export class Records {
  transfers: TransferRow[] = [];
  ledger: LedgerRow[] = [];
  pauses: PauseRow[] = [];
  accounts = new Map<string, AccountRow>();
  accepted = new Set<string>();
  /** Of the one job there is. */
  listReadAtMs: number | null = null;

  constructor(private readonly without: readonly Guard[] = []) {}

  transfer(id: string): TransferRow {
    const row = this.transfers.find((transfer) => transfer.id === id);
    if (row === undefined) {
      throw new GuardError(`transfer ${id} does not exist`);
    }
    return row;
  }

  private guard(guard: Guard, isKept: boolean, message: string): void {
    if (!isKept && !this.without.includes(guard)) {
      throw new GuardError(message);
    }
  }

  /** payout_transfers_transition and the checks of the table. */
  move(row: TransferRow, to: TransferStatus, reason: ReasonCode | null): void {
    if (to !== row.status) {
      if (!canTransition(row.status, to)) {
        throw new GuardError(`${row.id} may not go from ${row.status} to ${to}`);
      }
      const isSettled = to !== 'pending' && to !== 'processing' && to !== 'unknown';
      const isKept = to === 'completed' || !isSettled || !hasUnresolved(row);
      this.guard('unresolved_send', isKept, `${row.id} has an unresolved send and became ${to}`);
    }
    const wantsReason = to === 'blocked' || to === 'unknown' || to === 'failed_terminal';
    if (wantsReason && reason === null) {
      throw new GuardError(`${row.id} is ${to} without a reason`);
    }
    row.status = to;
    row.failureReason = reason;
  }

  complete(row: TransferRow, stripeTransferId: string): void {
    if (row.stripeTransferId !== null && row.stripeTransferId !== stripeTransferId) {
      throw new GuardError(`${row.id} keeps its Stripe id`);
    }
    if (
      this.transfers.some((other) => other !== row && other.stripeTransferId === stripeTransferId)
    ) {
      throw new GuardError(`${stripeTransferId} pays two debts`);
    }
    this.move(row, 'completed', null);
    row.stripeTransferId = stripeTransferId;
    row.payeeWaitSinceMs = null;
  }

  openGeneration(row: TransferRow, request: FrozenRequest, nowMs: number): GenerationRow {
    const generation = row.generation + 1;
    this.guard('one_open_generation', openGenerationOf(row) === undefined, `${row.id} has two`);
    if (row.generations.some((other) => other.generation === generation)) {
      throw new GuardError(`generation ${generation.toString()} of ${row.id} exists`);
    }
    const opened: GenerationRow = {
      generation,
      key: stripeIdempotencyKey(row.id, generation),
      request,
      openedAtMs: nowMs,
      firstSentAtMs: null,
      listReadAtMs: null,
      closedAtMs: null,
      closedReason: null,
    };
    row.generations.push(opened);
    return opened;
  }

  closeGeneration(row: TransferRow, generation: number, reason: string, nowMs: number): void {
    const closing = row.generations.find(
      (candidate) => candidate.generation === generation && candidate.closedAtMs === null,
    );
    if (closing === undefined) {
      return;
    }
    const isKept = !row.attempts.some(
      (attempt) => attempt.generation === generation && attempt.resolution === null,
    );
    this.guard(
      'unresolved_send',
      isKept,
      `generation ${generation.toString()} of ${row.id} is unresolved`,
    );
    closing.closedAtMs = nowMs;
    closing.closedReason = reason;
  }

  /** Once a key; the same record again changes nothing, another one under the key is refused. */
  post(posting: LedgerRow): void {
    const existing = this.ledger.find(({ key }) => key === posting.key);
    if (existing !== undefined) {
      const isSame =
        existing.kind === posting.kind &&
        existing.transferId === posting.transferId &&
        existing.stripeTransferId === posting.stripeTransferId &&
        JSON.stringify(existing.entries) === JSON.stringify(posting.entries);
      if (!isSame) {
        throw new GuardError(`ledger record ${posting.key} exists with other content`);
      }
      return;
    }
    const { entries, kind } = posting;
    const sum = entries.reduce((total, { amountMinor }) => total + amountMinor, 0);
    if (sum !== 0 || entries.length !== (kind === 'refusal' ? 0 : 2)) {
      throw new GuardError(`ledger record ${posting.key} does not balance`);
    }
    this.refuseSecondPayment(posting);
    this.ledger.push(posting);
  }

  private refuseSecondPayment({ key, kind, stripeTransferId, transferId }: LedgerRow): void {
    if (kind !== 'payout' && kind !== 'overpaid') {
      return;
    }
    const isKept = !this.ledger.some(
      (other) =>
        (other.kind === 'payout' && kind === 'payout' && other.transferId === transferId) ||
        ((other.kind === 'payout' || other.kind === 'overpaid') &&
          other.stripeTransferId === stripeTransferId),
    );
    this.guard('one_payout', isKept, `${key} is a second posting of one payment`);
  }

  isPaused(): boolean {
    return this.pauses.some(({ liftedAtMs }) => liftedAtMs === null);
  }

  /** A copy of everything that a backup holds. */
  backup(): Tables {
    return {
      transfers: this.transfers.map(copyOfTransfer),
      ledger: [...this.ledger],
      pauses: this.pauses.map((pause) => ({ ...pause })),
      accounts: new Map([...this.accounts].map(([userId, account]) => [userId, { ...account }])),
      accepted: new Set(this.accepted),
      listReadAtMs: this.listReadAtMs,
    };
  }

  restore(backup: Tables): void {
    this.transfers = backup.transfers.map(copyOfTransfer);
    this.ledger = [...backup.ledger];
    this.pauses = backup.pauses.map((pause) => ({ ...pause }));
    this.accounts = new Map([...backup.accounts].map(([id, account]) => [id, { ...account }]));
    this.accepted = new Set(backup.accepted);
    this.listReadAtMs = backup.listReadAtMs;
  }
}

export type Backup = Tables;

function copyOfTransfer(row: TransferRow): TransferRow {
  return {
    ...row,
    generations: row.generations.map((generation) => ({ ...generation })),
    attempts: row.attempts.map((attempt) => ({ ...attempt })),
  };
}

export function hasUnresolved(row: TransferRow): boolean {
  return row.attempts.some(({ resolution }) => resolution === null);
}

export function openGenerationOf(row: TransferRow): GenerationRow | undefined {
  return row.generations.find(({ closedAtMs }) => closedAtMs === null);
}

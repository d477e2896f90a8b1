import type { JobStatus } from '../../src/domain/job-state';
import { jobOutcome } from '../../src/domain/job-state';
import {
  isTerminal,
  TRANSFER_STATUSES,
  type TransferStatus,
} from '../../src/domain/transfer-state';
import type { PayoutProgress, TransferCursor } from '../../src/domain/contracts';
import {
  sendAnswer,
  viewWith,
  type ActivityScript,
  type FakeActivities,
} from '../support/fake-activities';

export interface FakeRow {
  readonly transferId: string;
  status: TransferStatus;
  /** A payee who is not ready makes the claim rest. */
  payeeReady: boolean;
  /** How often a run of this transfer has begun to look. */
  readonly runIds: Set<string>;
  sends: number;
}

interface FakeSettlementOptions {
  readonly transfers: number;
  /** Found paid by the first claim: a child that costs one activity. */
  readonly paidAtClaim?: boolean;
  readonly blocked?: (index: number) => boolean;
  /** What a send waits for. */
  readonly beforePaid?: () => Promise<void>;
  readonly waitMs?: number;
}

const COUNTERS = (): Record<TransferStatus, number> =>
  Object.fromEntries(TRANSFER_STATUSES.map((status) => [status, 0])) as Record<
    TransferStatus,
    number
  >;

/** A settlement in memory whose activities do to its rows what the real ones do in Postgres. */
export class FakeSettlement {
  readonly rows: FakeRow[];
  /** Rows in `processing` at this moment, and the most there ever were. */
  sending = 0;
  sendingMax = 0;
  readonly checks: (readonly string[])[] = [];
  /** While true the job stays open whatever its rows say. */
  heldOpen = false;
  /** Whether the job has read the last page. */
  pagesRead = false;
  private status: JobStatus = 'processing';
  private pageRepeats = 1;

  constructor(
    readonly settlementId: string,
    private readonly options: FakeSettlementOptions,
  ) {
    this.rows = Array.from({ length: options.transfers }, (_, index) => ({
      transferId: `${settlementId}.${index.toString().padStart(5, '0')}`,
      status: 'pending',
      payeeReady: options.blocked?.(index) !== true,
      runIds: new Set<string>(),
      sends: 0,
    }));
  }

  /** @param change what a test wants of the job's activities instead */
  register(
    activities: FakeActivities,
    change: (usual: ActivityScript) => ActivityScript = () => ({}),
  ): this {
    const usual = this.jobActivities();
    activities.script(this.settlementId, { ...usual, ...change(usual) });
    for (const row of this.rows) {
      activities.script(row.transferId, this.transferActivities(row));
    }
    return this;
  }

  /** Lets a page name each of its transfers more than once. */
  repeatPage(times: number): void {
    this.pageRepeats = times;
  }

  with(status: TransferStatus): FakeRow[] {
    return this.rows.filter((row) => row.status === status);
  }

  progress(): PayoutProgress {
    const counts = COUNTERS();
    for (const row of this.rows) {
      counts[row.status] += 1;
    }
    const sumsMinor = COUNTERS();
    for (const status of TRANSFER_STATUSES) {
      sumsMinor[status] = counts[status] * 12_50;
    }
    return {
      settlementId: this.settlementId,
      jobId: this.settlementId,
      status: this.status,
      outcome: jobOutcome(counts),
      currency: 'eur',
      counts,
      sumsMinor,
    };
  }

  private jobActivities(): ActivityScript {
    return {
      scheduleJob: () =>
        Promise.resolve({
          jobId: this.settlementId,
          progress: this.progress(),
          listIsWanted: false,
        }),
      readTransferPage: ({ cursor, transfersMax }) => {
        const found = this.rows
          .filter((row) =>
            cursor.phase === 'payable'
              ? ['pending', 'retryable', 'processing', 'unknown'].includes(row.status)
              : row.status === 'blocked',
          )
          .filter((row) => row.transferId > (cursor.afterTransferId ?? ''))
          .slice(0, transfersMax);
        const full = found.length === transfersMax;
        this.pagesRead = !full && cursor.phase === 'blocked';
        const next: TransferCursor = full
          ? { phase: cursor.phase, afterTransferId: found.at(-1)?.transferId ?? null }
          : { phase: cursor.phase === 'payable' ? 'blocked' : 'done', afterTransferId: null };
        const transfers = found.map(({ transferId }) => ({
          transferId,
          settlementId: this.settlementId,
          contestId: 'contest',
          amountMinor: 12_50,
          currency: 'eur',
        }));
        const repeated = Array.from({ length: this.pageRepeats }, () => transfers).flat();
        return Promise.resolve({ transfers: repeated, cursor: next });
      },
      checkJob: ({ sending }) => {
        this.checks.push(sending);
        if (!this.heldOpen && this.rows.every((row) => isTerminal(row.status))) {
          this.status = 'complete';
        }
        return Promise.resolve({
          progress: this.progress(),
          sending: this.rows
            .filter((row) => sending.includes(row.transferId))
            .filter((row) => row.status === 'pending' || row.status === 'processing')
            .map((row) => row.transferId),
          listIsWanted: false,
          pause: null,
        });
      },
    };
  }

  private transferActivities(row: FakeRow): ActivityScript {
    const { transferId } = row;
    return {
      // Of a page whose runs are met already; none of them is closed.
      compareClosedRuns: () => Promise.resolve({ paid: [], startable: [], undecided: [] }),
      claimTransfer: ({ runId }) => {
        row.runIds.add(runId);
        if (!row.payeeReady) {
          row.status = 'blocked';
          const waitMs = this.options.waitMs ?? 3_600_000;
          const view = viewWith(transferId, 'blocked', { reason: 'payee_account_missing', waitMs });
          return Promise.resolve({ next: 'rest', view });
        }
        if (this.options.paidAtClaim === true) {
          row.status = 'completed';
          return Promise.resolve({ next: 'rest', view: viewWith(transferId, 'completed') });
        }
        row.status = 'processing';
        this.sending += 1;
        this.sendingMax = Math.max(this.sendingMax, this.sending);
        return Promise.resolve(sendAnswer(transferId));
      },
      createStripeTransfer: async () => {
        row.sends += 1;
        await this.options.beforePaid?.();
        return { stripeTransferId: `tr_${transferId}` };
      },
      recordOutcome: () => {
        row.status = 'completed';
        this.sending -= 1;
        return Promise.resolve(viewWith(transferId, 'completed'));
      },
    };
  }
}

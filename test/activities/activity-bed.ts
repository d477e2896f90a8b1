/**
 * Goal: activities run as in production: real Postgres, and the real Stripe SDK over a socket to the Stripe sandbox.
 * Method: one database and one sandbox a test file; the sandbox's oracle counts what was really paid.
 */
import { ApplicationFailure } from '@temporalio/activity';

import { askPayeeReadiness } from '../../src/activities/ask-payee-readiness';
import { claimTransfer } from '../../src/activities/claim-transfer';
import { createStripeTransfer } from '../../src/activities/create-stripe-transfer';
import type { ActivityDependencies } from '../../src/activities/dependencies';
import {
  readStripeList,
  type ListTrying,
  type ReadStripeListInput,
} from '../../src/activities/read-stripe-list';
import { reconcileTransfer } from '../../src/activities/reconcile-transfer';
import { recordOutcome } from '../../src/activities/record-outcome';
import type { Installation } from '../../src/db/installation';
import { beginSend, findAttempts, type BegunSend } from '../../src/db/payout-attempts';
import { findGenerations } from '../../src/db/payout-generations';
import { findTransferById, type PayoutTransfer } from '../../src/db/payout-transfers';
import { insertUserStripeAccount } from '../../src/db/user-stripe-accounts';
import type {
  ClaimAnswer,
  ListProgress,
  ListReading,
  TransferClaim,
  TransferView,
} from '../../src/domain/contracts';
import { PAYEE_WAIT_MS, PRIZE_AMOUNT_MINOR_MAX_DEFAULT } from '../../src/domain/limits';
import type { TransferStatus } from '../../src/domain/transfer-state';
import { identifyStripeAccount } from '../../src/stripe/balance-and-account';
import { createStripeClient } from '../../src/stripe/client';
import { sendTransfer } from '../../src/stripe/transfers';
import { start, type TestSandbox } from '../local/stripe-sandbox/support';
import {
  givenScheduledSettlement,
  givenTransfer,
  TERMS,
  newAccountId,
  openDatabaseBed,
  type DatabaseBed,
  type SettlementWish,
} from '../support/builders';
import { movePayoutClock } from '../support/clock';

/** Every call has it: longer than a busy machine keeps this process from running, and waited for where no answer comes. */
const CALL_DEADLINE_MS = 5_000;

export interface ActivityBed extends DatabaseBed {
  readonly sandbox: TestSandbox;
  readonly platform: Installation;
  readonly dependencies: ActivityDependencies;
  /**
   * A claim. Where Stripe's list has to be read, the payee asked about or Stripe looked at between two keys first, this
   * is done, and it claims again.
   */
  claim(transfer: Pick<PayoutTransfer, 'id'>, runId?: string): Promise<ClaimAnswer>;
  /** One page of Stripe's list, at its first try unless said otherwise. */
  readListPage(input: ReadStripeListInput, trying?: Partial<ListTrying>): Promise<ListProgress>;
  /** What the job does before its first send. */
  readList(transfer: Pick<PayoutTransfer, 'id'>): Promise<void>;
  /** The claim of a transfer that may be sent. */
  claimToSend(transfer: Pick<PayoutTransfer, 'id'>, runId?: string): Promise<TransferClaim>;
  /** One try of the activity: `created`, or the reason code of its failure. */
  send(claim: TransferClaim): Promise<SendReport>;
  record(claim: TransferClaim): Promise<TransferView>;
  /** Claim, one try, record: what a workflow does between two waits. */
  step(transfer: Pick<PayoutTransfer, 'id'>, runId?: string): Promise<PayoutTransfer>;
  reconcile(transfer: Pick<PayoutTransfer, 'id'>, runId?: string): Promise<TransferView>;
  /** The gate alone, after which the process dies. */
  begin(claim: TransferClaim): Promise<BegunSend>;
  /** The gate and the POST, after which the process dies without having kept the answer. */
  post(claim: TransferClaim): Promise<void>;
  rowOf(transfer: Pick<PayoutTransfer, 'id'>): Promise<PayoutTransfer>;
  attemptsOf(transfer: Pick<PayoutTransfer, 'id'>): ReturnType<typeof findAttempts>;
  generationsOf(transfer: Pick<PayoutTransfer, 'id'>): ReturnType<typeof findGenerations>;
  /** The records of one transfer in the ledger, as `kind key reason`. */
  recordsOf(transfer: Pick<PayoutTransfer, 'id'>): Promise<string[]>;
  /** How many transfers Stripe really made for a debt. */
  paidTimes(transfer: Pick<PayoutTransfer, 'id'>): Promise<number>;
  fault(fault: Readonly<Record<string, unknown>>, times?: number): Promise<unknown>;
  endFaults(): Promise<unknown>;
  account(id: string, state: string): Promise<unknown>;
  /** Postgres's clock and Stripe's, moved together. */
  moveClocks(by: {
    readonly ms?: number;
    readonly hours?: number;
    readonly days?: number;
  }): Promise<void>;
  /** What a person does when the cause is mended. */
  liftPauses(): Promise<void>;
  /** Ends pauses, faults and moved time. */
  calm(): Promise<void>;
}

/** A debt whose winner has an account. */
export function givenPayable(bed: DatabaseBed, maxAttempts?: number): Promise<PayoutTransfer> {
  return givenTransfer(bed.database, {
    account: newAccountId(),
    ...(maxAttempts !== undefined && { maxAttempts }),
  });
}

/** Debts of one settlement, in the order of their ids; every winner has an account. */
export async function givenPayableSettlement(
  bed: DatabaseBed,
  wish: SettlementWish,
): Promise<readonly PayoutTransfer[]> {
  const { transfers } = await givenScheduledSettlement(bed.database, wish);
  for (const userId of new Set(transfers.map((transfer) => transfer.userId))) {
    await insertUserStripeAccount(bed.database, { userId, stripeAccountId: newAccountId() });
  }
  return transfers;
}

/** Proven unpaid: a look at Stripe is asked for only before another key. */
const IS_BETWEEN_KEYS: ReadonlySet<TransferStatus> = new Set<TransferStatus>([
  'pending',
  'retryable',
  'blocked',
]);

export interface SendReport {
  readonly stripeTransferId?: string;
  readonly type?: string;
  readonly reason?: string;
  readonly isRetried?: boolean;
  readonly retryDelay?: unknown;
}

/** The job is told once, by a claim or by a command; it reads the list whoever told it. */
async function isListWanted(bed: DatabaseBed, transferId: string): Promise<boolean> {
  const [job] = await bed.rows<{ wanted: boolean }>(
    `select job.stripe_list_wanted_at is not null and job.status <> 'complete'
       and transfer.status in ('pending', 'retryable') as wanted
     from payout_jobs as job join payout_transfers as transfer on transfer.payout_job_id = job.id
     where transfer.id = $1`,
    [transferId],
  );
  return job?.wanted === true;
}

async function reportOf(
  sending: Promise<{ readonly stripeTransferId: string }>,
): Promise<SendReport> {
  try {
    return await sending;
  } catch (error) {
    if (!(error instanceof ApplicationFailure)) {
      throw error;
    }
    return {
      type: error.type ?? '',
      reason: error.message,
      isRetried: error.nonRetryable !== true,
      ...(error.nextRetryDelay !== undefined && { retryDelay: error.nextRetryDelay }),
    };
  }
}

const noWaking = () => Promise.resolve();

export async function openActivityBed(): Promise<ActivityBed> {
  const [database, sandbox] = await Promise.all([openDatabaseBed(), start()]);
  const stripe = createStripeClient({
    apiKey: 'sk_test_sandbox',
    apiBase: sandbox.baseUrl,
    callDeadlineMs: CALL_DEADLINE_MS,
  });
  const { accountId, livemode } = await identifyStripeAccount(stripe);
  const platform = { installationId: 'test', stripeAccountId: accountId, livemode };
  const dependencies: ActivityDependencies = {
    database: database.database,
    stripe,
    platform,
    ...TERMS,
    payeeWaitMs: PAYEE_WAIT_MS,
    amountMinorMax: PRIZE_AMOUNT_MINOR_MAX_DEFAULT,
  };
  const bed: ActivityBed = {
    ...database,
    ...rowsOf(database),
    sandbox,
    platform,
    dependencies,
    claim: async ({ id: transferId }, runId = 'run-1') => {
      const answer = await claimTransfer(dependencies, { transferId, runId });
      if (answer.next === 'rest' && (await isListWanted(database, transferId))) {
        await bed.readList({ id: transferId });
        return bed.claim({ id: transferId }, runId);
      }
      if (answer.next === 'ask') {
        await askPayeeReadiness(dependencies, { transferId });
        return bed.claim({ id: transferId }, runId);
      }
      if (answer.next === 'reconcile' && IS_BETWEEN_KEYS.has(answer.view.status)) {
        await bed.reconcile({ id: transferId }, runId);
        return bed.claim({ id: transferId }, runId);
      }
      return answer;
    },
    readListPage: (input, trying = {}) =>
      readStripeList(dependencies, input, {
        tryNumber: 1,
        wake: noWaking,
        wakeTransfers: noWaking,
        ...trying,
      }),
    readList: async (transfer) => {
      const { settlementId } = await bed.rowOf(transfer);
      let reading: ListReading | null = {};
      while (reading !== null) {
        ({ next: reading } = await bed.readListPage({ settlementId, reading }));
      }
    },
    claimToSend: async (transfer, runId) => {
      const answer = await bed.claim(transfer, runId);
      if (answer.next !== 'send') {
        throw new Error(`claimed to ${answer.next}: ${answer.view.failureReason ?? 'no reason'}`);
      }
      return answer.claim;
    },
    send: (claim) => reportOf(createStripeTransfer(dependencies, claim)),
    record: (claim) => recordOutcome(dependencies, claim),
    step: async (transfer, runId) => {
      const claim = await bed.claimToSend(transfer, runId);
      await bed.send(claim);
      await bed.record(claim);
      return bed.rowOf(transfer);
    },
    reconcile: ({ id: transferId }, runId = 'run-1') =>
      reconcileTransfer(dependencies, { transferId, runId }),
    begin: async (claim) => {
      const begun = await beginSend(dependencies.database, claim, platform);
      if (begun === undefined) {
        throw new Error('the gate let nothing through');
      }
      return begun;
    },
    post: async (claim) => {
      await sendTransfer(stripe, await bed.begin(claim));
    },
    paidTimes: async ({ id }) => (await sandbox.oracle()).byPayoutTransferId[id]?.count ?? 0,
    fault: (fault, times = 1) =>
      sandbox.control('faults', { match: { method: 'POST', path: '/v1/transfers' }, fault, times }),
    endFaults: () => fetch(`${sandbox.baseUrl}/_sandbox/faults`, { method: 'DELETE' }),
    account: (id, state) => sandbox.control('accounts', { id, state }),
    moveClocks: async (by) => {
      const ms = await movePayoutClock(database, by);
      await sandbox.control('clock', { nowMs: Date.now() + ms });
    },
    liftPauses: async () => {
      await database.rows(
        'update payout_controls set lifted_at = payout_now() where lifted_at is null',
      );
    },
    calm: async () => {
      await bed.liftPauses();
      await bed.endFaults();
      await bed.moveClocks({ ms: 0 });
    },
    close: async () => {
      await sandbox.close();
      await database.close();
    },
  };
  return bed;
}

function rowsOf(
  bed: DatabaseBed,
): Pick<ActivityBed, 'rowOf' | 'attemptsOf' | 'generationsOf' | 'recordsOf'> {
  return {
    rowOf: async ({ id }) => {
      const row = await findTransferById(bed.database, id);
      if (row === undefined) {
        throw new Error(`transfer ${id} does not exist`);
      }
      return row;
    },
    attemptsOf: ({ id }) => findAttempts(bed.database, id),
    generationsOf: ({ id }) => findGenerations(bed.database, id),
    recordsOf: async ({ id }) => {
      const records = await bed.rows<{ record: string }>(
        `select concat_ws(' ', kind, replace(idempotency_key, transfer_id::text, '<id>'), reason)
           as record from ledger_transactions where transfer_id = $1 order by id`,
        [id],
      );
      return records.map(({ record }) => record);
    },
  };
}

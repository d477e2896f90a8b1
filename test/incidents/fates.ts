/**
 * Goal: the fates that the field reports tell of again and again have one name each.
 * Method: faults of the sandbox, and what a workflow does about them until there is nothing more to do now.
 */
import { retryTransfer } from '../../src/activities/retry-transfer';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import type { RetryAnswer } from '../../src/domain/contracts';
import type { ActivityBed } from '../activities/activity-bed';

export type Fate = Readonly<Record<string, unknown>>;

/** Stripe paid, and nobody heard of it. */
export const LOST_ANSWER: Fate = { kind: 'drop_after' };
export const NEVER_ARRIVED: Fate = { kind: 'drop_before' };
export const RATE_LIMITED: Fate = { kind: 'status', status: 429, code: 'rate_limit' };
export const CONFLICT: Fate = { kind: 'status', status: 409, code: 'lock_conflict' };
/** An executed refusal: its key repeats it for a day. */
export const TOO_SMALL: Fate = {
  kind: 'status',
  status: 400,
  code: 'amount_too_small',
  saved: true,
};

/** A send that may have paid, or may not; only Stripe knows. */
export const AMBIGUOUS: Readonly<Record<string, Fate>> = {
  'a reset connection': LOST_ANSWER,
  'a connection that died before': NEVER_ARRIVED,
  'half an answer': { kind: 'truncate_after' },
  'a timeout': { kind: 'hang', executed: true },
  'a 500': { kind: 'status', status: 500, executed: true },
  'a 503': { kind: 'status', status: 503, executed: true },
  'a proxy’s page': { kind: 'html', executed: true },
};

/** One fate, then claim, send and record. */
export async function stepUnder(
  bed: ActivityBed,
  fate: Fate,
  transfer: Pick<PayoutTransfer, 'id'>,
): Promise<PayoutTransfer> {
  await bed.fault(fate);
  return bed.step(transfer);
}

/** What another run does with a transfer until nothing more is to be done now. */
export async function takeOver(
  bed: ActivityBed,
  transfer: Pick<PayoutTransfer, 'id'>,
  runId = 'run-2',
): Promise<PayoutTransfer> {
  for (let look = 0; look < 6; look += 1) {
    const answer = await bed.claim(transfer, runId);
    if (answer.next === 'rest') {
      break;
    }
    if (answer.next === 'reconcile') {
      await bed.reconcile(transfer, runId);
    } else if (answer.next === 'send') {
      await bed.send(answer.claim);
      await bed.record(answer.claim);
    }
  }
  return bed.rowOf(transfer);
}

/** An operator's pause of one settlement, or of everything. */
export async function pause(bed: ActivityBed, settlementId: string | null): Promise<void> {
  await bed.rows(
    `insert into payout_controls (settlement_id, cause, owner) values ($1, 'test', 'operator')`,
    [settlementId],
  );
}

/** Until `mend` is called, the ledger record of this attempt cannot be written. */
export async function breakLedgerRecord(
  bed: ActivityBed,
  { id }: Pick<PayoutTransfer, 'id'>,
  attemptNumber: number,
): Promise<{ mend(): Promise<unknown> }> {
  await bed.rows(
    `create function refuse_record() returns trigger language plpgsql as
     $$ begin raise exception 'the record cannot be written'; end $$`,
  );
  await bed.rows(
    `create trigger refuse_record before insert on ledger_transactions for each row
     when (new.idempotency_key = 'ledger:payout:${id}:${attemptNumber.toString()}')
     execute function refuse_record()`,
  );
  return { mend: () => bed.rows('drop function refuse_record() cascade') };
}

/** An operator's retry of what the operator sees now. */
export async function retryByHand(
  bed: ActivityBed,
  transfer: Pick<PayoutTransfer, 'id'>,
): Promise<RetryAnswer> {
  const seen = await bed.rowOf(transfer);
  return retryTransfer(bed.dependencies, {
    actor: 'alex',
    reason: 'the winner asks',
    transferId: seen.id,
    seenStatus: seen.status,
    seenAttemptCount: seen.attemptCount,
    seenReason: seen.failureReason,
  });
}

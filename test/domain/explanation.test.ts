/**
 * Goal: an explanation says what happened, what comes by itself and when, and what to type; the winner's gives nothing away.
 * Method: facts as they may stand, one changed at a time, and every state with every reason.
 */
import { explainTransfer } from '../../src/domain/explanation';
import type { TransferFacts } from '../../src/domain/explanation-facts';
import { REASONS, type ReasonCode } from '../../src/domain/reasons';
import { reversalReasonText } from '../../src/domain/reversal-texts';
import { STATE_TEXTS } from '../../src/domain/state-texts';
import { TRANSFER_STATUSES } from '../../src/domain/transfer-state';
import { NOT_FOR_WINNERS } from './winner-words';

const ID = '00000000-0000-5000-8000-000000000001';
const NO_GATES = { pauses: [], isApprovalMissing: false, heldUntil: null, funds: null };
const PENDING: TransferFacts = {
  id: ID,
  settlementId: 'spring',
  userId: 'ann',
  award: 'prize',
  amountMinor: 1_050,
  currency: 'usd',
  status: 'pending',
  failureReason: null,
  stripeTransferId: null,
  completedAt: null,
  changedAt: '2026-11-20T10:00:00.000Z',
  attemptCount: 0,
  countedAttemptCount: 0,
  maxAttempts: 5,
  lastAttempt: null,
  cancelRequestedAt: null,
  payeeWait: null,
  accountAskedAt: null,
  lookup: { lastSentAt: null, notSeenSince: null, sameKeyUntil: null, anotherKeyFrom: null },
  isApprovalMissing: false,
  amountReversedMinor: 0,
  lastReversal: null,
  gates: NO_GATES,
};
const PAUSE: TransferFacts['gates']['pauses'][number] = {
  scope: 'settlement',
  cause: 'platform_balance_insufficient',
  owner: 'automation',
  actor: null,
  reason: null,
  setAt: '2026-11-20T09:00:00.000Z',
  nextLookAt: '2026-11-20T10:30:00.000Z',
};

const explain = (facts: Partial<TransferFacts>) => explainTransfer({ ...PENDING, ...facts });

const CODES: readonly (ReasonCode | null)[] = [null, ...(Object.keys(REASONS) as ReasonCode[])];
const ALL = TRANSFER_STATUSES.flatMap((status) =>
  CODES.map((failureReason) => [status, failureReason] as const),
);

test.each(ALL)('%s for %s is explained in whole sentences to both', (status, failureReason) => {
  const { operator, winner } = explain({
    status,
    failureReason,
    gates: { ...NO_GATES, pauses: [PAUSE], funds: { neededMinor: 2, availableMinor: 1 } },
    cancelRequestedAt: '2026-11-20T09:00:00.000Z',
    amountReversedMinor: 50,
  });
  for (const paragraph of [operator, winner]) {
    expect(paragraph).toMatch(/^\p{Lu}.*\.$/u);
    expect(paragraph).not.toMatch(/undefined|null|NaN|\n| {2}|\.\./);
  }
  expect(operator).toContain(status === 'completed' ? '10.50 USD' : `is ${status};`);
  expect(NOT_FOR_WINNERS.exec(winner)?.[0]).toBeUndefined();
});

test('paid: when, as what, and what came back', () => {
  const paid = {
    status: 'completed',
    stripeTransferId: 'tr_1',
    completedAt: '2026-11-20T10:00:00.000Z',
    attemptCount: 2,
    countedAttemptCount: 1,
    lastAttempt: {
      sentAt: '2026-11-20T09:59:59.000Z',
      outcome: 'created',
      reason: null,
      httpStatus: 200,
      requestId: 'req_1',
    },
  } as const;
  expect(explain(paid)).toEqual({
    operator:
      'The payment of 10.50 USD to user ann (award prize, settlement spring) was made at 2026-11-20T10:00:00.000Z as tr_1. ' +
      '2 requests went to Stripe, which used up 1 of 5 attempts; the last, at 2026-11-20T09:59:59.000Z, made the payment (HTTP 200, request req_1). ' +
      `Nothing more happens by itself. To type: payouts reverse ${ID} --reason "…" takes it back, with --amount a part of it.`,
    winner: STATE_TEXTS.completed.winnerText,
  });
  const back = explain({
    ...paid,
    amountReversedMinor: 50,
    lastReversal: {
      amountMinor: 1_000,
      requestedBy: 'kim',
      status: 'unknown',
      failureReason: 'unknown_no_answer',
    },
  });
  expect(back.operator).toContain('Of it, 0.50 USD has come back.');
  expect(back.operator).toContain(
    `kim has ordered 10.00 USD of it back; that is unknown. unknown_no_answer: ${reversalReasonText('unknown_no_answer')}`,
  );
  expect(back.winner).toContain('Of it, 0.50 USD has been taken back since. Please contact us');
  expect(back.operator).toContain('There is nothing to type.');
  expect(explain({ ...paid, amountReversedMinor: 1_049 }).operator).toContain('payouts reverse');
  expect(explain({ ...paid, amountReversedMinor: 1_050 }).operator).toContain('nothing to type');
});

describe('a reversal that did not come back', () => {
  const paid = { status: 'completed', stripeTransferId: 'tr_1' } as const;
  const after = (
    status: 'refused' | 'completed' | 'unknown',
    failureReason: ReasonCode | null,
    amountReversedMinor = 0,
  ) =>
    explain({
      ...paid,
      amountReversedMinor,
      lastReversal: { amountMinor: 1_000, requestedBy: 'kim', status, failureReason },
    });

  test('was refused for a reason: both are told it, by the table of reasons', () => {
    const { operator, winner } = after('refused', 'reversal_balance_insufficient', 50);
    const reason = REASONS.reversal_balance_insufficient;
    expect(operator).toContain(
      `kim has ordered 10.00 USD of it back; that is refused. reversal_balance_insufficient: ${reason.operatorText}`,
    );
    expect(operator).toContain(`payouts reverse ${ID}`);
    expect(winner).toBe(
      `${reason.winnerText} Of it, 0.50 USD has been taken back since. Please contact us if you have questions about that.`,
    );
  });

  test.each(CODES.filter((code) => code !== null))(
    'for %s nothing of the inside is told',
    (code) => {
      for (const status of ['refused', 'unknown'] as const) {
        const { operator, winner } = after(status, code);
        expect(operator).toContain(`${code}: ${reversalReasonText(code)}`);
        expect(NOT_FOR_WINNERS.exec(winner)?.[0]).toBeUndefined();
        expect(winner).toMatch(/^Your (payment was made|prize has been paid)/);
      }
    },
  );

  test('is no news once another one did, or all of it', () => {
    expect(after('completed', null, 1_000).operator).not.toContain('kim');
    const all = after('refused', 'reversal_balance_insufficient', 1_050);
    expect(all.winner).toContain(STATE_TEXTS.completed.winnerText);
  });

  test('and stands otherwise at Stripe is settled by a person', () => {
    expect(after('unknown', 'unknown_other_reversal').operator).toContain(
      `To type: payouts resolve ${ID} --reversal trr_… --reason "…" lets it be what Stripe made of it.`,
    );
  });
});

test('who waits for the payee is told until when, and so is the winner', () => {
  const { operator, winner } = explain({
    status: 'blocked',
    failureReason: 'payee_capability_inactive',
    payeeWait: { since: '2026-11-20T10:00:00.000Z', until: '2026-12-20T10:00:00.000Z' },
    accountAskedAt: '2026-11-20T10:04:00.000Z',
  });
  expect(operator).toContain('Stripe is asked about it at 2026-11-20T10:04:00.000Z');
  expect(operator).toContain(
    'began at 2026-11-20T10:00:00.000Z and ends at 2026-12-20T10:00:00.000Z',
  );
  expect(winner).toContain('ready for you until 2026-12-20.');
  const missing = explain({ status: 'blocked', failureReason: 'payee_account_missing' });
  expect(missing.operator).toContain('To type: payouts accounts import FILE');
});

test('an unknown outcome says since when, when the next look is, and what another key needs', () => {
  const unknown = { status: 'unknown', failureReason: 'unknown_deadline' } as const;
  const lookup = {
    lastSentAt: '2026-11-20T10:00:00.000Z',
    notSeenSince: null,
    sameKeyUntil: '2026-11-21T09:00:00.000Z',
    anotherKeyFrom: '2026-11-21T10:00:00.000Z',
  };
  const { operator, winner } = explain({ ...unknown, lookup });
  expect(operator).toContain('Nobody knows since 2026-11-20T10:00:00.000Z whether it was paid');
  expect(operator).toContain('read again by itself at least hourly');
  expect(operator).toContain('Until 2026-11-21T09:00:00.000Z the same request may be sent again');
  expect(operator).toContain('the second after 2026-11-21T10:00:00.000Z; none has yet.');
  expect(operator).toContain('Do not pay it by hand.');
  expect(winner).toBe(REASONS.unknown_deadline.winnerText);
  const seenOnce = { ...lookup, notSeenSince: '2026-11-20T11:00:00.000Z' };
  expect(explain({ ...unknown, lookup: seenOnce }).operator).toContain(
    'one did at 2026-11-20T11:00:00.000Z.',
  );
  const alarm = explain({ status: 'unknown', failureReason: 'unknown_second_transfer' });
  expect(alarm.operator).toContain('Nothing more happens by itself: a person has to decide.');
  expect(alarm.operator).toContain(`payouts resolve ${ID} --paid tr_…`);
});

describe('whatever stops a settlement is named to the operator and not to the winner:', () => {
  test('a pause of automation’s, and one of a person’s', () => {
    const paused = { ...NO_GATES, pauses: [PAUSE] };
    const { operator, winner } = explain({ gates: paused });
    expect(operator).toContain('automation looks at 2026-11-20T10:30:00.000Z');
    expect(operator).toContain('payouts resume spring --reason "…" lifts the pause');
    expect(winner).toBe(REASONS.platform_paused.winnerText);
    const byPerson = {
      ...PAUSE,
      scope: 'everything',
      owner: 'operator',
      cause: 'operator',
      actor: 'kim',
      reason: 'see ticket',
      nextLookAt: null,
    } as const;
    expect(explain({ gates: { ...NO_GATES, pauses: [byPerson] } }).operator).toContain(
      'Everything is paused since 2026-11-20T09:00:00.000Z because of operator by kim (see ticket); only a person lifts it.',
    );
  });

  test('a missing approval, a hold, missing money', () => {
    const approval = explain({ gates: { ...NO_GATES, isApprovalMissing: true } });
    expect(approval.operator).toContain('approval of a second person');
    expect(approval.winner).toBe(REASONS.platform_approval_missing.winnerText);
    expect(approval.operator).toContain(
      'To type: payouts preview spring shows what is to be approved; ' +
        'payouts approve spring --hash … --reason "…", by somebody who has not recorded it.',
    );
    expect(explain({ isApprovalMissing: true })).toEqual(approval);
    const held = explain({ gates: { ...NO_GATES, heldUntil: '2026-11-22T10:00:00.000Z' } });
    expect(held.operator).toContain('held until 2026-11-22T10:00:00.000Z');
    expect(held.winner).toBe(REASONS.platform_approval_missing.winnerText);
    const funds = { neededMinor: 5_000, availableMinor: 100 };
    const poor = explain({ gates: { ...NO_GATES, funds } });
    expect(poor.operator).toContain('50.00 USD is needed');
    expect(poor.winner).toBe(REASONS.platform_paused.winnerText);
  });

  test('an account that was replaced after the approval', () => {
    const failureReason = 'platform_account_unconfirmed';
    const replaced = explain({ status: 'blocked', failureReason });
    expect(replaced.operator).toContain(
      `To type: payouts confirm-account ${ID} --account acct_… --reason "…", by somebody who has not replaced it.`,
    );
    expect(replaced.winner).toBe(REASONS[failureReason].winnerText);
    const mended = explain({ status: 'completed', failureReason });
    expect(mended.operator).not.toContain(`payouts confirm-account ${ID}`);
  });

  test('nothing of it where the payment is over', () => {
    const gates = { ...NO_GATES, pauses: [PAUSE], isApprovalMissing: true };
    const { operator } = explain({ status: 'voided', gates });
    expect(operator).not.toMatch(/paused|approval|payouts/);
  });
});

test('a wish to cancel is told, with the way back', () => {
  const cancelRequestedAt = '2026-11-20T09:00:00.000Z';
  const { operator, winner } = explain({ status: 'retryable', cancelRequestedAt });
  expect(operator).toContain('nothing more is sent, and it is cancelled once it is proven unpaid');
  expect(operator).toContain(`payouts restore ${ID} --reason "…" withdraws the cancelling`);
  expect(winner).toBe(REASONS.platform_cancel_requested.winnerText);
  expect(explain({ status: 'cancelled', cancelRequestedAt }).operator).toContain(
    `payouts void ${ID} --reason "…" ends the debt`,
  );
  expect(explain({ status: 'completed', cancelRequestedAt }).operator).toContain(
    'it was paid all the same',
  );
});

test('what Stripe may still let through is not retried before Stripe was asked', () => {
  const { operator } = explain({ status: 'blocked', failureReason: 'platform_risk_control' });
  expect(operator).toContain('Nothing more happens by itself');
  expect(operator).toContain('once Stripe says that it is over and not paid');
});

test('texts of people stay on one line and change nothing in a terminal', () => {
  const hostile = "=cmd|' /C calc'!A0\u202Etxt\u0000\u001b[2J\n<script>";
  const { operator } = explain({
    userId: hostile,
    gates: { ...NO_GATES, pauses: [{ ...PAUSE, actor: hostile, reason: hostile }] },
  });
  expect(operator).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  expect(operator).toContain('\\u202etxt\\u0000\\u001b[2J\\u000a<script>');
});

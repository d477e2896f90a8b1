/**
 * Goal: a row that tells less than its run has seen is believed in nothing, whatever it says (M11).
 * Method: the pure decision for every state; found by the simulator, which paid a debt twice under a claim that was over.
 */
import { decideClaim, type ClaimFacts } from '../../src/domain/claim-rules';
import { isTerminal, TRANSFER_STATUSES } from '../../src/domain/transfer-state';

const SENDABLE: ClaimFacts = {
  status: 'pending',
  failureReason: null,
  isClaimOfThisRun: true,
  runHasSeenMore: false,
  isCancelRequested: false,
  closedGate: undefined,
  payee: { isNotReady: false, askIsDue: false, isConfirmed: true },
  openGeneration: { isKeySendable: true, wasSent: true, destinationIsPayee: true },
  sends: [],
  listIsFresh: true,
  lookedSinceClosing: true,
  lookedSinceSend: false,
  payeeWaitIsOver: false,
};

const open = TRANSFER_STATUSES.filter((status) => !isTerminal(status));

test.each(open)('%s is distrusted, its own claim too', (status) => {
  const older = { ...SENDABLE, status, runHasSeenMore: true };
  expect(decideClaim(older)).toEqual({ do: 'distrust' });
  expect(decideClaim({ ...older, runHasSeenMore: false }).do).not.toBe('distrust');
});

test('what is stopped for a person stays stopped for the reason it has', () => {
  const stopped: ClaimFacts = {
    ...SENDABLE,
    status: 'unknown',
    failureReason: 'unknown_second_transfer',
    runHasSeenMore: true,
  };
  expect(decideClaim(stopped)).toEqual({ do: 'reconcile' });
});

const LOST: ClaimFacts['sends'][number] = {
  outcome: null,
  resolution: null,
  reason: null,
  replayed: false,
  leadsTo: null,
  closesGeneration: false,
};

test('the same key is sent again to learn of a send, and never where another key may have paid', () => {
  const unknown: ClaimFacts = { ...SENDABLE, status: 'unknown', sends: [LOST] };
  const asked = { ...unknown, failureReason: 'unknown_no_answer' as const };
  expect(decideClaim(asked)).toEqual({ do: 'send_open' });
  for (const failureReason of ['unknown_paid_run', 'unknown_records_older'] as const) {
    expect(decideClaim({ ...unknown, failureReason })).toEqual({ do: 'reconcile' });
  }
  const refused = { ...LOST, outcome: 'not_created' as const, resolution: 'not_created' as const };
  expect(decideClaim({ ...asked, sends: [refused] })).toEqual({ do: 'reconcile' });
});

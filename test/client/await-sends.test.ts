/**
 * Goal: a pause that waits tells of each send that it came too late for how it ended, and waits for none that has died.
 * Method: real sends to the sandbox that are answered once the wait has begun, or never; time is moved, not waited for.
 */
import { awaitSends, unanswered, type ReportedSend } from '../../src/client/await-sends';
import { pauseSending, sendsBehindPause } from '../../src/activities/pause-sending';
import { recordAnswer, type BegunSend } from '../../src/db/payout-attempts';
import { classifyAnswer } from '../../src/domain/classify-answer';
import type { TransferClaim } from '../../src/domain/contracts';
import { sendTransfer } from '../../src/stripe/transfers';
import { PAUSE_ANSWER_WAIT_MS } from '../../src/domain/limits';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { givenPayableSettlement } from '../activities/activity-bed';
import { checkedBedOfFile } from '../activities/checked-bed';

const bed = checkedBedOfFile();

const OPERATOR = { actor: 'alex', reason: 'the sums look wrong' };

async function givenBegun(winners: number) {
  const transfers = await givenPayableSettlement(bed, { winners });
  const claims: TransferClaim[] = [];
  for (const transfer of transfers) {
    claims.push(await bed.claimToSend(transfer));
  }
  return { transfers, claims, settlementId: transfers[0]!.settlementId };
}

const endsOf = (sends: readonly ReportedSend[], { id }: PayoutTransfer) =>
  sends
    .filter((send) => send.id === id)
    .map(({ end, reason, stripeTransferId }) =>
      [end, reason, stripeTransferId].filter((told) => told !== null),
    );

const REGION = { kind: 'status', status: 400, code: 'transfers_not_allowed' };
const NEVER = new AbortController().signal;

/** The rest of a send whose gate is passed: the POST, and its answer kept as the activity keeps it. */
async function answer(claim: TransferClaim, begun: BegunSend, fault?: object): Promise<void> {
  if (fault !== undefined) {
    await bed.fault({ ...fault });
  }
  const { attemptNumber, livemode, request } = begun;
  const answered = await sendTransfer(bed.dependencies.stripe, begun);
  const outcome = classifyAnswer(answered, request, { livemode });
  await recordAnswer(bed.database, { ...claim, attemptNumber }, answered, outcome);
}

test('each send that was on its way is reported with its end, as soon as it has one', async () => {
  const { claims, settlementId, transfers } = await givenBegun(3);
  const begun: BegunSend[] = [];
  for (const claim of claims) {
    begun.push(await bed.begin(claim));
  }
  await pauseSending(bed.database, settlementId, OPERATOR);
  const underWay = await sendsBehindPause(bed.database, settlementId);
  expect(underWay).toHaveLength(3);
  const missing: number[] = [];
  let answering: Promise<void> | undefined;
  const sends = await awaitSends(bed.database, underWay, {
    signal: NEVER,
    onProgress: (count) => {
      missing.push(count);
      answering ??= (async () => {
        await answer(claims[0]!, begun[0]!);
        await answer(claims[1]!, begun[1]!, REGION);
        await answer(claims[2]!, begun[2]!, { kind: 'drop_after' });
      })();
    },
  });
  await answering;
  expect(missing[0]).toBe(3);
  expect(transfers.map((transfer) => endsOf(sends, transfer))).toEqual([
    [['paid', expect.stringMatching(/^tr_/)]],
    [['refused', 'payee_region_not_allowed']],
    [['unknown', expect.stringMatching(/^unknown_/)]],
  ]);
  for (const claim of claims) {
    await bed.record(claim);
  }
});

test('one that died with its process long ago is not waited for, and says so', async () => {
  const { claims, settlementId } = await givenBegun(1);
  await bed.begin(claims[0]!);
  await bed.moveClocks({ ms: PAUSE_ANSWER_WAIT_MS });
  await pauseSending(bed.database, settlementId, OPERATOR);
  const underWay = await sendsBehindPause(bed.database, settlementId);
  const onProgress = jest.fn();
  const sends = await awaitSends(bed.database, underWay, { signal: NEVER, onProgress });
  expect(sends).toEqual(unanswered(underWay));
  expect(sends).toMatchObject([{ end: 'not_answered_yet' }]);
  expect(onProgress).not.toHaveBeenCalled();
  await bed.record(claims[0]!);
});

test('who does not want to wait any longer gets what is known, and the pause stays', async () => {
  const { claims, settlementId } = await givenBegun(1);
  await bed.begin(claims[0]!);
  await pauseSending(bed.database, settlementId, OPERATOR);
  const underWay = await sendsBehindPause(bed.database, settlementId);
  const stop = new AbortController();
  const sends = await awaitSends(bed.database, underWay, {
    signal: stop.signal,
    onProgress: () => {
      stop.abort();
    },
  });
  expect(sends).toMatchObject([{ end: 'not_answered_yet' }]);
  expect(await pauseSending(bed.database, settlementId, OPERATOR)).toBe(false);
  await bed.record(claims[0]!);
});

/**
 * Goal: the rules that decide after a send keep their promises for every history, not only for those we thought of.
 * Method: fast-check builds sends in any order and state; each property is one sentence of the money rules.
 */
import * as fc from 'fast-check';

import {
  answerCanDiffer,
  nextState,
  sendsProvenUnpaid,
  type KnownSend,
  type SendRefusal,
} from '../../src/domain/next-state';
import { canTransition } from '../../src/domain/transfer-state';

const unanswered: fc.Arbitrary<KnownSend> = fc.constant({
  outcome: null,
  resolution: null,
  reason: null,
  replayed: false,
  leadsTo: null,
  closesGeneration: false,
});

const unknown: fc.Arbitrary<KnownSend> = fc.record({
  outcome: fc.constant('unknown' as const),
  resolution: fc.constantFrom(null, 'not_created' as const),
  reason: fc.constantFrom(
    'unknown_connection_lost',
    'unknown_server_error',
    'unknown_key_mismatch',
  ),
  replayed: fc.boolean(),
  leadsTo: fc.constant(null),
  closesGeneration: fc.constant(false),
});

const refused: fc.Arbitrary<KnownSend> = fc.record({
  outcome: fc.constant('not_created' as const),
  resolution: fc.constant('not_created' as const),
  reason: fc.constantFrom(
    'transient_conflict',
    'payee_account_closed',
    'platform_balance_insufficient',
    'request_refused',
  ),
  replayed: fc.boolean(),
  leadsTo: fc.constantFrom('retryable', 'blocked', 'failed_terminal'),
  closesGeneration: fc.boolean(),
});

const refusal: fc.Arbitrary<SendRefusal> = fc.constantFrom(
  'platform_paused',
  'platform_approval_missing',
  'platform_mode_mismatch',
  'attempts_used_up',
  'unknown_key_too_old',
  'transient_not_sent',
);

const allowance = fc.record({
  countedAttempts: fc.nat({ max: 6 }),
  maxAttempts: fc.integer({ min: 1, max: 5 }),
});

const history = fc.tuple(
  fc.array(fc.oneof(unanswered, unknown, refused), { maxLength: 8 }),
  fc.nat({ max: 8 }),
);

/** The sends of a generation, those of the last claim, and what is decided. */
function decided(
  [sends, claimedCount]: [KnownSend[], number],
  rest: { allowance: { countedAttempts: number; maxAttempts: number }; refusal: SendRefusal },
) {
  const claimed = claimedCount === 0 ? [] : sends.slice(-claimedCount);
  return { sends, claimed, next: nextState(sends, claimed, rest.allowance, rest.refusal) };
}

const decisions = fc.record({ allowance, refusal });

test('a send that may have paid makes the transfer unknown and keeps its key, whatever else is known', () => {
  fc.assert(
    fc.property(history, decisions, (given, rest) => {
      const { sends, next } = decided(given, rest);
      fc.pre(sends.some(({ resolution }) => resolution === null));
      expect(next).toMatchObject({ to: 'unknown', closeGeneration: false });
    }),
    { numRuns: 5_000 },
  );
});

test('nothing is unknown, failed or closed for ever without a send that says so', () => {
  fc.assert(
    fc.property(history, decisions, (given, rest) => {
      const { sends, claimed, next } = decided(given, rest);
      fc.pre(sends.every(({ resolution }) => resolution !== null));
      expect(next.to).not.toBe('unknown');
      if (next.to === 'failed_terminal') {
        const isRefused = claimed.at(-1)?.leadsTo === 'failed_terminal';
        const isUsedUp = rest.allowance.countedAttempts >= rest.allowance.maxAttempts;
        expect(isRefused || isUsedUp || rest.refusal === 'attempts_used_up').toBe(true);
      }
    }),
    { numRuns: 5_000 },
  );
});

test('every decision is an edge of the state table', () => {
  fc.assert(
    fc.property(history, decisions, (given, rest) => {
      expect(canTransition('processing', decided(given, rest).next.to)).toBe(true);
    }),
  );
});

test('a replayed refusal proves itself and the sends before it unpaid, and nothing beside a payment', () => {
  const paid: KnownSend = {
    outcome: 'created',
    resolution: 'created',
    reason: null,
    replayed: false,
    leadsTo: null,
    closesGeneration: false,
  };
  fc.assert(
    fc.property(history, ([sends]) => {
      const proven = sendsProvenUnpaid(sends);
      expect(sends.slice(0, proven.length)).toEqual(proven);
      const isReplayedRefusal = ({ outcome, replayed }: KnownSend) =>
        outcome === 'not_created' && replayed;
      expect(proven.length === 0 || isReplayedRefusal(proven.at(-1)!)).toBe(true);
      expect(sends.slice(proven.length).some(isReplayedRefusal)).toBe(false);
      expect(sendsProvenUnpaid([...sends, paid])).toEqual([]);
    }),
  );
});

test('a replayed unknown, or one that needs a person, is not asked for again', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(unanswered, unknown, refused), { minLength: 1 }), (sends) => {
      const last = sends.at(-1);
      const isFinal =
        last?.outcome === 'unknown' && (last.replayed || last.reason === 'unknown_key_mismatch');
      expect(answerCanDiffer(sends)).toBe(!isFinal);
    }),
  );
});

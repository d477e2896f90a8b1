/** The rules with one of them taken out: the proof that the simulator can fail. */
import type { Invariant } from './invariants';
import { RULES, type Rules } from './system';
import type { CaseOptions } from './world';

export interface KnockOut {
  readonly options: CaseOptions;
  readonly breaks: Invariant;
  /** Where the search begins: another guard stands behind most cases, so that a million pass before one breaks. */
  readonly from?: number;
}

function rulesWith(replaced: Partial<Rules>): Pick<CaseOptions, 'rules'> {
  return { rules: { ...RULES, ...replaced } };
}

const TWICE: Invariant = 'no debt is paid twice';
const REFUSED: Invariant = 'Postgres has nothing to refuse';
const SILENT: Invariant = 'everybody is paid in the end, or a person is called';

const CANCELLED: Invariant = 'nobody is sent anything once an operator wants it cancelled';

let keysDrawn = 0;

const NO_STICKY_RULE = rulesWith({
  nextState: (sends, ...rest) =>
    RULES.nextState(
      sends.filter(({ resolution }) => resolution !== null),
      ...rest,
    ),
});

export const KNOCK_OUTS: Readonly<Record<string, KnockOut>> = {
  'a key may be sent at any age': {
    options: rulesWith({
      isKeySendable: () => true,
      sendRefusal: (facts) => {
        const { firstSentAtMs } = facts.key;
        const key =
          firstSentAtMs === null
            ? facts.key
            : { firstSentAtMs: facts.nowMs, listReadAtMs: facts.nowMs };
        return RULES.sendRefusal({ ...facts, key });
      },
    }),
    breaks: TWICE,
  },
  'a later refusal settles a send without an answer': { options: NO_STICKY_RULE, breaks: REFUSED },
  'the same, and Postgres lets it pass': {
    options: { ...NO_STICKY_RULE, without: ['unresolved_send'] },
    breaks: 'nobody with an unresolved send is failed, blocked or sent anew',
  },
  'a fresh refusal proves a key unpaid': {
    options: rulesWith({
      sendsProvenUnpaid: (sends) =>
        sends.some(({ outcome }) => outcome === 'not_created') ? sends : [],
    }),
    breaks: 'a closed key has paid nothing',
  },
  'nothing is read before a first send': {
    options: rulesWith({
      isListFresh: () => true,
      isListCompared: () => false,
      sendRefusal: (facts) =>
        RULES.sendRefusal({ ...facts, list: { readAtMs: facts.nowMs, isWanted: false } }),
    }),
    breaks: TWICE,
  },
  'a run does not remember what it has seen': {
    options: rulesWith({
      decideClaim: (facts) => RULES.decideClaim({ ...facts, runHasSeenMore: false }),
    }),
    breaks: TWICE,
    from: 236_000,
  },
  'any claim may send': {
    options: rulesWith({
      sendRefusal: (facts) => RULES.sendRefusal({ ...facts, isClaimValid: true }),
    }),
    breaks: 'nobody with an unresolved send is failed, blocked or sent anew',
  },
  'every send has a key of its own': {
    options: rulesWith({
      stripeIdempotencyKey: (transferId) => {
        keysDrawn += 1;
        return `${transferId}:${keysDrawn.toString()}`;
      },
    }),
    breaks: TWICE,
  },
  'a payment is settled as often as it is learnt': {
    options: { ...rulesWith({ isSettled: () => false }), without: ['one_payout'] },
    breaks: 'paid transfers have exactly one payout posting',
  },
  'every answer ends its key': {
    options: rulesWith({
      nextState: (...given) => ({ ...RULES.nextState(...given), closeGeneration: true }),
    }),
    breaks: REFUSED,
  },
  'a key is never given up': {
    options: rulesWith({
      nextState: (...given) => ({ ...RULES.nextState(...given), closeGeneration: false }),
      decideClaim: (facts) => {
        const decision = RULES.decideClaim(facts);
        const givesUp = decision.do === 'give_up_key';
        return givesUp ? { do: 'rest' } : decision;
      },
    }),
    breaks: SILENT,
  },
  'another key is opened without a look at Stripe, by a run that has forgotten': {
    options: rulesWith({
      isLookedAtBetweenKeys: () => false,
      decideClaim: (facts) => RULES.decideClaim({ ...facts, runHasSeenMore: false }),
    }),
    breaks: TWICE,
  },
  'one empty look proves that nothing was paid': {
    options: rulesWith({ isProvenAbsent: () => true }),
    breaks: 'a closed key has paid nothing',
  },
  'what is wanted cancelled may be sent': {
    options: rulesWith({
      decideClaim: (facts) => RULES.decideClaim({ ...facts, isCancelRequested: false }),
      sendRefusal: (facts) => RULES.sendRefusal({ ...facts, isCancelRequested: false }),
    }),
    breaks: CANCELLED,
  },
  'the proof that nothing was paid forgets who is wanted cancelled': {
    options: rulesWith({ isCancelHonoured: () => false }),
    breaks: CANCELLED,
  },
  'what may have been paid is cancelled at once': {
    options: rulesWith({
      decideCancel: (...given) => {
        const decision = RULES.decideCancel(...given);
        return decision === 'request' ? 'cancel' : decision;
      },
    }),
    breaks: REFUSED,
  },
  'what Stripe lists is never ours': {
    options: rulesWith({ judgeMatches: () => ({ is: 'not_seen' }) }),
    breaks: 'a closed key has paid nothing',
  },
  'an answer that proves nothing is a refusal': {
    options: rulesWith({
      classifyAnswer: (...given) => {
        const outcome = RULES.classifyAnswer(...given);
        return outcome.kind === 'unknown'
          ? {
              kind: 'not_created',
              reason: 'request_refused',
              leadsTo: 'retryable',
              closesGeneration: true,
              counted: false,
            }
          : outcome;
      },
    }),
    breaks: 'a closed key has paid nothing',
  },
};

import { isPayeeNotReady } from './claim-rules';
import { BREAKER_RATE_LIMITED_ANSWERS, BREAKER_WINNERS } from './limits';
import { failureClassOf, type ReasonCode } from './reasons';

/** The end of one attempt as the ledger tells it; `reason` is null for a payment. */
export interface RecordedEnd {
  readonly transferId: string;
  readonly reason: ReasonCode | null;
}

/** How many records the breaker looks back over. */
export const BREAKER_RECORDS = 2 * BREAKER_RATE_LIMITED_ANSWERS;

/**
 * Why a settlement has to pause after these ends, newest first; undefined when it need not (M7).
 *
 * The same payee or request refusal at three winners in a row, with no payment between them, is a wrong setting and not
 * three mistakes. A payee who is simply not ready is neither, and what time or the platform mends does not break the row.
 */
export function breakerCause(ends: readonly RecordedEnd[]): ReasonCode | undefined {
  if (isRateLimited(ends)) {
    return 'transient_rate_limited';
  }
  const winners = new Set<string>();
  let refusal: ReasonCode | undefined;
  for (const { reason, transferId } of ends) {
    if (reason === null) {
      return undefined;
    }
    if (!isOfPayeeOrRequest(reason)) {
      continue;
    }
    if (refusal !== undefined && reason !== refusal) {
      return undefined;
    }
    refusal = reason;
    winners.add(transferId);
    if (winners.size >= BREAKER_WINNERS) {
      return refusal;
    }
  }
  return undefined;
}

function isOfPayeeOrRequest(reason: ReasonCode): boolean {
  const failureClass = failureClassOf(reason);
  return (failureClass === 'payee' && !isPayeeNotReady(reason)) || failureClass === 'request';
}

function isRateLimited(ends: readonly RecordedEnd[]): boolean {
  const newest = ends.slice(0, BREAKER_RATE_LIMITED_ANSWERS);
  return (
    newest.length === BREAKER_RATE_LIMITED_ANSWERS &&
    newest.every(({ reason }) => reason === 'transient_rate_limited')
  );
}

/** A pause that a platform error sets: how far it reaches, and whether automation may lift it. */
export interface PlatformPause {
  readonly scope: 'everything' | 'settlement';
  readonly isLiftedByItself: boolean;
}

const EVERYTHING: PlatformPause = { scope: 'everything', isLiftedByItself: true };

/** The pauses that errors of the platform's set; other reasons set none. */
const PLATFORM_PAUSES: Readonly<Partial<Record<ReasonCode, PlatformPause>>> = {
  // Another settlement may be in another currency, or small enough.
  platform_balance_insufficient: { scope: 'settlement', isLiftedByItself: true },
  platform_key_rejected: EVERYTHING,
  platform_permission_missing: EVERYTHING,
  platform_not_enabled: EVERYTHING,
  platform_wrong_url: EVERYTHING,
  // Test and live mode are mixed up for everybody, and no question to Stripe can tell that they are not any more.
  platform_mode_mismatch: { scope: 'everything', isLiftedByItself: false },
  platform_risk_control: { scope: 'settlement', isLiftedByItself: false },
};

/**
 * Whether a blocked transfer of this reason can be sent once no pause is in force. What Stripe may be holding for its
 * own decision is not: another key could become another payment.
 */
export function endsWithPause(reason: ReasonCode): boolean {
  return (
    reason === 'platform_paused' ||
    (platformPause(reason) !== undefined && reason !== 'platform_risk_control')
  );
}

export function platformPause(reason: ReasonCode): PlatformPause | undefined {
  return PLATFORM_PAUSES[reason];
}

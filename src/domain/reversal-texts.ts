import { failureClassOf, REASONS, type ReasonCode } from './reasons';

/** Codes that are about reversals alone, with texts of their own for both readers. */
function isOfReversals(reason: ReasonCode): boolean {
  return reason.startsWith('reversal_');
}

/** What an operator should know of why a reversal is not further: the texts of payments would say the wrong thing. */
export function reversalReasonText(reason: ReasonCode): string {
  if (isOfReversals(reason) || reason === 'unknown_other_reversal') {
    return REASONS[reason].operatorText;
  }
  switch (failureClassOf(reason)) {
    case 'unknown':
      return reason === 'unknown_key_too_old'
        ? 'Whether the money came back is not known; Stripe’s list of reversals decides within a day.'
        : 'Whether the money came back is not known yet; the same request or Stripe’s list of reversals tells.';
    case 'transient':
      return 'Stripe could not take it at the moment, and nothing came back yet; it goes on by itself.';
    case 'platform':
      return reason === 'platform_paused'
        ? 'Everything is paused because of the platform’s own key or account; it goes on when that is over.'
        : REASONS[reason].operatorText;
    case 'payee':
    case 'request':
      return REASONS[reason].operatorText;
  }
}

/** What may be told to a winner of a reversal that did not come back: other reasons' texts are about being paid. */
export function reversalWinnerText(reason: ReasonCode): string {
  return REASONS[isOfReversals(reason) ? reason : 'reversal_refused'].winnerText;
}

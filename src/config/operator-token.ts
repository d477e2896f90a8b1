import { tokenReader } from './known-tokens';
import { InvalidSettingsError, type Settings } from './settings';

/**
 * Whose token `PAYOUT_OPERATOR_TOKEN` is: the person who works at this terminal, by the same names as at the gateway.
 * undefined where none is set.
 * @throws InvalidSettingsError where it is none of `GATEWAY_TOKENS`
 */
export function nameOfOperatorToken({
  gatewayTokens = [],
  payoutOperatorToken,
}: Pick<Settings, 'gatewayTokens' | 'payoutOperatorToken'>): string | undefined {
  if (payoutOperatorToken === undefined) {
    return undefined;
  }
  const name = tokenReader(gatewayTokens)(payoutOperatorToken);
  if (name === null) {
    throw new InvalidSettingsError([
      { name: 'PAYOUT_OPERATOR_TOKEN', problem: 'expected the token of a pair in GATEWAY_TOKENS' },
    ]);
  }
  return name;
}

/**
 * Goal: what Stripe's documentation leaves open is answered by Stripe itself, before real money depends on it.
 * Method: raw requests in Stripe's test mode, one table at the end; only for those who give a key, see README.
 */
import { readContractSettings } from './contract-settings';
import { askOpenPoints } from './contract-table';

const MINUTES_10 = 600_000;
const WHY_SKIPPED = 'Stripe’s test mode was not asked: STRIPE_CONTRACT_TEST_KEY is not set';

/** Jest shows nothing of the console of a file whose tests are all skipped. */
function print(text: string): void {
  process.stdout.write(`\n${text}\n`);
}

const isWanted = (process.env['STRIPE_CONTRACT_TEST_KEY']?.trim() ?? '') !== '';

if (isWanted) {
  test(
    'the open points are answered',
    async () => {
      const settings = readContractSettings(process.env);
      const { answers, text } = await askOpenPoints(settings!);
      print(text);
      expect(answers).toHaveLength(7);
    },
    MINUTES_10,
  );
} else {
  print(WHY_SKIPPED);
  test.skip(WHY_SKIPPED, () => undefined);
}

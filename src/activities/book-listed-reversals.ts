import { sumMinor } from '../domain/money';
import { findBookedReversals, findBookedTransfer } from '../db/ledger';
import type { ListedTransfer } from '../stripe/list-transfers';
import { bookReversals } from './book-reversals';
import type { ActivityDependencies } from './dependencies';

/**
 * Books what came back of listed payments of ours and the ledger does not know: a restored database has forgotten it, or
 * nobody has told of it (M9, M11). Stripe is asked for reversals only where the sums differ. Safe to repeat and to race.
 *
 * @throws ReversalsNotListedError, StripeUnreachableError, StripeRefusedError
 */
export async function bookListedReversals(
  dependencies: Pick<ActivityDependencies, 'database' | 'stripe'>,
  listed: readonly ListedTransfer[],
): Promise<void> {
  const { database } = dependencies;
  for (const transfer of listed.filter(({ amountReversedMinor }) => amountReversedMinor > 0)) {
    const booked = await findBookedTransfer(database, transfer.id);
    if (booked === undefined) {
      continue;
    }
    const known = await findBookedReversals(database, booked);
    const knownMinor = sumMinor(known.map(({ amountMinor }) => amountMinor)) ?? 0;
    if (knownMinor < transfer.amountReversedMinor) {
      await bookReversals(dependencies, booked, transfer, []);
    }
  }
}

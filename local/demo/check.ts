import type { SettlementReport } from '../../src/client/read-status';
import { demoSettlement, incidentOf, PLACES, userOf } from './scenario';
import type { SandboxOracle } from './sandbox-control';

/** Everything that is not as it has to be: each winner's state, and the sandbox's own count against ours. */
export function findDeviations(
  status: Pick<SettlementReport, 'transfers'>,
  oracle: SandboxOracle,
): string[] {
  const winners = PLACES.flatMap((place) => deviationsOf(place, status, oracle));
  const paidMinor = status.transfers
    .filter((transfer) => transfer.status === 'completed')
    .reduce((sum, transfer) => sum + transfer.amountMinor, 0);
  const movedMinor = oracle.totalsByCurrency[demoSettlement().currency] ?? 0;
  return paidMinor === movedMinor
    ? winners
    : [
        ...winners,
        `paid ${paidMinor.toString()} by our rows, ${movedMinor.toString()} by the sandbox’s own count`,
      ];
}

function deviationsOf(
  place: number,
  status: Pick<SettlementReport, 'transfers'>,
  oracle: SandboxOracle,
): string[] {
  const user = userOf(place);
  const transfer = status.transfers.find(({ userId }) => userId === user);
  if (transfer === undefined) {
    return [`${user} has no transfer`];
  }
  const incident = incidentOf(place);
  const expected = incident?.status ?? 'completed';
  const moved = oracle.byPayoutTransferId[transfer.id]?.count ?? 0;
  const expectedMoves = expected === 'completed' ? 1 : 0;
  return [
    ...(transfer.status === expected ? [] : [`${user} is ${transfer.status}, not ${expected}`]),
    ...(incident?.reason === undefined || transfer.failureReason === incident.reason
      ? []
      : [`${user} says ${transfer.failureReason ?? 'no reason'}, not ${incident.reason}`]),
    ...(incident?.fault === undefined || transfer.attemptCount > 1
      ? []
      : [`${user} met no trouble: ${incident.story}`]),
    ...(moved === expectedMoves
      ? []
      : [`${user} was paid ${moved.toString()} times by the sandbox’s own count`]),
  ];
}

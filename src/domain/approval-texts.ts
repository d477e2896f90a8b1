import type { ApprovalGate } from './contracts';

/** A job's wait for an approval or for the end of its hold, for an operator. */
export function approvalGateText(gate: ApprovalGate, settlementId: string): string {
  const texts = [
    ...(gate.isApprovalMissing
      ? [
          `It waits for the approval of a second person: \`payouts preview ${settlementId}\`, then ` +
            `\`payouts approve ${settlementId} --hash … --reason …\`.`,
        ]
      : []),
    ...(gate.heldUntil === null ? [] : [`It is held until ${gate.heldUntil}, for disputes.`]),
  ];
  return ['Nobody is paid yet.', ...texts].join(' ');
}

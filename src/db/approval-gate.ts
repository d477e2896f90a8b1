import { sql, type SQL } from 'drizzle-orm';

/** Of a `transfer` and its `job`: approved where that is needed, and no longer held for disputes (M13). */
export function isApprovedAndNotHeld(): SQL {
  return sql`job.approval <> 'required' and transfer.approval <> 'required'
    and (job.held_until is null or payout_now() >= job.held_until)`;
}

/** Of a `transfer` and its winner's `account`: the one that was approved or confirmed, where that is needed (M13). */
export function isAccountApproved(): SQL {
  return sql`(transfer.approval <> 'approved' or account.version = transfer.approved_account_version)`;
}

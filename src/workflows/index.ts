export { PayoutJobWorkflow } from './payout-job';
export { PayoutSweepWorkflow } from './payout-sweep';
export { TransferWorkflow } from './transfer';

export { PayoutJobWorkflow } from './payout-job';
export { TransferWorkflow } from './transfer';

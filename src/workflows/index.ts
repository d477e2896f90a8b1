export { PayoutJobWorkflow } from './payout-job';
export { PayoutSweepWorkflow } from './payout-sweep';
export { ReversalWorkflow } from './reversal';
export { TransferWorkflow } from './transfer';

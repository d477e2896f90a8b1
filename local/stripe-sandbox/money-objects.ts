import type { JsonObject } from './json-object';
import type { ReversalRow, TransferRow } from './rows';

/** The objects that Stripe makes beside a transfer; seen only where a client expands them. */

export function renderTransferTransaction(transfer: TransferRow): JsonObject {
  return {
    ...transaction(transfer, -transfer.amount),
    id: transfer.balanceTransaction,
    description: transfer.description,
    reporting_category: 'transfer',
    source: transfer.id,
    type: 'transfer',
  };
}

export function renderReversalTransaction(reversal: ReversalRow): JsonObject {
  return {
    ...transaction(reversal, reversal.amount),
    id: reversal.balanceTransaction,
    description: null,
    reporting_category: 'transfer_reversal',
    source: reversal.id,
    type: 'transfer_refund',
  };
}

/** On the connected account a transfer is a payment. */
export function renderPayment(transfer: TransferRow): JsonObject {
  return {
    id: transfer.destinationPayment,
    object: 'charge',
    amount: transfer.amount,
    amount_captured: transfer.amount,
    amount_refunded: transfer.amountReversed,
    captured: true,
    created: transfer.created,
    currency: transfer.currency,
    livemode: transfer.livemode,
    metadata: {},
    paid: true,
    refunded: transfer.amountReversed === transfer.amount,
    source_transfer: transfer.id,
    status: 'succeeded',
  };
}

export function renderRefund(reversal: ReversalRow, transfer: TransferRow): JsonObject {
  return {
    id: reversal.destinationPaymentRefund,
    object: 'refund',
    amount: reversal.amount,
    charge: transfer.destinationPayment,
    created: reversal.created,
    currency: reversal.currency,
    metadata: {},
    status: 'succeeded',
    transfer_reversal: reversal.id,
  };
}

function transaction(row: { created: number; currency: string }, amount: number): JsonObject {
  return {
    object: 'balance_transaction',
    amount,
    available_on: row.created,
    balance_type: 'payments',
    created: row.created,
    currency: row.currency,
    exchange_rate: null,
    fee: 0,
    fee_details: [],
    net: amount,
    status: 'available',
  };
}

import { renderKnownAccount } from './accounts';
import type { JsonObject } from './json-object';
import {
  renderPayment,
  renderRefund,
  renderReversalTransaction,
  renderTransferTransaction,
} from './money-objects';
import type { ReversalRow, TransferRow } from './rows';
import type { Execution, SandboxState } from './state';
import { renderReversal, renderTransfer } from './transfers';

export type Expandable =
  | 'nothing'
  | 'transfer'
  | 'transfers'
  | 'reversal'
  | 'reversals'
  | 'transfer transaction'
  | 'reversal transaction';

export interface ExpandableProperty {
  readonly kind: Expandable;
  readonly load: (execution: Execution, owner: JsonObject) => JsonObject | JsonObject[] | null;
  readonly only?: 'as a way';
}

type Properties = Readonly<Record<string, ExpandableProperty>>;

/** `x-expandableFields` of github.com/stripe/openapi, as far as there is something behind them here. */
export const EXPANDABLE: Readonly<Record<Expandable, Properties>> = {
  nothing: {},
  transfers: { data: listed('transfer') },
  reversals: { data: listed('reversal') },
  transfer: {
    balance_transaction: {
      kind: 'transfer transaction',
      load: ({ state }, owner) => renderTransferTransaction(transferOf(state, owner)),
    },
    destination: {
      kind: 'nothing',
      load: ({ state }, owner) => renderKnownAccount(state, String(owner['destination'])),
    },
    destination_payment: {
      kind: 'nothing',
      load: ({ state }, owner) => renderPayment(transferOf(state, owner)),
    },
    reversals: { kind: 'reversals', load: (_execution, owner) => owner['reversals'] as JsonObject },
    // There are no charges here.
    source_transaction: { kind: 'nothing', load: () => null },
  },
  reversal: {
    balance_transaction: {
      kind: 'reversal transaction',
      load: ({ state }, owner) => renderReversalTransaction(reversalOf(state, owner)),
    },
    destination_payment_refund: {
      kind: 'nothing',
      load: ({ state }, owner) => {
        const reversal = reversalOf(state, owner);
        return renderRefund(reversal, found(state.store.get('transfers', reversal.transferId)));
      },
    },
    source_refund: { kind: 'nothing', load: () => null },
    transfer: {
      kind: 'transfer',
      load: ({ state }, owner) =>
        renderTransfer(state, found(state.store.get('transfers', String(owner['transfer'])))),
    },
  },
  'transfer transaction': {
    source: {
      kind: 'transfer',
      load: ({ state }, owner) =>
        renderTransfer(state, found(state.store.get('transfers', String(owner['source'])))),
    },
  },
  'reversal transaction': {
    source: {
      kind: 'reversal',
      load: ({ state }, owner) =>
        renderReversal(found(state.store.get('reversals', String(owner['source'])))),
    },
  },
};

function listed(kind: Expandable): ExpandableProperty {
  return { kind, load: (_execution, owner) => owner['data'] as JsonObject[], only: 'as a way' };
}

function transferOf(state: SandboxState, owner: JsonObject): TransferRow {
  return found(state.store.get('transfers', String(owner['id'])));
}

function reversalOf(state: SandboxState, owner: JsonObject): ReversalRow {
  return found(state.store.get('reversals', String(owner['id'])));
}

function found<Row>(row: Row | undefined): Row {
  if (row === undefined) {
    throw new Error('an object names another one that does not exist');
  }
  return row;
}

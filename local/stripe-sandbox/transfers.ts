import { payableAccount } from './accounts';
import { addAvailable, balanceInsufficient, readBalance } from './balance';
import { recordEvent } from './events';
import { newId } from './ids';
import type { JsonObject } from './json-object';
import { listPage, PAGE_PARAMS, readPage } from './lists';
import { mergeMetadata, ParamReader } from './params';
import type { RawParams } from './form-body';
import { previousAttributes } from './previous-attributes';
import type { Caller, ReversalRow, TransferRow } from './rows';
import { readSettings } from './settings';
import type { Execution, SandboxState } from './state';
import { invalidRequest, noSuch } from './stripe-errors';

const CREATE_PARAMS = [
  'amount',
  'currency',
  'description',
  'destination',
  'metadata',
  'source_transaction',
  'source_type',
  'transfer_group',
];
const SOURCE_TYPES = ['bank_account', 'card', 'fpx'];
const REVERSALS_SHOWN = 10;

/** Reading validates; the function it returns executes, and everything that one throws is saved. */
export function createTransfer(raw: RawParams): (execution: Execution) => JsonObject {
  const params = new ParamReader(raw, CREATE_PARAMS);
  const currency = params.currency('currency');
  const destination = params.requiredText('destination');
  const amount = params.amount('amount', currency);
  const metadata = mergeMetadata({}, params.metadata() ?? {});
  const details = {
    amount,
    currency,
    destination,
    description: params.text('description') ?? null,
    metadata,
    sourceType: readSourceType(params),
    transferGroup: params.nonEmptyText('transfer_group') ?? null,
    payoutTransferId: metadata['payout_transfer_id'] ?? null,
  };
  const charge = params.nonEmptyText('source_transaction');
  return (execution) => {
    if (charge !== undefined) {
      throw noSuch('charge', charge, 'source_transaction', 400);
    }
    return execute(execution, details);
  };
}

type TransferDetails = Pick<
  TransferRow,
  | 'amount'
  | 'currency'
  | 'destination'
  | 'description'
  | 'metadata'
  | 'sourceType'
  | 'transferGroup'
  | 'payoutTransferId'
>;

/** Debit, credit and the transfer itself in one transaction of the store. */
function execute(execution: Execution, details: TransferDetails): JsonObject {
  const { state, caller } = execution;
  const { accountId, livemode } = caller;
  const { amount, currency, destination } = details;
  const nowMs = state.clock.nowMs();
  payableAccount(execution, destination);
  const source = { accountId, livemode, currency };
  if (readBalance(state, source).available < amount) {
    throw balanceInsufficient(livemode);
  }
  addAvailable(state, source, -amount);
  addAvailable(state, { accountId: destination, livemode, currency }, amount);
  const row: TransferRow = {
    ...details,
    id: newId('tr'),
    accountId,
    livemode,
    amountReversed: 0,
    balanceTransaction: newId('txn'),
    created: Math.floor(nowMs / 1000),
    createdAtMs: nowMs,
    destinationPayment: newId('py'),
  };
  state.store.put('transfers', row.id, row);
  const object = renderTransfer(state, row);
  recordEvent(state, { ...transferEvent(execution, row), type: 'transfer.created', object });
  return object;
}

export function retrieveTransfer({ state, caller }: Execution, id: string): JsonObject {
  return renderTransfer(state, findTransfer(state, caller, id));
}

/** Everything else about a transfer is final. */
export function updateTransfer(raw: RawParams, id: string): (execution: Execution) => JsonObject {
  const params = new ParamReader(raw, ['description', 'metadata']);
  const description = params.text('description');
  const change = params.metadata();
  return (execution) => {
    const { state, caller } = execution;
    const row = findTransfer(state, caller, id);
    const updated = {
      ...row,
      // An empty value unsets it.
      description: description === undefined ? row.description : description || null,
      metadata: change === undefined ? row.metadata : mergeMetadata(row.metadata, change),
    };
    state.store.put('transfers', id, updated);
    const object = renderTransfer(state, updated);
    const previous = previousAttributes(renderTransfer(state, row), object);
    if (previous !== null) {
      const type = 'transfer.updated';
      const event = { ...transferEvent(execution, row), type, object } as const;
      recordEvent(state, { ...event, previousAttributes: previous });
    }
    return object;
  };
}

export function listTransfers(raw: RawParams): (execution: Execution) => JsonObject {
  const params = new ParamReader(raw, [...PAGE_PARAMS, 'created', 'destination', 'transfer_group']);
  const page = readPage(params);
  const created = params.range('created');
  const destination = params.nonEmptyText('destination');
  const group = params.nonEmptyText('transfer_group');
  return ({ state, caller }) => {
    const shownUntilMs = state.clock.nowMs() - readSettings(state.store).listLag.transfersMs;
    return listPage(page, {
      rows: state.store
        .values('transfers')
        .filter((row) => isOwn(row, caller))
        .reverse(),
      matches: (row) =>
        (row.createdAtMs ?? row.created * 1000) <= shownUntilMs &&
        created(row.created) &&
        (destination === undefined || row.destination === destination) &&
        (group === undefined || row.transferGroup === group),
      render: (row) => renderTransfer(state, row),
      what: 'transfer',
      url: '/v1/transfers',
    });
  };
}

export function findTransfer(state: SandboxState, caller: Caller, id: string): TransferRow {
  const row = state.store.get('transfers', id);
  if (row === undefined || !isOwn(row, caller)) {
    throw noSuch('transfer', id, 'id', 404);
  }
  return row;
}

/** Events about a transfer happen on the account that sent it. */
export function transferEvent({ request }: Execution, { accountId, livemode }: TransferRow) {
  return { accountId, livemode, request };
}

/** Newest first. */
export function reversalsOf(state: SandboxState, transferId: string): ReversalRow[] {
  return state.store
    .values('reversals')
    .filter((reversal) => reversal.transferId === transferId)
    .reverse();
}

export function renderReversal(reversal: ReversalRow): JsonObject {
  return {
    id: reversal.id,
    object: 'transfer_reversal',
    amount: reversal.amount,
    balance_transaction: reversal.balanceTransaction,
    created: reversal.created,
    currency: reversal.currency,
    destination_payment_refund: reversal.destinationPaymentRefund,
    metadata: reversal.metadata,
    source_refund: null,
    transfer: reversal.transferId,
  };
}

export function renderTransfer(state: SandboxState, row: TransferRow): JsonObject {
  const reversals = row.amountReversed === 0 ? [] : reversalsOf(state, row.id);
  return {
    id: row.id,
    object: 'transfer',
    amount: row.amount,
    amount_reversed: row.amountReversed,
    balance_transaction: row.balanceTransaction,
    created: row.created,
    currency: row.currency,
    description: row.description,
    destination: row.destination,
    destination_payment: row.destinationPayment,
    livemode: row.livemode,
    metadata: row.metadata,
    reversals: {
      object: 'list',
      data: reversals.slice(0, REVERSALS_SHOWN).map(renderReversal),
      has_more: reversals.length > REVERSALS_SHOWN,
      total_count: reversals.length,
      url: `/v1/transfers/${row.id}/reversals`,
    },
    reversed: row.amountReversed === row.amount,
    source_transaction: null,
    source_type: row.sourceType,
    transfer_group: row.transferGroup,
  };
}

function readSourceType(params: ParamReader): string {
  const type = params.nonEmptyText('source_type') ?? 'card';
  if (!SOURCE_TYPES.includes(type)) {
    throw invalidRequest(`Invalid source_type: must be one of ${SOURCE_TYPES.join(', ')}`, {
      param: 'source_type',
    });
  }
  return type;
}

function isOwn(row: TransferRow, caller: Caller): boolean {
  return row.accountId === caller.accountId && row.livemode === caller.livemode;
}

import { addAvailable, readBalance } from './balance';
import type { RawParams } from './form-body';
import { recordEvent } from './events';
import { newId } from './ids';
import type { JsonObject } from './json-object';
import { listPage, PAGE_PARAMS, readPage } from './lists';
import { mergeMetadata, ParamReader } from './params';
import type { ReversalRow } from './rows';
import type { Execution } from './state';
import { invalidRequest } from './stripe-errors';
import {
  findTransfer,
  renderReversal,
  renderTransfer,
  reversalsOf,
  transferEvent,
} from './transfers';

const CREATE_PARAMS = ['amount', 'description', 'metadata', 'refund_application_fee'];

export function createReversal(raw: RawParams, id: string): (execution: Execution) => JsonObject {
  const params = new ParamReader(raw, CREATE_PARAMS);
  const amount = params.positiveInteger('amount');
  const metadata = mergeMetadata({}, params.metadata() ?? {});
  params.text('description');
  params.text('refund_application_fee');
  return (execution) => execute(execution, id, amount, metadata);
}

/** The money must still be on the connected account: what was paid out to a bank cannot come back. */
function execute(
  execution: Execution,
  id: string,
  wanted: number | undefined,
  metadata: Record<string, string>,
): JsonObject {
  const { state, caller } = execution;
  const transfer = findTransfer(state, caller, id);
  const { accountId, livemode, currency, destination } = transfer;
  const left = transfer.amount - transfer.amountReversed;
  const amount = wanted ?? left;
  if (left === 0) {
    throw invalidRequest(`Transfer ${id} has already been reversed.`);
  }
  if (amount > left) {
    throw invalidRequest(
      `The amount of the reversal (${amount}) is greater than the unreversed amount of the transfer (${left}).`,
      { param: 'amount' },
    );
  }
  const target = { accountId: destination, livemode, currency };
  if (readBalance(state, target).available < amount) {
    throw invalidRequest(
      `Insufficient funds in the connected account ${destination} to reverse this transfer.`,
      { code: 'balance_insufficient' },
    );
  }
  addAvailable(state, target, -amount);
  addAvailable(state, { accountId, livemode, currency }, amount);
  const reversed = { ...transfer, amountReversed: transfer.amountReversed + amount };
  state.store.put('transfers', id, reversed);
  const reversal: ReversalRow = {
    id: newId('trr'),
    transferId: id,
    amount,
    balanceTransaction: newId('txn'),
    created: state.clock.nowSeconds(),
    currency,
    destinationPaymentRefund: newId('pyr'),
    metadata,
  };
  state.store.put('reversals', reversal.id, reversal);
  const object = renderTransfer(state, reversed);
  recordEvent(state, { ...transferEvent(execution, transfer), type: 'transfer.reversed', object });
  return renderReversal(reversal);
}

export function listReversals(raw: RawParams, id: string): (execution: Execution) => JsonObject {
  const page = readPage(new ParamReader(raw, PAGE_PARAMS));
  return ({ state, caller }) => {
    findTransfer(state, caller, id);
    return listPage(page, {
      rows: reversalsOf(state, id),
      matches: () => true,
      render: renderReversal,
      what: 'transfer_reversal',
      url: `/v1/transfers/${id}/reversals`,
    });
  };
}

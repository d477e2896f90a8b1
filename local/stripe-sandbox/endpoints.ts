import { retrieveAccount, retrieveOwnAccount } from './accounts';
import { retrieveBalance } from './balance';
import type { RawParams } from './form-body';
import { ParamReader } from './params';
import { createReversal, listReversals } from './reversals';
import type { Execution, JsonObject } from './state';
import { createTransfer, listTransfers, retrieveTransfer, updateTransfer } from './transfers';

export interface Endpoint {
  readonly method: 'GET' | 'POST';
  /** As the router writes it; also the endpoint's name in rate limits and late commits. */
  readonly url: string;
  /** Throws what is refused before execution. What the returned function throws has been executed. */
  readonly prepare: (raw: RawParams, ids: PathIds) => (execution: Execution) => JsonObject;
}

export type PathIds = Readonly<Record<string, string>>;

export const ENDPOINTS: readonly Endpoint[] = [
  { method: 'POST', url: '/v1/transfers', prepare: createTransfer },
  { method: 'GET', url: '/v1/transfers', prepare: listTransfers },
  {
    method: 'GET',
    url: '/v1/transfers/:id',
    prepare: withoutParams((execution, id) => retrieveTransfer(execution, id)),
  },
  {
    method: 'POST',
    url: '/v1/transfers/:id',
    prepare: (raw, ids) => updateTransfer(raw, idOf(ids)),
  },
  {
    method: 'POST',
    url: '/v1/transfers/:id/reversals',
    prepare: (raw, ids) => createReversal(raw, idOf(ids)),
  },
  {
    method: 'GET',
    url: '/v1/transfers/:id/reversals',
    prepare: (raw, ids) => listReversals(raw, idOf(ids)),
  },
  { method: 'GET', url: '/v1/account', prepare: withoutParams(retrieveOwnAccount) },
  {
    method: 'GET',
    url: '/v1/accounts/:id',
    prepare: withoutParams((execution, id) => retrieveAccount(execution, id)),
  },
  { method: 'GET', url: '/v1/balance', prepare: withoutParams(retrieveBalance) },
];

export function endpointName({ method, url }: Endpoint): string {
  return `${method} ${url}`;
}

export function isTransferCreation(endpoint: Endpoint): boolean {
  return endpointName(endpoint) === 'POST /v1/transfers';
}

function withoutParams(run: (execution: Execution, id: string) => JsonObject): Endpoint['prepare'] {
  return (raw, ids) => {
    new ParamReader(raw, []);
    return (execution) => run(execution, idOf(ids));
  };
}

function idOf(ids: PathIds): string {
  return ids['id'] ?? '';
}

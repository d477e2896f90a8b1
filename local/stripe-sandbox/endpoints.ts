import { retrieveAccount, retrieveOwnAccount } from './accounts';
import { retrieveBalance } from './balance';
import { listEvents, retrieveEvent } from './events';
import { readExpand } from './expand';
import type { Expandable } from './expandable';
import type { RawParams } from './form-body';
import type { JsonObject } from './json-object';
import { ParamReader } from './params';
import { createReversal, listReversals } from './reversals';
import type { Execution } from './state';
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
  endpoint('POST', '/v1/transfers', 'transfer', createTransfer),
  endpoint('GET', '/v1/transfers', 'transfers', listTransfers),
  endpoint('GET', '/v1/transfers/:id', 'transfer', withoutParams(retrieveTransfer)),
  endpoint('POST', '/v1/transfers/:id', 'transfer', updateTransfer),
  endpoint('POST', '/v1/transfers/:id/reversals', 'reversal', createReversal),
  endpoint('GET', '/v1/transfers/:id/reversals', 'reversals', listReversals),
  endpoint('GET', '/v1/events', 'nothing', listEvents),
  endpoint('GET', '/v1/events/:id', 'nothing', withoutParams(retrieveEvent)),
  endpoint('GET', '/v1/account', 'nothing', withoutParams(retrieveOwnAccount)),
  endpoint('GET', '/v1/accounts/:id', 'nothing', withoutParams(retrieveAccount)),
  endpoint('GET', '/v1/balance', 'nothing', withoutParams(retrieveBalance)),
];

export function endpointName({ method, url }: Endpoint): string {
  return `${method} ${url}`;
}

export function isTransferCreation(endpoint: Endpoint): boolean {
  return endpointName(endpoint) === 'POST /v1/transfers';
}

export function isReversalCreation(endpoint: Endpoint): boolean {
  return endpointName(endpoint) === 'POST /v1/transfers/:id/reversals';
}

type Prepare = (raw: RawParams, id: string) => (execution: Execution) => JsonObject;

/** `expand` is the same parameter everywhere and depends only on what is answered. */
function endpoint(
  method: Endpoint['method'],
  url: string,
  answers: Expandable,
  prepare: Prepare,
): Endpoint {
  return {
    method,
    url,
    prepare: ({ expand, ...raw }, ids) => {
      const expanded = readExpand(expand, answers);
      const run = prepare(raw, ids['id'] ?? '');
      return (execution) => expanded(execution, run(execution));
    },
  };
}

function withoutParams(run: (execution: Execution, id: string) => JsonObject): Prepare {
  return (raw, id) => {
    new ParamReader(raw, []);
    return (execution) => run(execution, id);
  };
}

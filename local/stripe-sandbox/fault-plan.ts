import type { Fault } from './fault-rules';
import type { RawParams } from './form-body';
import { rateLimited, serverError, StripeError } from './stripe-errors';

/** How the pipeline has to depart from its normal course. */
export interface FaultPlan {
  /** False: the endpoint is never run. */
  readonly execute: boolean;
  readonly waitBeforeMs: number;
  readonly waitAfterMs: number;
  /** What the key keeps (and the client gets) instead of the true answer. */
  readonly save: StripeError | null;
  /** What the client gets although the key keeps something else, or nothing. */
  readonly say: StripeError | HtmlPage | null;
  readonly delivery: 'answer' | 'drop' | 'truncate' | 'hang';
  readonly commitAfterMs: number | null;
  readonly changedParams: RawParams;
}

export interface HtmlPage {
  readonly status: number;
  readonly html: string;
}

const NORMAL: FaultPlan = {
  execute: true,
  waitBeforeMs: 0,
  waitAfterMs: 0,
  save: null,
  say: null,
  delivery: 'answer',
  commitAfterMs: null,
  changedParams: {},
};

export function planFor(fault: Fault | null): FaultPlan {
  switch (fault?.kind) {
    case undefined:
      return NORMAL;
    case 'drop_before':
      return { ...NORMAL, execute: false, delivery: 'drop' };
    case 'drop_after':
      return { ...NORMAL, delivery: 'drop' };
    case 'truncate_after':
      return { ...NORMAL, delivery: 'truncate' };
    case 'status': {
      const error = scriptedError(fault);
      const { executed, saved } = fault;
      return { ...NORMAL, execute: executed, ...(saved ? { save: error } : { say: error }) };
    }
    case 'html':
      return { ...NORMAL, execute: fault.executed, say: htmlPage(fault.status) };
    case 'delay':
      return { ...NORMAL, waitBeforeMs: fault.beforeMs, waitAfterMs: fault.afterMs };
    case 'hang':
      return { ...NORMAL, execute: fault.executed, delivery: 'hang' };
    case 'commit_later':
      return { ...NORMAL, execute: false, save: serverError(), commitAfterMs: fault.afterMs };
    case 'altered':
      return { ...NORMAL, changedParams: alteredParams(fault) };
  }
}

/** What is not scripted looks like what Stripe sends for that status. */
function scriptedError(fault: Extract<Fault, { kind: 'status' }>): StripeError {
  const { status, code, param } = fault;
  const usual = status === 429 && code === undefined ? rateLimited('global-rate') : null;
  const advice = code === 'lock_timeout' ? { 'Stripe-Should-Retry': 'true' } : {};
  return new StripeError(
    status,
    {
      type: status >= 500 || status === 424 ? 'api_error' : 'invalid_request_error',
      message: `Scripted answer with status ${status}.`,
      ...usual?.fields,
      ...(fault.type === undefined ? {} : { type: fault.type }),
      ...(fault.message === undefined ? {} : { message: fault.message }),
      ...(code === undefined ? {} : { code }),
      ...(param === undefined ? {} : { param }),
    },
    { ...usual?.headers, ...advice, ...fault.headers },
  );
}

function htmlPage(status: number): HtmlPage {
  const title = `${status} Bad Gateway`;
  const html = `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n`;
  return { status, html };
}

function alteredParams(fault: Extract<Fault, { kind: 'altered' }>): RawParams {
  const { amount, currency, destination } = fault;
  return {
    ...(amount === undefined ? {} : { amount: String(amount) }),
    ...(currency === undefined ? {} : { currency }),
    ...(destination === undefined ? {} : { destination }),
  };
}

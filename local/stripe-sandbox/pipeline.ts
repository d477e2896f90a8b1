import type { IncomingHttpHeaders } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';

import { failure, htmlAnswer, jsonAnswer, success, type Answer, type Delivery } from './answers';
import { authenticate } from './auth';
import type { Deliveries } from './deliveries';
import {
  endpointName,
  isReversalCreation,
  isTransferCreation,
  type Endpoint,
  type PathIds,
} from './endpoints';
import { planFor, type FaultPlan } from './fault-plan';
import { takeFault } from './faults';
import { fingerprint, type RawParams } from './form-body';
import { readIdempotencyKey, type IdempotencyStore } from './idempotency-store';
import type { JsonObject } from './json-object';
import type { LateCommits } from './late-commits';
import type { RateLimiter } from './rate-limiter';
import type { Caller } from './rows';
import { count } from './settings';
import type { Execution, SandboxState } from './state';
import { StripeError } from './stripe-errors';

export interface ApiRequest {
  readonly endpoint: Endpoint;
  readonly path: string;
  readonly ids: PathIds;
  readonly headers: IncomingHttpHeaders;
  readonly requestId: string;
  /** Throws when the body is not what Stripe reads; only after authentication. */
  readonly readParams: () => RawParams;
}

interface PipelineParts {
  readonly limiter: RateLimiter;
  readonly idempotency: IdempotencyStore;
  readonly late: LateCommits;
  readonly deliveries: Deliveries;
}

interface Admitted extends ApiRequest {
  readonly caller: Caller;
  readonly key: string | null;
  readonly params: RawParams;
  readonly run: (execution: Execution) => JsonObject;
}

/**
 * The order of Stripe's checks: authentication, rate limits, parameters, then the idempotency layer,
 * then execution (docs.stripe.com/error-low-level). What is refused before the idempotency layer is
 * not saved for the key; what began to execute is, success or failure.
 */
export class Pipeline {
  private readonly stopping = new AbortController();

  constructor(
    private readonly state: SandboxState,
    private readonly parts: PipelineParts,
  ) {}

  /** The answer may go out only after `store.flushed()`, which this has awaited. */
  async handle(request: ApiRequest): Promise<Delivery> {
    if (isTransferCreation(request.endpoint)) {
      count(this.state.store, 'posts');
    }
    if (isReversalCreation(request.endpoint)) {
      count(this.state.store, 'reversalPosts');
    }
    const delivery = await this.process(request);
    await this.state.store.flushed();
    await this.parts.deliveries.beforeAnswer(request.requestId);
    return delivery;
  }

  /** The answer is out, or lost. */
  answered(requestId: string): void {
    this.parts.deliveries.afterAnswer(requestId);
  }

  stop(): void {
    this.stopping.abort();
  }

  private async process(request: ApiRequest): Promise<Delivery> {
    let caller: Caller | null = null;
    let leave: (() => void) | null = null;
    try {
      caller = authenticate(this.state, request.headers);
      leave = this.parts.limiter.enter(endpointName(request.endpoint));
      return await this.answerAdmitted(this.admit(request, caller));
    } catch (error) {
      if (error instanceof StripeError) {
        return { how: 'answer', answer: failure(error, request.requestId, caller) };
      }
      if (this.stopping.signal.aborted) {
        // Interrupted while it waited: whoever asked learns nothing, as when the process dies.
        return { how: 'drop', answer: null };
      }
      throw error;
    } finally {
      leave?.();
    }
  }

  private admit(request: ApiRequest, caller: Caller): Admitted {
    const { endpoint, headers, ids } = request;
    const params = request.readParams();
    // "The idempotency key has no effect on GET and DELETE" (docs.stripe.com/api/idempotent_requests).
    const key = endpoint.method === 'POST' ? readIdempotencyKey(headers['idempotency-key']) : null;
    return { ...request, caller, key, params, run: endpoint.prepare(params, ids) };
  }

  private async answerAdmitted(request: Admitted): Promise<Delivery> {
    const { caller, key, params, path } = request;
    const fault = takeFault(this.state.store, {
      method: request.endpoint.method,
      path,
      params,
      idempotencyKey: key,
      beginsExecution: key === null || this.parts.idempotency.isUnused(caller, key),
    });
    const plan = planFor(fault);
    // A fault of the network or of a proxy: nothing reaches the idempotency layer.
    const reaches = plan.execute || plan.save !== null;
    const own = reaches ? await this.answerOnce(request, plan) : null;
    await this.pause(plan.waitAfterMs);
    return { how: plan.delivery, answer: spoken(plan, request) ?? own };
  }

  /** A conflict is an answer like others: a connection that is to be lost loses it, too. */
  private async answerOnce(request: Admitted, plan: FaultPlan): Promise<Answer> {
    try {
      return await this.executeOnce(request, plan);
    } catch (error) {
      if (error instanceof StripeError) {
        return failure(error, request.requestId, request.caller);
      }
      throw error;
    }
  }

  private async executeOnce(request: Admitted, plan: FaultPlan): Promise<Answer> {
    const { caller, key, path } = request;
    if (key === null) {
      await this.pause(plan.waitBeforeMs);
      return this.state.store.transaction(() => this.execute(request, plan));
    }
    const keyed = { key, path, fingerprint: fingerprint(request.params) };
    const saved = this.parts.idempotency.lookUp(caller, keyed);
    if (saved !== undefined) {
      this.countCreation(request, 'replays');
      return jsonAnswer(saved.status, saved.body, {
        ...replayAdvice(saved.status),
        'Idempotent-Replayed': 'true',
        'Original-Request': saved.requestId,
      });
    }
    const receivedAtMs = this.state.clock.nowMs();
    const unlock = this.parts.idempotency.lock(caller, key);
    try {
      await this.pause(plan.waitBeforeMs);
      // One transaction: after a crash there is the transfer with its saved answer, or neither.
      return this.state.store.transaction(() => {
        const answer = this.execute(request, plan);
        const { status, body } = answer;
        const row = { path, fingerprint: keyed.fingerprint, status, body, receivedAtMs };
        this.parts.idempotency.save(caller, key, { ...row, requestId: request.requestId });
        return answer;
      });
    } finally {
      unlock();
    }
  }

  private execute(request: Admitted, plan: FaultPlan): Answer {
    const { caller, requestId } = request;
    this.countCreation(request, 'executions');
    const own = plan.execute ? this.run(request, plan) : null;
    if (plan.commitAfterMs !== null) {
      this.parts.late.add({
        dueAtMs: this.state.clock.nowMs() + plan.commitAfterMs,
        endpoint: endpointName(request.endpoint),
        pathIds: request.ids,
        params: request.params,
        caller,
      });
    }
    if (plan.save !== null) {
      const answer = failure(plan.save, requestId, caller);
      return { ...answer, headers: { ...replayAdvice(answer.status), ...answer.headers } };
    }
    if (own === null) {
      throw new Error('a request that is not executed must have an answer to save');
    }
    return own;
  }

  private run(request: Admitted, plan: FaultPlan): Answer {
    const { caller, endpoint, ids, key, params, requestId } = request;
    const altered = Object.keys(plan.changedParams).length > 0;
    try {
      const run = altered
        ? endpoint.prepare({ ...params, ...plan.changedParams }, ids)
        : request.run;
      return success(
        run({ state: this.state, caller, request: { id: requestId, idempotencyKey: key } }),
      );
    } catch (error) {
      if (!(error instanceof StripeError)) {
        throw error;
      }
      this.countCreation(request, 'refusals');
      const answer = failure(error, requestId, caller);
      // Sending the same key again cannot change a saved refusal.
      return { ...answer, headers: { ...replayAdvice(answer.status), ...answer.headers } };
    }
  }

  private countCreation(request: Admitted, name: 'executions' | 'refusals' | 'replays'): void {
    if (isTransferCreation(request.endpoint)) {
      count(this.state.store, name);
    }
  }

  private async pause(ms: number): Promise<void> {
    if (ms > 0) {
      await wait(ms, undefined, { signal: this.stopping.signal });
    }
  }
}

function spoken({ say }: FaultPlan, { requestId, caller }: Admitted): Answer | null {
  if (say === null) {
    return null;
  }
  return say instanceof StripeError
    ? failure(say, requestId, caller)
    : htmlAnswer(say.status, say.html);
}

/** The SDK's source: "we expect the stripe-should-retry header to be false in most cases" of a saved 500. */
function replayAdvice(status: number): Record<string, string> {
  return status < 400 ? {} : { 'Stripe-Should-Retry': 'false' };
}

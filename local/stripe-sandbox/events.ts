import { DEFAULT_API_VERSION } from './api-version';
import type { EventType } from './event-types';
import type { RawParams } from './form-body';
import { newId } from './ids';
import type { JsonObject } from './json-object';
import { listPage, PAGE_PARAMS, readPage } from './lists';
import { ParamReader } from './params';
import type { DeliveryRow, EventRow } from './rows';
import { isPlatform, readSettings } from './settings';
import type { Execution, RequestRef, SandboxState } from './state';
import { invalidRequest, noSuch } from './stripe-errors';
import { endpointsFor } from './webhook-endpoints';
import type { WebhookFault } from './webhook-fault-rules';
import { takeWebhookFault } from './webhook-faults';

/** "If it was created in the last 30 days" (docs.stripe.com/api/events/retrieve). */
const KEPT_SECONDS = 30 * 24 * 60 * 60;

const MAX_TYPES = 20;

export interface Happening {
  readonly type: EventType;
  /** Where it happened: the platform, or a connected account. */
  readonly accountId: string;
  readonly livemode: boolean;
  /** As it is after the change; later changes do not reach the event. */
  readonly object: JsonObject;
  readonly previousAttributes?: JsonObject;
  /** Null for what no request of the API caused. */
  readonly request: RequestRef | null;
}

/** In the transaction of the change itself: after a crash there are both, or neither. */
export function recordEvent(state: SandboxState, happening: Happening): void {
  const event = newEvent(state, happening);
  const fault = endpointsFor(state, event).length > 0 ? takeWebhookFault(state.store, event) : null;
  publish(state, event, fault);
  if (fault?.kind === 'twin') {
    publish(state, newEvent(state, happening), fault);
  }
}

function newEvent(state: SandboxState, happening: Happening): EventRow {
  const { request, previousAttributes, ...what } = happening;
  const createdAtMs = state.clock.nowMs();
  return {
    ...what,
    id: newId('evt'),
    created: Math.floor(createdAtMs / 1000),
    createdAtMs,
    previousAttributes: previousAttributes ?? null,
    requestId: request?.id ?? null,
    idempotencyKey: request?.idempotencyKey ?? null,
  };
}

function publish(state: SandboxState, event: EventRow, fault: WebhookFault | null): void {
  const { store } = state;
  const endpointIds = endpointsFor(state, event).map(({ id }) => id);
  store.put('events', event.id, event);
  if (endpointIds.length > 0) {
    store.put('undelivered', event.id, endpointIds);
  }
  for (const endpointId of endpointIds) {
    for (let copy = 0; copy < (fault?.kind === 'duplicate' ? 2 : 1); copy += 1) {
      addDelivery(state, { event, endpointId, fault });
    }
  }
}

export function addDelivery(
  { store, clock }: SandboxState,
  wanted: { event: EventRow; endpointId: string; fault: WebhookFault | null },
): DeliveryRow {
  const { event, endpointId, fault } = wanted;
  const delayMs = fault?.kind === 'delay' ? fault.ms : 0;
  const row: DeliveryRow = {
    id: newId('del'),
    eventId: event.id,
    endpointId,
    requestId: event.requestId,
    gate: gateFor(event, fault),
    delayMs,
    dueAtMs: clock.nowMs() + delayMs,
    tries: 0,
    lastResult: null,
  };
  store.put('deliveries', row.id, row);
  return row;
}

function gateFor({ requestId }: EventRow, fault: WebhookFault | null): DeliveryRow['gate'] {
  if (fault?.kind === 'reorder') {
    return 'after_next';
  }
  const aboutAnswer = fault?.kind === 'delay' || fault?.kind === 'before_answer';
  if (!aboutAnswer || requestId === null) {
    return 'open';
  }
  return fault.kind === 'delay' ? 'after_answer' : 'before_answer';
}

export function retrieveEvent(execution: Execution, id: string): JsonObject {
  const event = execution.state.store.get('events', id);
  if (event === undefined || !isVisible(execution, event)) {
    throw noSuch('event', id, 'id', 404);
  }
  return renderEvent(execution.state, event);
}

export function listEvents(raw: RawParams): (execution: Execution) => JsonObject {
  const names = ['created', 'delivery_success', 'type', 'types'];
  const params = new ParamReader(raw, [...PAGE_PARAMS, ...names]);
  const page = readPage(params);
  const created = params.range('created');
  const delivered = params.boolean('delivery_success');
  const isWanted = readTypes(params);
  return (execution) => {
    const { state } = execution;
    const shownUntilMs = state.clock.nowMs() - readSettings(state.store).listLag.eventsMs;
    return listPage(page, {
      rows: state.store
        .values('events')
        .filter((event) => isVisible(execution, event))
        .reverse(),
      matches: (event) =>
        event.createdAtMs <= shownUntilMs &&
        created(event.created) &&
        isWanted(event.type) &&
        (delivered === undefined || delivered === (pendingWebhooks(state, event) === 0)),
      render: (event) => renderEvent(state, event),
      what: 'event',
      url: '/v1/events',
    });
  };
}

/** As an endpoint of that version gets it, and as the API answers it. */
export function renderEvent(
  state: SandboxState,
  event: EventRow,
  apiVersion = DEFAULT_API_VERSION,
): JsonObject {
  const previous = event.previousAttributes;
  return {
    id: event.id,
    object: 'event',
    ...(isPlatform(state.store, event.accountId) ? {} : { account: event.accountId }),
    api_version: apiVersion,
    created: event.created,
    data: {
      object: event.object,
      ...(previous === null ? {} : { previous_attributes: previous }),
    },
    livemode: event.livemode,
    pending_webhooks: pendingWebhooks(state, event),
    request: { id: event.requestId, idempotency_key: event.idempotencyKey },
    type: event.type,
  };
}

/** Endpoints that have not answered with a 2xx; deleted ones do not count. */
function pendingWebhooks({ store }: SandboxState, { id }: EventRow): number {
  const endpoints = store.get('undelivered', id) ?? [];
  return endpoints.filter((endpoint) => store.get('webhookEndpoints', endpoint)).length;
}

function readTypes(params: ParamReader): (type: string) => boolean {
  const type = params.nonEmptyText('type');
  const types = params.texts('types');
  if (type !== undefined && types !== undefined) {
    throw invalidRequest('You may only specify one of these parameters: type, types.', {
      code: 'parameters_exclusive',
      param: 'type',
    });
  }
  if ((types?.length ?? 0) > MAX_TYPES) {
    throw invalidRequest(`Array must have at most ${MAX_TYPES} elements`, { param: 'types' });
  }
  if (type?.endsWith('*')) {
    return (candidate) => candidate.startsWith(type.slice(0, -1));
  }
  const wanted = types ?? (type === undefined ? undefined : [type]);
  return (candidate) => wanted?.includes(candidate) ?? true;
}

function isVisible({ state, caller }: Execution, event: EventRow): boolean {
  return (
    event.accountId === caller.accountId &&
    event.livemode === caller.livemode &&
    event.created > state.clock.nowSeconds() - KEPT_SECONDS
  );
}

import type { FastifyInstance } from 'fastify';
import { z } from 'zod';

import { changeAccount } from './account-changes';
import { changeBalance } from './balance-changes';
import { controlPost, oneOrMany, type ControlPost } from './control-post';
import { isSupportedCurrency } from './currencies';
import type { Deliveries } from './deliveries';
import { faultRuleSchema, randomFaultsSchema } from './fault-rules';
import { replaceRandomFaults } from './faults';
import { newId } from './ids';
import type { LateCommits } from './late-commits';
import { askOracle } from './oracle';
import { changeSettings, readSettings } from './settings';
import type { SandboxState } from './state';
import { webhookRoutes } from './webhook-routes';

const clockSchema = z
  .strictObject({
    advanceMs: z.number().int().min(0).optional(),
    nowMs: z.number().int().min(0).optional(),
  })
  .refine(
    ({ advanceMs, nowMs }) => (advanceMs === undefined) !== (nowMs === undefined),
    'expected either advanceMs or nowMs',
  );

const accountSchema = z.strictObject({
  id: z.string().regex(/^acct_[A-Za-z0-9_]{1,100}$/),
  state: z
    .enum(['active', 'inactive', 'closed', 'missing', 'other_region', 'deauthorised'])
    .optional(),
  country: z
    .string()
    .regex(/^[A-Z]{2}$/)
    .optional(),
  defaultCurrency: z.string().refine(isSupportedCurrency).optional(),
  livemode: z.boolean().optional(),
  payoutsEnabled: z.boolean().optional(),
  disabledReason: z.string().nullable().optional(),
});

const minorUnits = z.number().int();

const balanceSchema = z.strictObject({
  account: z.string().optional(),
  livemode: z.boolean().default(false),
  currency: z.string().refine(isSupportedCurrency),
  available: minorUnits.optional(),
  pending: minorUnits.optional(),
  add: minorUnits.optional(),
});

const keySchema = z.strictObject({
  key: z.string().min(1),
  state: z.enum(['active', 'invalid', 'expired', 'restricted']).default('active'),
  accountId: z.string().nullable().default(null),
});

const perSecond = z.number().int().min(0).nullable();

const rateLimitsSchema = z.strictObject({
  requestsPerSecond: perSecond.optional(),
  requestsPerSecondPerEndpoint: perSecond.optional(),
  maxConcurrent: perSecond.optional(),
});

const lagMs = z.number().int().min(0);

const listLagSchema = z.strictObject({
  transfersMs: lagMs.optional(),
  eventsMs: lagMs.optional(),
});

/** How tests and operators play fate. Not part of Stripe, without authentication, not for the product. */
export function controlRoutes(
  app: FastifyInstance,
  parts: { state: SandboxState; late: LateCommits; deliveries: Deliveries },
): void {
  const { state, late, deliveries } = parts;
  refuseApiKeys(app);
  const post = controlPost(app, state);
  app.get('/_sandbox/oracle', () => askOracle(state.store));
  app.get('/_sandbox/clock', () => ({ nowMs: state.clock.nowMs() }));
  app.get('/_sandbox/faults', () => ({
    scripted: state.store.values('faults'),
    random: state.store.values('randomFaults')[0] ?? null,
  }));
  post('clock', clockSchema, (body) => {
    if (body.nowMs === undefined) {
      state.clock.advance(body.advanceMs ?? 0);
    } else {
      state.clock.set(body.nowMs);
    }
    late.runDue();
    deliveries.wake();
    return { nowMs: state.clock.nowMs() };
  });
  post('accounts', accountSchema, ({ id, ...change }) => ({
    ...changeAccount(state, id, present(change)),
  }));
  post('keys', keySchema, ({ key, ...row }) => {
    state.store.put('keys', key, row);
    return { key, ...row };
  });
  post('rate-limits', rateLimitsSchema, (body) => {
    const { rateLimits } = readSettings(state.store);
    return {
      ...changeSettings(state.store, { rateLimits: { ...rateLimits, ...present(body) } })
        .rateLimits,
    };
  });
  post('list-lag', listLagSchema, (body) => {
    const { listLag } = readSettings(state.store);
    return {
      ...changeSettings(state.store, { listLag: { ...listLag, ...present(body) } }).listLag,
    };
  });
  post('balance', balanceSchema, (body) => ({ ...changeBalance(state, body) }));
  faultRoutes(app, state, post);
  webhookRoutes(app, { state, deliveries }, post);
}

function faultRoutes(app: FastifyInstance, state: SandboxState, post: ControlPost): void {
  const { store } = state;
  post('faults', oneOrMany(faultRuleSchema), (body) => {
    const rules = body.map((rule) => ({
      ...rule,
      id: newId('fault'),
      seen: 0,
    }));
    for (const rule of rules) {
      store.put('faults', rule.id, rule);
    }
    return { ids: rules.map((rule) => rule.id) };
  });
  post('faults/random', randomFaultsSchema.nullable(), (body) => {
    replaceRandomFaults(store, body === null ? null : { ...body, drawn: 0 });
    return { random: body };
  });
  app.delete('/_sandbox/faults', async () => {
    store.transaction(() => {
      for (const rule of store.values('faults')) {
        store.delete('faults', rule.id);
      }
      replaceRandomFaults(store, null);
    });
    await store.flushed();
    return { scripted: [], random: null };
  });
}

/** A client of Stripe sends its key with every request, so that it cannot reach what is behind this. */
function refuseApiKeys(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    if (request.url.startsWith('/_sandbox/') && request.headers.authorization !== undefined) {
      await reply.code(403).send({ error: 'control calls are not for clients with an API key' });
    }
  });
}

/** Without the fields that were not given, so that they do not overwrite what is there. */
function present<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

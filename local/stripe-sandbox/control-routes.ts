import type { FastifyInstance } from 'fastify';
import { z } from 'zod';

import { putAccount } from './accounts';
import { readBalance, setBalance } from './balance';
import { isSupportedCurrency } from './currencies';
import { faultRuleSchema, randomFaultsSchema } from './fault-rules';
import { replaceRandomFaults } from './faults';
import { newId } from './ids';
import type { LateCommits } from './late-commits';
import { askOracle } from './oracle';
import { changeSettings, readSettings } from './settings';
import type { JsonObject, SandboxState } from './state';

const clockSchema = z.union([
  z.strictObject({ advanceMs: z.number().int().min(0) }),
  z.strictObject({ nowMs: z.number().int().min(0) }),
]);

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
export function controlRoutes(app: FastifyInstance, state: SandboxState, late: LateCommits): void {
  const post = controlPost(app, state);
  app.get('/_sandbox/oracle', () => askOracle(state.store));
  app.get('/_sandbox/clock', () => ({ nowMs: state.clock.nowMs() }));
  app.get('/_sandbox/faults', () => ({
    scripted: state.store.values('faults'),
    random: state.store.values('randomFaults')[0] ?? null,
  }));
  post('clock', clockSchema, (body) => {
    if ('advanceMs' in body) {
      state.clock.advance(body.advanceMs);
    } else {
      state.clock.set(body.nowMs);
    }
    late.runDue();
    return { nowMs: state.clock.nowMs() };
  });
  post('accounts', accountSchema, ({ id, ...change }) => ({
    ...putAccount(state, id, present(change)),
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
}

function faultRoutes(app: FastifyInstance, state: SandboxState, post: Post): void {
  const { store } = state;
  post('faults', z.union([faultRuleSchema, z.array(faultRuleSchema)]), (body) => {
    const rules = (Array.isArray(body) ? body : [body]).map((rule) => ({
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

function changeBalance(state: SandboxState, body: z.infer<typeof balanceSchema>) {
  const { account, livemode, currency, available, pending, add } = body;
  const accountId = account ?? readSettings(state.store).platformAccountId;
  const purse = { accountId, livemode, currency };
  const start = available ?? readBalance(state, purse).available;
  return setBalance(state, purse, {
    available: start + (add ?? 0),
    ...(pending === undefined ? {} : { pending }),
  });
}

type Post = <Body>(name: string, schema: z.ZodType<Body>, act: (body: Body) => JsonObject) => void;

/** A wrong control call must fail loudly: a fault that silently never fires makes a test pass. */
function controlPost(app: FastifyInstance, { store }: SandboxState): Post {
  return (name, schema, act) => {
    app.post(`/_sandbox/${name}`, async (request, reply) => {
      const parsed = schema.safeParse(request.body ?? null);
      if (!parsed.success) {
        return reply.code(400).send({ error: z.prettifyError(parsed.error) });
      }
      const result = store.transaction(() => act(parsed.data));
      await store.flushed();
      return result;
    });
  };
}

/** Without the fields that were not given, so that they do not overwrite what is there. */
function present<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

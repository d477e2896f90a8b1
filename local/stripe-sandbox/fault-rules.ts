import { z } from 'zod';

const milliseconds = z.number().int().min(0);

const statusFault = z.strictObject({
  kind: z.literal('status'),
  status: z.number().int().min(400).max(599),
  type: z.string().optional(),
  code: z.string().optional(),
  message: z.string().optional(),
  param: z.string().optional(),
  headers: z.record(z.string(), z.string()).default({}),
  /** The key keeps this answer and replays it. */
  saved: z.boolean().default(false),
  /** The request is carried out all the same. */
  executed: z.boolean().default(false),
});

export const faultSchema = z.discriminatedUnion('kind', [
  /** The connection dies before anything happens. */
  z.strictObject({ kind: z.literal('drop_before') }),
  /** Executed and saved; the answer is lost. */
  z.strictObject({ kind: z.literal('drop_after') }),
  /** Executed and saved; status, headers and half the body arrive. */
  z.strictObject({ kind: z.literal('truncate_after') }),
  statusFault,
  /** A proxy answers in Stripe's place. */
  z.strictObject({
    kind: z.literal('html'),
    status: z.number().int().min(200).max(599).default(502),
    executed: z.boolean().default(false),
  }),
  /** Before: the key is in flight meanwhile. After: executed and saved, only the answer is late. */
  z.strictObject({
    kind: z.literal('delay'),
    beforeMs: milliseconds.default(0),
    afterMs: milliseconds.default(0),
  }),
  /** No answer ever, the connection stays open. */
  z.strictObject({ kind: z.literal('hang'), executed: z.boolean().default(false) }),
  /** A saved 500 now; the request is carried out when the sandbox's clock has moved this far. */
  z.strictObject({ kind: z.literal('commit_later'), afterMs: milliseconds }),
  /** Something else than what was asked for is carried out, answered and saved. */
  z.strictObject({
    kind: z.literal('altered'),
    amount: z.number().int().min(1).optional(),
    currency: z.string().optional(),
    destination: z.string().optional(),
  }),
]);

export type Fault = z.infer<typeof faultSchema>;

const matchSchema = z.strictObject({
  method: z.enum(['GET', 'POST']).optional(),
  /** Exact, or a prefix that ends in `*`. */
  path: z.string().startsWith('/').optional(),
  destination: z.string().optional(),
  transferGroup: z.string().optional(),
  idempotencyKey: z.string().optional(),
  metadata: z.record(z.string(), z.string()).optional(),
  /** Not before the n-th request that matches everything else, counted since the rule was made. */
  ordinal: z.number().int().min(1).optional(),
});

export const faultRuleSchema = z.strictObject({
  match: matchSchema.default({}),
  fault: faultSchema,
  times: z.number().int().min(1).default(1),
});

export type FaultRule = z.infer<typeof faultRuleSchema> & {
  readonly id: string;
  readonly seen: number;
};

/** What leaves the product able to heal by itself; stored 500s need a person and are asked for. */
const HEALING_FAULTS: readonly Fault[] = [
  { kind: 'drop_before' },
  { kind: 'drop_after' },
  { kind: 'truncate_after' },
  { kind: 'status', status: 429, headers: {}, saved: false, executed: false },
  { kind: 'status', status: 503, headers: {}, saved: false, executed: false },
  { kind: 'status', status: 503, headers: {}, saved: false, executed: true },
  { kind: 'html', status: 502, executed: false },
  { kind: 'html', status: 502, executed: true },
];

export const randomFaultsSchema = z.strictObject({
  rate: z.number().min(0).max(1),
  seed: z.number().int(),
  match: matchSchema.default({ method: 'POST', path: '/v1/transfers' }),
  faults: z
    .array(faultSchema)
    .min(1)
    .default([...HEALING_FAULTS]),
});

export type RandomFaults = z.infer<typeof randomFaultsSchema> & { readonly drawn: number };

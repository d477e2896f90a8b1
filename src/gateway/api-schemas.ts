import { z } from 'zod';

import type { HandedInReport, SettlementReport } from '../client/read-status';
import { APPROVALS } from '../domain/approval';
import { DEFAULT_AWARD, ID_PATTERN, TRANSFER_ID_PATTERN } from '../domain/ids';
import { JOB_STATUSES } from '../domain/job-state';
import {
  STATUS_PAGE_TRANSFERS_DEFAULT,
  STATUS_PAGE_TRANSFERS_MAX,
  WINNERS_PER_SETTLEMENT_MAX,
} from '../domain/limits';
import { REASONS, type ReasonCode } from '../domain/reasons';
import { TRANSFER_STATUSES, type TransferStatus } from '../domain/transfer-state';

/** What the API takes and answers. The OpenAPI document is made of these, and every answer is held to them. */

const id = z.string().regex(ID_PATTERN, '1 to 100 characters of A-Z a-z 0-9 _ . : -');
const count = z.int().nonnegative();
const instant = z.iso.datetime();
const transferId = z
  .string()
  .regex(TRANSFER_ID_PATTERN, 'the id of a transfer, as an answer gives it');

const problem = z.strictObject({
  place: z.string().meta({ description: 'A field such as `winners[3].amountMinor`, or a line.' }),
  found: z.string(),
  expected: z.string(),
});

const errorSchema = z
  .strictObject({
    error: z.strictObject({
      code: z
        .string()
        .meta({ description: 'For programs; a message may change, a code does not.' }),
      message: z.string(),
      requestId: z.string(),
      problems: z.array(problem).optional(),
      omittedProblems: count
        .optional()
        .meta({ description: 'How many more problems there are than are listed.' }),
    }),
  })
  .meta({ id: 'Error' });

/** As the settlement file; it is read by the same strict parser, which this only describes. */
export const settlementBodySchema = z
  .strictObject({
    settlementId: id,
    contestId: id,
    currency: z.string().regex(/^[A-Za-z]{3}$/),
    winners: z
      .array(
        z.strictObject({
          userId: id,
          amountMinor: z.int().positive().meta({ description: 'In minor units; digits only.' }),
          award: id.optional().meta({ description: `\`${DEFAULT_AWARD}\` where there is none.` }),
        }),
      )
      .min(1)
      .max(WINNERS_PER_SETTLEMENT_MAX),
    totalMinor: z
      .int()
      .positive()
      .optional()
      .meta({ description: 'Where it is given, the amounts have to add up to it.' }),
  })
  .meta({ id: 'Settlement' });

const settleReport = z.strictObject({
  settlementId: id,
  workflowId: z.string(),
  runId: z.string().nullable(),
  created: z.boolean().meta({ description: 'Whether this call recorded the settlement.' }),
  transfers: count,
  totalMinor: count,
  currency: z.string(),
});

export const settleReportSchema = settleReport.meta({ id: 'SettleReport' });

export const recordedReportSchema = settleReport
  .extend({ runId: z.null(), message: z.string() })
  .meta({ id: 'RecordedReport' });

const transferRow = z.strictObject({
  id: transferId,
  userId: id,
  award: id,
  amountMinor: count,
  amountReversedMinor: count,
  currency: z.string(),
  status: z.enum(TRANSFER_STATUSES),
  attemptCount: count,
  stripeTransferId: z.string().nullable(),
  failureClass: z.enum(['transient', 'payee', 'platform', 'request', 'unknown']).nullable(),
  failureReason: z.enum(Object.keys(REASONS) as [ReasonCode, ...ReasonCode[]]).nullable(),
  cancelRequestedAt: instant.nullable(),
});

const pause = z.strictObject({
  scope: z.string().meta({ description: 'A settlement, or `everything`.' }),
  cause: z.string(),
  owner: z.enum(['operator', 'automation']),
  actor: z.string().nullable(),
  reason: z.string().nullable(),
  setAt: instant,
});

const transferCounts = z.strictObject({
  ...(Object.fromEntries(TRANSFER_STATUSES.map((status) => [status, count])) as Record<
    TransferStatus,
    typeof count
  >),
  total: count,
});

const acceptedStatus = z.strictObject({
  settlementId: id,
  status: z.literal('accepted'),
  recordedBy: z.string().nullable(),
  job: z.strictObject({
    id: z.string(),
    status: z.enum(JOB_STATUSES),
    outcome: z.enum(['paid', 'partially_paid', 'unpaid']),
    currency: z.string(),
    counts: transferCounts,
    fundsNeededMinor: count.nullable(),
    fundsAvailableMinor: z.int().nullable(),
    approval: z.enum(APPROVALS).meta({
      description: '`required`: nothing is sent before a second person has approved it.',
    }),
    approvedBy: z.string().nullable(),
    approvedAt: instant.nullable(),
    heldUntil: instant
      .nullable()
      .meta({ description: 'Nothing is sent before; null where it is not held, or no longer.' }),
  }),
  pauses: z.array(pause),
  transfers: z.array(transferRow),
  next: transferId
    .nullable()
    .meta({ description: 'Give it as `after` for the next page; null after the last.' }),
});

/** What another system has written: whatever stands in its rows. */
const handedInStatus = z.strictObject({
  settlementId: z.string(),
  status: z.enum(['open', 'completed', 'rejected']),
  contestId: z.string(),
  currency: z.string(),
  rejectedReasons: z.array(z.string()),
  rejectedAt: instant.nullable(),
  job: z.null(),
  transfers: z.array(z.never()).max(0),
});

/** A field of the report that is missing here does not compile, instead of being refused as an answer. */
export const settlementStatusSchema = z
  .discriminatedUnion('status', [acceptedStatus, handedInStatus])
  .meta({ id: 'SettlementStatus' }) satisfies z.ZodType<SettlementReport | HandedInReport>;

/** And what the document promises and the report has not, does not compile either. */
export type SettlementStatusAnswer = ReadonlyDeep<z.input<typeof settlementStatusSchema>>;

type ReadonlyDeep<T> = { readonly [Key in keyof T]: ReadonlyDeep<T[Key]> };

export const settlementParamsSchema = z.strictObject({ id });

export const statusQuerySchema = z.strictObject({
  limit: z
    .string()
    .regex(/^\d{1,9}$/, `a whole number from 1 to ${STATUS_PAGE_TRANSFERS_MAX}`)
    .default(STATUS_PAGE_TRANSFERS_DEFAULT.toString())
    .transform(Number)
    .refine(
      (limit) => limit >= 1 && limit <= STATUS_PAGE_TRANSFERS_MAX,
      `a whole number from 1 to ${STATUS_PAGE_TRANSFERS_MAX}`,
    )
    .meta({ description: `How many transfers, 1 to ${STATUS_PAGE_TRANSFERS_MAX}.` }),
  after: transferId.optional().meta({ description: 'Only transfers after this id.' }),
});

const partState = z.strictObject({
  ok: z.boolean(),
  since: z
    .string()
    .meta({ description: 'When this gateway first saw the part like this, in UTC.' }),
  code: z.string().nullable().meta({ description: 'Why it is not there, as a code.' }),
});

export const readinessSchema = z
  .strictObject({
    ready: z.boolean(),
    parts: z.strictObject({ postgres: partState, temporal: partState, stripe: partState }),
  })
  .meta({ id: 'Readiness' });

/** Whatever Stripe sends; which parts of it are read stands in `src/stripe/webhooks.ts`. */
export const stripeEventSchema = z.looseObject({ id: z.string(), type: z.string() });

export const receivedSchema = z.strictObject({
  received: z.literal(true),
  ignored: z
    .literal('wrong_mode')
    .optional()
    .meta({ description: 'Of the other mode, test or live, than this installation: not kept.' }),
});

export const healthSchema = z.strictObject({ ok: z.literal(true) });

/** One documented answer. */
export function answer(description: string, schema: z.ZodType, mediaType = 'application/json') {
  return { description, content: { [mediaType]: { schema } } };
}

const ERRORS = {
  400: 'The request or its text is malformed; problems name place, found and expected.',
  401: 'No token, or one that is not known here.',
  404: 'Nothing of this id is recorded.',
  408: 'The request did not arrive whole in time.',
  409: 'It is recorded with other content, or another settlement pays one of its awards.',
  413: 'The body is larger than this route takes.',
  415: 'The body is not application/json, or compressed.',
  422: 'A field is wrong; nothing was recorded. Problems name place, found and expected.',
  500: 'The gateway failed; its log has the request id.',
  503: 'The database cannot be reached or is too busy; send the same request again.',
} as const;

/** The documented errors of a route, by their status. */
export function errorAnswers(...statuses: readonly (keyof typeof ERRORS)[]) {
  return Object.fromEntries(
    statuses.map((status) => [status, answer(ERRORS[status], errorSchema)]),
  );
}

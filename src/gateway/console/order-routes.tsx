import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';

import { codeOfFailure } from '../../activities/failure-code';
import { noteRefusals } from '../../client/refusals';
import { operatorReason, REASON_EXPECTED, REASON_REFUSED } from '../../domain/operator-reason';
import { sessionOf, type ConsoleContext } from './console-context';
import { leaveMessage } from './message';
import { refused, type ConsoleOrder, type GivenOrder } from './orders/console-order';
import type { OrderResult } from './orders/order-run';
import type { OrderUnderWay } from './orders/orders-under-way';
import {
  OrderConfirmation,
  OrderForm,
  OrderNote,
  OrderRefusal,
  Orders,
  type OrderPage,
} from './pages/order-pages';
import { readForm } from './read-form';
import type { Section } from './pages/layout';

/** What orders are about, and where their pages are. */
export interface OrderPlace<Params, Target> {
  /** The path of the page that they are about, below the console's root. */
  readonly route: string;
  readonly params: z.ZodType<Params>;
  readonly section: Section;
  readonly read: (context: ConsoleContext, params: Params) => Promise<Target>;
  readonly pathOf: (target: Target) => string;
  /**
   * Whether its orders make others about the same winners wait for their end, only wait themselves, or do neither, as
   * pauses: of two that contradict each other the later one would be answered before the earlier one reaches the winner.
   */
  readonly turn: 'takes' | 'waits' | 'free';
}

interface Filled {
  readonly reason: string;
  readonly value: string;
}

const FORM = { reason: z.string(), value: z.string().trim().default('') };

/** Asks why, shows what would happen, and does it: three steps, of which only the last changes anything. */
export function orderRoutes<Params, Target>(
  app: FastifyInstance,
  context: ConsoleContext,
  place: OrderPlace<Params, Target>,
  order: ConsoleOrder<Target>,
): void {
  const path = `${place.route}/${order.name}`;
  const options = { schema: { hide: true, params: place.params } };
  const find = (request: FastifyRequest) => place.read(context, request.params as Params);
  app.get(path, options, async (request, reply) =>
    askWhy(context, request, reply, { place, order, target: await find(request) }),
  );
  app.post(path, options, async (request, reply) =>
    askToConfirm(context, request, reply, { place, order, target: await find(request) }),
  );
  app.post(`${path}/confirm`, options, async (request, reply) =>
    carryOut(context, request, reply, { place, order, target: await find(request) }),
  );
}

interface Asked<Params, Target> {
  readonly place: OrderPlace<Params, Target>;
  readonly order: ConsoleOrder<Target>;
  readonly target: Target;
}

function pageOf<Params, Target>(
  { formToken }: ConsoleContext,
  request: FastifyRequest,
  reply: FastifyReply,
  { order, place, target }: Asked<Params, Target>,
): OrderPage {
  const backTo = place.pathOf(target);
  return {
    title: order.title,
    about: order.about,
    field: order.field,
    path: `${backTo}/${order.name}`,
    backTo,
    formToken: formToken(request, reply),
  };
}

async function askWhy<Params, Target>(
  context: ConsoleContext,
  request: FastifyRequest,
  reply: FastifyReply,
  asked: Asked<Params, Target> & {
    readonly filled?: Filled;
    readonly problem?: string;
  },
): Promise<FastifyReply> {
  const { filled, order, place, problem, target } = asked;
  const operator = { actor: sessionOf(request).name, reason: '' };
  const { facts } = await order.preview(context, target, { operator, value: '' });
  const status = problem === undefined ? 200 : 400;
  const page = pageOf(context, request, reply, asked);
  return context.send(
    request,
    reply,
    { title: order.title, section: place.section, status },
    <OrderForm page={page} facts={facts} problem={problem} {...(filled && { filled })} />,
  );
}

/** The same form with what is wrong; a reason that is none is counted as a refused order. */
async function askAgain<Params, Target>(
  context: ConsoleContext,
  request: FastifyRequest,
  reply: FastifyReply,
  asked: Asked<Params, Target> & { readonly filled: Filled; readonly problem: string },
): Promise<FastifyReply> {
  if (operatorReason(asked.filled.reason) === undefined) {
    await noteRefusals(context.database, [REASON_REFUSED]);
  }
  return askWhy(context, request, reply, asked);
}

async function askToConfirm<Params, Target>(
  context: ConsoleContext,
  request: FastifyRequest,
  reply: FastifyReply,
  asked: Asked<Params, Target>,
): Promise<FastifyReply> {
  const { order, place, target } = asked;
  const filled = readForm(request, FORM);
  const given = givenIn(order, filled, request);
  if ('problem' in given) {
    return askAgain(context, request, reply, { ...asked, ...given, filled });
  }
  const preview = await order.preview(context, target, given);
  const page = pageOf(context, request, reply, asked);
  const { actor, reason } = given.operator;
  return context.send(
    request,
    reply,
    { title: `${order.title}: confirm`, section: place.section },
    <OrderConfirmation
      page={page}
      actor={actor}
      given={{ reason, value: given.value }}
      preview={preview}
    />,
  );
}

/** The order as it was filled in, or what is wrong with it. */
function givenIn<Target>(
  { field }: ConsoleOrder<Target>,
  filled: Filled,
  request: FastifyRequest,
): Pick<GivenOrder, 'operator' | 'value'> | { readonly problem: string } {
  const reason = operatorReason(filled.reason);
  if (reason === undefined) {
    return { problem: `The reason has to be ${REASON_EXPECTED}.` };
  }
  const result = field?.schema.safeParse(filled.value);
  if (field !== undefined && result?.success === false) {
    const expected = result.error.issues[0]?.message ?? 'another value';
    return { problem: `${field.label}: expected ${expected}.` };
  }
  return { operator: { actor: sessionOf(request).name, reason }, value: filled.value };
}

async function carryOut<Params, Target>(
  context: ConsoleContext,
  request: FastifyRequest,
  reply: FastifyReply,
  asked: Asked<Params, Target>,
): Promise<FastifyReply> {
  const { order, place, target } = asked;
  const { seen, ...filled } = readForm(request, { ...FORM, seen: z.string() });
  const given = givenIn(order, filled, request);
  if ('problem' in given) {
    return askAgain(context, request, reply, { ...asked, ...given, filled });
  }
  const { actor } = given.operator;
  const backTo = place.pathOf(target);
  const before = place.turn === 'free' ? undefined : context.underWay.takenBy(backTo);
  if (before !== undefined) {
    return refuse(request, reply, { context, asked, result: waitFor(before) });
  }
  const { log } = request;
  const note = (result: string, dealtWith?: number) =>
    log.info({ actor, order: order.name, result, dealtWith }, 'an order of the console');
  const result = await context.underWay.carryOut(
    { place: backTo, title: order.title, actor, takesTurn: place.turn === 'takes' },
    (run) => order.carryOut(context, target, { ...given, ...run, seen, log }),
    (end, dealtWith) => {
      const result =
        end.status === 'fulfilled' ? end.value.is : `failed: ${codeOfFailure(end.reason)}`;
      note(result, dealtWith);
    },
  );
  note(result?.is ?? 'goes on');
  if (result === undefined) {
    return reply.redirect(backTo, 303);
  }
  if (result.is === 'done') {
    leaveMessage(context.sessions, request, reply, result.message);
    return reply.redirect(backTo, 303);
  }
  return refuse(request, reply, { context, asked, result });
}

function waitFor({ actor, title }: OrderUnderWay) {
  return refused(
    'order_under_way',
    `“${title}”, ordered by ${actor}, is under way for winners of this settlement; give this order when it has ended`,
  );
}

/** The page that says what was not done. */
function refuse<Params, Target>(
  request: FastifyRequest,
  reply: FastifyReply,
  {
    asked: { order, place, target },
    context,
    result,
  }: {
    readonly context: ConsoleContext;
    readonly asked: Asked<Params, Target>;
    readonly result: Exclude<OrderResult, { readonly is: 'done' }>;
  },
): FastifyReply {
  const status = result.is === 'refused' ? 409 : 200;
  return context.send(
    request,
    reply,
    { title: `${order.title}: ${result.is}`, section: place.section, status },
    <OrderRefusal title={order.title} backTo={place.pathOf(target)} result={result} />,
  );
}

/** How the newest order about this page stands that went on without it. */
export function noteUnderWay({ underWay }: ConsoleContext, path: string) {
  const order = underWay.of(path);
  return order === undefined ? null : <OrderNote order={order} />;
}

/** Links to those orders of a page that may be given now. */
export function offered<Target>(
  orders: readonly ConsoleOrder<Target>[],
  target: Target,
  path: string,
) {
  const links = orders
    .filter(({ isOffered }) => isOffered(target))
    .map(({ name, title }) => ({ title, path: `${path}/${name}` }));
  return <Orders orders={links} />;
}

import type { FastifyRequest } from 'fastify';
import type { ComponentChildren } from 'preact';
import type { z } from 'zod';

import type { Operator } from '../../../domain/operator-reason';
import type { ConsoleContext } from '../console-context';
import type { OrderResult, OrderRun } from './order-run';

/** What an order asks beside its reason. */
export interface OrderField {
  readonly label: string;
  readonly hint: string;
  /** Whether it has to be filled in. */
  readonly isNeeded: boolean;
  /** Of the text, without spaces around it. */
  readonly schema: z.ZodType<string>;
}

/** What an order would do, as it stood when the page was made. */
export interface OrderPreview {
  /** To whom, how many, how much. */
  readonly facts: readonly (readonly [string, ComponentChildren])[];
  /** What is compared when it is carried out: the order is for this and nothing else. */
  readonly seen: string;
}

export interface GivenOrder extends OrderRun {
  readonly operator: Operator;
  /** What was filled in beside the reason; empty where nothing was. */
  readonly value: string;
  readonly seen: string;
  readonly log: FastifyRequest['log'];
}

/** One order of an operator: what its pages say, and what it does. */
export interface ConsoleOrder<Target> {
  /** The last step of its path, and the word that `operator_actions` or a command has for it. */
  readonly name: string;
  readonly title: string;
  /** What it does and what it does not, in one or two sentences. */
  readonly about: string;
  readonly field?: OrderField;
  /** Whether pages offer it; one that is given all the same is refused by what carries it out. */
  readonly isOffered: (target: Target) => boolean;
  readonly preview: (
    context: ConsoleContext,
    target: Target,
    given: Pick<GivenOrder, 'value' | 'operator'>,
  ) => Promise<OrderPreview>;
  readonly carryOut: (
    context: ConsoleContext,
    target: Target,
    given: GivenOrder,
  ) => Promise<OrderResult>;
}

export function done(message: string): OrderResult {
  return { is: 'done', message };
}

export function refused(
  code: string,
  text: string,
): Extract<OrderResult, { readonly is: 'refused' }> {
  return { is: 'refused', code, text };
}

/** The answer to an order for what is no longer there. */
export const MOVED_SINCE = refused(
  'moved_since',
  'it has moved since you looked at it; look again, and give the order anew if you still want it',
);

import type { FastifyReply, FastifyRequest } from 'fastify';
import type Stripe from 'stripe';
import type { ComponentChildren } from 'preact';

import type { ExplanationTerms } from '../../client/explain';
import type { TemporalClient } from '../../client/temporal-client';
import type { GatewayToken } from '../../config/setting-rules';
import type { Database } from '../../db/database';
import type { Installation } from '../../db/installation';
import type { AuthFailure } from '../authenticate';
import type { OrdersUnderWay } from './orders/orders-under-way';
import type { Section } from './pages/layout';
import type { TemporalUi } from './pages/workflow-link';
import type { Session, Sessions } from './session';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who is logged in to the console; null for nobody, and on every route outside of it. */
    session: Session | null;
    /** The token of the forms of its page, once one is made. */
    formToken: string | null;
  }
  interface FastifyContextConfig {
    /** A page of the console that needs no login. */
    isPublic?: boolean;
  }
}

/** What the console reads, and what it carries orders out with. */
export interface ConsoleDependencies extends ExplanationTerms {
  readonly database: Database;
  readonly temporal: Pick<TemporalClient, 'client' | 'connection' | 'namespace'>;
  /** Asked what Stripe knows of a payment that is resolved. */
  readonly stripe: Stripe;
  readonly platform: Installation;
  readonly maxAttempts: number;
  readonly tokens: readonly GatewayToken[];
  /** Where the Temporal Web UI is; undefined where nobody said. */
  readonly temporalUiUrl?: string | undefined;
  readonly countAuthFailure: (failure: AuthFailure) => void;
  /** How long a page waits for its order. */
  readonly orderAnswerMs: number;
}

export interface Page {
  readonly title: string;
  readonly section: Section | null;
  readonly status?: number;
  /** Whether it may be asked to reload itself. */
  readonly isLive?: boolean;
}

/** What the routes of the console share. */
export interface ConsoleContext extends ConsoleDependencies {
  readonly sessions: Sessions;
  readonly underWay: OrdersUnderWay;
  readonly send: (
    request: FastifyRequest,
    reply: FastifyReply,
    page: Page,
    content: ComponentChildren,
  ) => FastifyReply;
  /** The token that makes a form one of this login. */
  readonly formToken: (request: FastifyRequest, reply: FastifyReply) => string;
}

/** Who is logged in, on routes that only a login reaches. */
export function sessionOf({ session }: Pick<FastifyRequest, 'session'>): Session {
  if (session === null) {
    throw new Error('a page of the console was reached without a login');
  }
  return session;
}

export function uiOf({ temporal, temporalUiUrl: url }: ConsoleDependencies): TemporalUi {
  return { namespace: temporal.namespace, url };
}

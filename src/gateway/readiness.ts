import { sql } from 'drizzle-orm';
import type Stripe from 'stripe';

import { codeOfFailure } from '../activities/failure-code';
import type { TemporalClient } from '../client/temporal-client';
import type { Database } from '../db/database';
import { READINESS_DEADLINE_MS, READINESS_VALID_MS } from '../domain/limits';
import { availableBalances } from '../stripe/balance-and-account';
import { StripeRefusedError } from '../stripe/read-failures';

export interface PartState {
  readonly ok: boolean;
  /** When this process first saw the part like this. */
  readonly since: string;
  /** Why it is not there, as a code. */
  readonly code: string | null;
}

const PARTS = ['postgres', 'temporal', 'stripe'] as const;
type Part = (typeof PARTS)[number];

export interface Readiness {
  readonly ready: boolean;
  readonly parts: Readonly<Record<Part, PartState>>;
}

export interface ReadinessDependencies {
  readonly database: Database;
  readonly temporal: Pick<TemporalClient, 'client' | 'connection' | 'namespace'>;
  /** Its calls have to end within READINESS_DEADLINE_MS. */
  readonly stripe: Stripe;
}

/**
 * Asks each part whether it is there, all at once, each within READINESS_DEADLINE_MS. Callers within READINESS_VALID_MS
 * share one answer, so that nobody can make the gateway hammer on Stripe. Never throws.
 */
export function createReadiness(dependencies: ReadinessDependencies): () => Promise<Readiness> {
  const asks = asksOf(dependencies);
  const last = new Map<Part, PartState>();
  const look = async (): Promise<Readiness> => {
    const states = await Promise.all(
      PARTS.map(async (part) => {
        const code = await codeOf(asks[part]);
        const before = last.get(part);
        const state: PartState =
          before?.code === code
            ? before
            : { ok: code === null, since: new Date().toISOString(), code };
        last.set(part, state);
        return [part, state] as const;
      }),
    );
    return {
      ready: states.every(([, { ok }]) => ok),
      parts: Object.fromEntries(states) as Record<Part, PartState>,
    };
  };
  let shared: { readonly answer: Promise<Readiness>; validUntil: number } | undefined;
  return () => {
    if (shared === undefined || performance.now() > shared.validUntil) {
      const looking = { answer: look(), validUntil: Infinity };
      void looking.answer.then(() => {
        looking.validUntil = performance.now() + READINESS_VALID_MS;
      });
      shared = looking;
    }
    return shared.answer;
  };
}

function asksOf({
  database,
  temporal,
  stripe,
}: ReadinessDependencies): Readonly<Record<Part, () => Promise<unknown>>> {
  const { client, connection, namespace } = temporal;
  return {
    postgres: () => database.execute(sql`select from installation`),
    temporal: () =>
      connection.withDeadline(Date.now() + READINESS_DEADLINE_MS, () =>
        client.workflowService.describeNamespace({ namespace }),
      ),
    stripe: () => availableBalances(stripe),
  };
}

/** @returns null when the part answers in time */
async function codeOf(ask: () => Promise<unknown>): Promise<string | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('no_answer'), READINESS_DEADLINE_MS);
  });
  try {
    return await Promise.race([ask().then(() => null, stateCode), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Stripe that refuses the key is there and of no use; whatever else fails is away. */
function stateCode(error: unknown): string {
  return error instanceof StripeRefusedError ? codeOfFailure(error) : 'unreachable';
}

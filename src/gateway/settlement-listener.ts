import { setTimeout as delay } from 'node:timers/promises';

import { Client } from 'pg';

import { codeOfFailure } from '../activities/failure-code';
import type { Logger } from '../config/log';
import { doubledMs } from '../domain/doubling';
import {
  CONNECT_TIMEOUT_MS,
  LISTENER_ANSWER_MS,
  LISTENER_CHECK_MS,
  LISTENER_RETRY_WAITS,
} from '../domain/limits';

/** What the trigger `settlements_completed` tells when the transaction that says `completed` commits. */
const CHANNEL = 'payout_settlement_completed';

export interface SettlementListenerOptions {
  readonly databaseUrl: string;
  readonly log: Logger;
  /**
   * Takes the settlements that are `completed`, a bounded number of them; see `acceptAndStart`. Called once at a time.
   * When it throws it is called again after a while.
   * @returns whether there may be more
   */
  readonly accept: () => Promise<boolean>;
}

export interface SettlementListener {
  /** Stops listening, and waits for the work in hand. */
  close(): Promise<void>;
}

/**
 * Takes settlements as soon as another system's transaction commits that says `completed`.
 *
 * A notification only says "look": nothing in it has to survive, and whatever was told while nobody listened is found
 * by the look that follows each connection. Any number of processes may listen.
 */
export function listenForSettlements(options: SettlementListenerOptions): SettlementListener {
  const stop = new AbortController();
  const looks = new Looks(options, stop.signal);
  const listening = keepListening(options, stop.signal, () => {
    looks.ask();
  });
  return {
    close: async () => {
      stop.abort();
      await listening;
      await looks.inHand;
    },
  };
}

/** One look at a time, and one more after it when anybody asked meanwhile. */
class Looks {
  inHand: Promise<void> | undefined;
  private isAsked = false;

  constructor(
    private readonly options: SettlementListenerOptions,
    private readonly signal: AbortSignal,
  ) {}

  ask(): void {
    this.isAsked = true;
    this.inHand ??= this.lookWhileAsked();
  }

  private async lookWhileAsked(): Promise<void> {
    let failures = 0;
    while (this.isAsked && !this.signal.aborted) {
      this.isAsked = false;
      try {
        this.isAsked = (await this.options.accept()) || this.isAsked;
        failures = 0;
      } catch (error) {
        this.isAsked = true;
        failures += 1;
        this.options.log.error(
          { code: codeOfFailure(error) },
          'completed settlements were not all taken; they are kept, and taken again',
        );
        await waitToRetry(failures, this.signal);
      }
    }
    this.inHand = undefined;
  }
}

async function keepListening(
  { databaseUrl, log }: SettlementListenerOptions,
  signal: AbortSignal,
  look: () => void,
): Promise<void> {
  let failures = 0;
  const isStopped = () => signal.aborted;
  while (!isStopped()) {
    try {
      await listenUntilLost(databaseUrl, signal, {
        onListening: () => {
          failures = 0;
          // What was told while nobody listened was told to nobody.
          look();
        },
        onNotification: look,
      });
    } catch (error) {
      if (!isStopped()) {
        failures += 1;
        const fields = { code: codeOfFailure(error), failures };
        log.warn(fields, 'not listening for settlements; it connects again');
        await waitToRetry(failures, signal);
      }
    }
  }
}

/** Holds one connection. It ends by an error: that of the connection, or that of the signal. */
async function listenUntilLost(
  connectionString: string,
  signal: AbortSignal,
  on: { readonly onListening: () => void; readonly onNotification: () => void },
): Promise<never> {
  const client = new Client({
    connectionString,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: LISTENER_ANSWER_MS,
    keepAlive: true,
    application_name: 'temporal-stripe-payouts listener',
  });
  const lost = new Promise<never>((_resolve, reject) => {
    client.on('error', reject);
    client.on('end', () => {
      reject(new Error('Connection terminated'));
    });
  });
  // Also when nobody is waiting for it in that moment.
  lost.catch(() => undefined);
  try {
    await client.connect();
    client.on('notification', on.onNotification);
    await client.query(`listen ${CHANNEL}`);
    on.onListening();
    for (;;) {
      await Promise.race([lost, delay(LISTENER_CHECK_MS, undefined, { signal })]);
      await client.query('select 1');
    }
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function waitToRetry(failures: number, signal: AbortSignal): Promise<void> {
  const waitMs = doubledMs(failures - 1, LISTENER_RETRY_WAITS);
  await delay(waitMs, undefined, { signal }).catch(() => undefined);
}

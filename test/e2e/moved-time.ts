/**
 * Goal: an end-to-end run meets rules of minutes, hours and days without waiting for them.
 * Method: Postgres's clock and the sandbox's are moved together as soon as nothing moves any more, and every open
 * workflow is told to look, because Temporal's own timers stay where they are. The sweep runs as its schedule would.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';

import { runPayoutScheduler, SweepNotDoneError } from '../../src/client/sweep';
import { movePayoutClock } from '../support/clock';
import type { Bed } from './bed';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/**
 * Past the questions about a payee, past the two looks that prove something, and past the life of a key. While somebody
 * waits for Stripe's list only the first is taken, again and again.
 */
const STEPS_MS = [11 * MINUTE_MS, HOUR_MS, 25 * HOUR_MS, 11 * MINUTE_MS];

/** Longer than one call to Stripe may take: whose call is older without an answer is dead. */
const CALL_LIMIT = `interval '25 seconds'`;

const LOOK_MS = 200;
/** So many equal looks, one after the other, mean that nothing moves. */
const STILL_LOOKS = 8;
const SIGNALS_AT_ONCE = 20;

export class MovedTime {
  private readonly beganAt = Date.now();
  private movedMs = 0;
  private step = 0;

  constructor(
    private readonly bed: Bed,
    private readonly temporal: Client,
    /** What a person does whenever nothing moves any more. */
    private readonly attend: () => Promise<void>,
  ) {}

  /** Waits until something is so, and moves time on whenever nothing moves. */
  async until(what: string, isSo: () => Promise<boolean>, limitMs: number): Promise<void> {
    const deadline = Date.now() + limitMs;
    let before = '';
    let equalLooks = 0;
    this.log(`waiting until ${what}`);
    while (!(await isSo())) {
      if (Date.now() > deadline) {
        throw new Error(`${what}: not within ${limitMs} ms; ${await this.picture()}`);
      }
      const now = await this.picture();
      equalLooks = now === before ? equalLooks + 1 : 0;
      before = now;
      if (equalLooks >= STILL_LOOKS) {
        equalLooks = 0;
        this.log(now);
        await this.moveOn();
      } else {
        await delay(LOOK_MS);
      }
    }
  }

  /** With CHAOS_LOG set the run tells how it goes. */
  private log(line: string): void {
    if (process.env['CHAOS_LOG'] !== undefined) {
      const seconds = Math.round((Date.now() - this.beganAt) / 1_000);
      process.stderr.write(
        `${seconds} s, ${Math.round(this.movedMs / HOUR_MS)} h moved: ${line}\n`,
      );
    }
  }

  private async picture(): Promise<string> {
    const [row] = await this.bed.rows<{ picture: string }>(
      `select concat_ws(' ',
         (select string_agg(concat_ws(':', state, n), ' ' order by state) from (
            select concat_ws('/', status, failure_reason) as state, count(*) as n
            from payout_transfers group by 1) as states),
         (select sum(attempt_count) from payout_transfers),
         (select count(answered_at) from payout_attempts),
         (select count(*) from payout_controls where lifted_at is null)) as picture`,
    );
    return row?.picture ?? '';
  }

  private async moveOn(): Promise<void> {
    await this.attend();
    if (await this.isListAwaited()) {
      this.step = 0;
    }
    const byMs = STEPS_MS[this.step % STEPS_MS.length] ?? 0;
    if (await this.moveClocks(byMs)) {
      this.step += 1;
    }
    await this.wakeEverybody();
    await this.sweep();
  }

  /**
   * Whether a job has Stripe's list still to read. A reading lasts for seconds here, twenty of them where a call hangs, and
   * is worth nothing when it ends twelve hours old: a day that goes by meanwhile makes the next one begin, and so on.
   */
  private async isListAwaited(): Promise<boolean> {
    return (
      (await this.bed.count(
        'payout_jobs',
        `stripe_list_wanted_at is not null and status <> 'complete'`,
      )) > 0
    );
  }

  /**
   * Moves both clocks while no call to Stripe is on its way and none can begin. A call between its gate and its socket
   * would otherwise reach Stripe a day later than the gate has allowed, which no clock does.
   * @returns whether they were moved
   */
  private async moveClocks(byMs: number): Promise<boolean> {
    return this.bed.inTransaction(async (client) => {
      await client.query('lock table payout_attempts in exclusive mode');
      const { rowCount } = await client.query(
        `select from payout_attempts where answered_at is null and sent_at > payout_now() - ${CALL_LIMIT}`,
      );
      if (rowCount !== 0) {
        return false;
      }
      this.movedMs += byMs;
      const rows = async (statement: string) => (await client.query(statement)).rows as never[];
      await movePayoutClock({ rows }, { ms: this.movedMs });
      await this.bed.control('clock', { advanceMs: byMs });
      return true;
    });
  }

  /** One that finds no worker goes on when there is one again. */
  private async sweep(): Promise<void> {
    await runPayoutScheduler(this.temporal).catch((error: unknown) => {
      if (!(error instanceof SweepNotDoneError)) {
        throw error;
      }
      this.log(error.message);
    });
  }

  private async wakeEverybody(): Promise<void> {
    const workflows = await this.bed.rows<{ id: string }>(
      `select 'payout-job/' || settlement_id as id from payout_jobs where status <> 'complete'
       union all
       select 'transfer/' || id from payout_transfers
       where status in ('pending', 'blocked', 'retryable', 'unknown')`,
    );
    const signal = async ({ id }: { id: string }) => {
      // A workflow that does not run is not waited for here: whoever needs it starts it.
      await this.temporal.workflow
        .getHandle(id)
        .signal('changed')
        .catch((error: unknown) => {
          if (!(error instanceof Error && error.name === 'WorkflowNotFoundError')) {
            throw error;
          }
        });
    };
    for (let start = 0; start < workflows.length; start += SIGNALS_AT_ONCE) {
      await Promise.all(workflows.slice(start, start + SIGNALS_AT_ONCE).map(signal));
    }
  }
}

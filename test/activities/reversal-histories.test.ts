/**
 * Goal: in whatever order answers, deaths, doubled orders, Dashboard reversals and hours come, what came back at Stripe is
 * what the ledger has, and what our orders brought back is never more than was ordered.
 * Method: seeded random histories against the real Postgres and the sandbox; then calm, then every order to its end.
 */
import { beginReversal, type BegunReversal } from '../../src/db/payout-reversal-attempts';
import type { PayoutReversal } from '../../src/db/payout-reversals';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import { isReversalEnded } from '../../src/domain/reversal-state';
import { retrieveTransfer } from '../../src/stripe/retrieve-transfer';
import { listReversals } from '../../src/stripe/list-reversals';
import { sendReversal } from '../../src/stripe/reversals';
import { bookReversals } from '../../src/activities/book-reversals';
import { findBookedReversals, findBookedTransfer } from '../../src/db/ledger';
import { brokenInvariants } from '../support/invariants';
import { bedOfFile } from './bed-of-file';
import { drawsOf, FAULTS_OF_ANY_POST, type Fault } from './random-draws';
import { givenPaid, reversalBed, type ReversalBed } from './reversal-bed';

const SEEDS = Number(process.env['RANDOM_HISTORIES'] ?? 15);
const EVENTS = 25;
const PAID_MINOR = 1_000;

const bed = bedOfFile();
let reversals: ReversalBed;

beforeAll(() => {
  reversals = reversalBed(bed);
});

const FAULTS: readonly Fault[] = [
  ...FAULTS_OF_ANY_POST,
  { kind: 'commit_later', afterMs: 3_600_000 },
];

/** One payment with whatever is done to it. */
class History {
  readonly log: string[] = [];
  readonly orders: PayoutReversal[] = [];
  private runs = 1;
  private hours = 0;
  private frozen: BegunReversal | undefined;

  constructor(
    readonly transfer: PayoutTransfer,
    private readonly draw: (below: number) => number,
  ) {}

  async happen(): Promise<void> {
    const events: readonly (() => void | Promise<void>)[] = [
      () => this.order(),
      () => this.order(),
      () => this.step(),
      () => this.step(),
      () => this.step(),
      () => this.fault(),
      () => this.fault(),
      () => this.die(),
      () => this.freeze(),
      () => this.thaw(),
      () => this.tell(),
      () => this.dashboard(),
      () => this.pass(),
    ];
    await events[this.draw(events.length)]!();
  }

  private get open(): PayoutReversal | undefined {
    return this.orders.at(-1);
  }

  private runId(): string {
    return `run-${this.runs.toString()}`;
  }

  /** Twice at once, as a double click. */
  private async order(): Promise<void> {
    const amountMinor = 1 + this.draw(400);
    const order = { transferId: this.transfer.id, amountMinor };
    const answers = await Promise.all([reversals.order(order), reversals.order(order)]);
    const taken = answers.flatMap((answer) => (answer.is === 'ordered' ? [answer.reversal] : []));
    this.log.push(`order ${amountMinor.toString()}: ${answers.map(({ is }) => is).join(', ')}`);
    expect(taken.length).toBeLessThanOrEqual(1);
    this.orders.push(...taken);
  }

  private async step(): Promise<void> {
    if (this.open !== undefined) {
      const { failureReason, status } = await reversals.step(this.open, this.runId());
      this.log.push(`step: ${status} ${failureReason ?? ''}`);
    }
  }

  private async fault(): Promise<void> {
    const fault = FAULTS[this.draw(FAULTS.length)]!;
    this.log.push(`fault ${JSON.stringify(fault)}`);
    await reversals.fault(fault);
  }

  /** Another run takes over. */
  private die(): void {
    this.runs += 1;
    this.log.push('another run');
  }

  /** A process stops between the gate and the socket. */
  private async freeze(): Promise<void> {
    if (this.open === undefined || this.frozen !== undefined) {
      return;
    }
    const claim = { reversalId: this.open.id, runId: this.runId() };
    await reversals.claim(this.open, claim.runId);
    this.frozen = await beginReversal(bed.database, claim, bed.platform);
    this.log.push(`frozen: ${String(this.frozen !== undefined)}`);
  }

  /** It goes on within the hour that the rule of 23 hours leaves it. */
  private async thaw(): Promise<void> {
    if (this.frozen !== undefined) {
      await sendReversal(bed.dependencies.stripe, this.frozen);
      this.frozen = undefined;
      this.log.push('thawed');
    }
  }

  /** What a webhook leads to. */
  async tell(): Promise<void> {
    const { database, stripe } = bed.dependencies;
    const booked = (await findBookedTransfer(database, this.transfer.stripeTransferId!))!;
    const before = await findBookedReversals(database, booked);
    const found = (await retrieveTransfer(stripe, booked.stripeTransferId))!;
    this.log.push(`told: ${await bookReversals(bed.dependencies, booked, found, before)}`);
  }

  private async dashboard(): Promise<void> {
    if (this.draw(4) === 0) {
      await bed.dependencies.stripe.transfers
        .createReversal(this.transfer.stripeTransferId!, { amount: 7 })
        .catch(() => undefined);
      this.log.push('7 in the Dashboard');
    }
  }

  async pass(hours = this.draw(14)): Promise<void> {
    await this.thaw();
    this.hours += hours;
    await bed.moveClocks({ hours: this.hours });
    this.log.push(`${this.hours.toString()} h`);
  }

  /** No more faults; a day and a look, again and again, until every order is at its end. */
  async end(): Promise<void> {
    await bed.endFaults();
    for (let days = 0; days < 4; days += 1) {
      await this.pass(25);
      for (const order of this.orders) {
        await reversals.drive(order, 'run-last');
      }
    }
    await this.tell();
  }
}

test.each(Array.from({ length: SEEDS }, (_, seed) => seed + 1))('history %i', async (seed) => {
  const history = new History(await givenPaid(bed, PAID_MINOR), drawsOf(seed));
  try {
    for (let events = 0; events < EVENTS; events += 1) {
      await history.happen();
    }
    await history.end();
    const { stripeTransferId } = history.transfer;
    const listed = await listReversals(bed.dependencies.stripe, stripeTransferId!);
    const atStripe = await reversals.reversedAtStripe(history.transfer);
    const inLedger = await reversals.postingsOf(history.transfer);
    expect(inLedger.reduce((sum, amount) => sum + amount, 0)).toBe(atStripe);
    expect((await bed.rowOf(history.transfer)).amountReversedMinor).toBe(atStripe);
    for (const order of history.orders) {
      const row = await reversals.rowOf(order);
      const made = listed.filter(({ payoutReversalId }) => payoutReversalId === order.id);
      expect(isReversalEnded(row.status)).toBe(true);
      expect(made.map(({ amountMinor }) => amountMinor)).toEqual(
        row.status === 'completed' ? [order.amountMinor] : [],
      );
    }
    expect(await brokenInvariants(bed, history.transfer.settlementId)).toEqual([]);
  } catch (error) {
    throw new Error(`seed ${seed.toString()}:\n${history.log.join('\n')}`, { cause: error });
  }
});

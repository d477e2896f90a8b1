/**
 * Goal: whatever happens in whatever order, Stripe pays a debt at most once and the books agree with Stripe.
 * Method: seeded random histories of faults, deaths, second runs, pauses, new accounts and hours; then calm, then the end.
 */
import { lookAtPauses } from '../../src/activities/look-at-pauses';
import { replaceUserStripeAccount } from '../../src/db/user-stripe-accounts';
import { beginSend, type BegunSend } from '../../src/db/payout-attempts';
import type { PayoutTransfer } from '../../src/db/payout-transfers';
import type { TransferClaim } from '../../src/domain/contracts';
import { sendTransfer } from '../../src/stripe/transfers';
import { givenTransfer, newAccountId } from '../support/builders';
import { brokenInvariants } from '../support/invariants';
import { bedOfFile } from './bed-of-file';
import { drawsOf, FAULTS_OF_ANY_POST, type Fault } from './random-draws';

/** So many are enough for everything to happen in one of them. */
const SEEDS_FOR_ALL = 20;
const SEEDS = Number(process.env['RANDOM_HISTORIES'] ?? SEEDS_FOR_ALL);
const EVENTS = 30;
const DAYS_TO_THE_END = 8;

const bed = bedOfFile();

const FAULTS: readonly Fault[] = [
  ...FAULTS_OF_ANY_POST,
  { kind: 'html', executed: false },
  { kind: 'status', status: 403 },
  { kind: 'status', status: 400, code: 'insufficient_capabilities_for_transfer', saved: true },
];

/** How a process dies that has claimed. */
const DEATHS = [
  'dies before the gate',
  'dies between the gate and the POST',
  'dies after the POST',
  'dies before the record',
] as const;

const HAPPENINGS = [
  ...DEATHS,
  'a run looks',
  'a fault waits',
  'freezes',
  'thaws',
  'records an old claim',
  'hours pass',
  'paused',
  'resumed',
  'new account',
] as const;

/** What took place in some history or other: what none of them tries proves nothing. */
const happened = new Set<(typeof HAPPENINGS)[number]>();

/** One debt with the world around it. */
class History {
  readonly log: string[] = [];
  private readonly claims: TransferClaim[] = [];
  private frozen: BegunSend[] = [];
  private hours = 0;

  constructor(
    private readonly transfer: PayoutTransfer,
    private readonly draw: (below: number) => number,
  ) {}

  async happen(): Promise<void> {
    const events = [
      () => this.look(),
      () => this.fault(),
      () => this.fault(),
      () => this.fault(),
      () => this.die(),
      () => this.die(),
      () => this.freeze(),
      () => this.freeze(),
      () => this.thaw(),
      () => this.thaw(),
      () => this.thaw(),
      () => this.recordOldClaim(),
      () => this.pass(),
      () => this.pass(),
      () => this.pause(),
      () => this.resume(),
      () => this.replaceAccount(),
    ];
    await events[this.draw(events.length)]!();
    this.log.push((await bed.rowOf(this.transfer)).status);
  }

  private note(what: (typeof HAPPENINGS)[number], details = ''): void {
    happened.add(what);
    this.log.push(`${what} ${details}`);
  }

  /** What a run does, from the first look to the record. */
  async look(runId = `run-${this.draw(2).toString()}`): Promise<void> {
    this.note('a run looks', runId);
    const answer = await bed.claim(this.transfer, runId);
    if (answer.next === 'reconcile') {
      await bed.reconcile(this.transfer, runId);
    } else if (answer.next === 'send') {
      this.claims.push(answer.claim);
      await bed.send(answer.claim);
      await bed.record(answer.claim);
    }
  }

  private async fault(): Promise<void> {
    const fault = FAULTS[this.draw(FAULTS.length)]!;
    this.note('a fault waits', JSON.stringify(fault));
    await bed.fault(fault);
    await this.look();
  }

  private async claimOrNothing(): Promise<TransferClaim | undefined> {
    const answer = await bed.claim(this.transfer, `run-${this.draw(2).toString()}`);
    if (answer.next !== 'send') {
      return undefined;
    }
    this.claims.push(answer.claim);
    return answer.claim;
  }

  private async die(): Promise<void> {
    const claim = await this.claimOrNothing();
    if (claim === undefined) {
      return;
    }
    const death = DEATHS[this.draw(DEATHS.length)]!;
    this.note(death);
    if (death === 'dies between the gate and the POST') {
      await this.begin(claim);
    } else if (death === 'dies after the POST') {
      const begun = await this.begin(claim);
      await (begun && sendTransfer(bed.dependencies.stripe, begun));
    } else if (death === 'dies before the record') {
      await bed.send(claim);
    }
  }

  /** A claim that a run still holds may meet a gate that was shut since. */
  private begin(claim: TransferClaim): Promise<BegunSend | undefined> {
    return beginSend(bed.database, claim, bed.platform);
  }

  private async freeze(): Promise<void> {
    const claim = await this.claimOrNothing();
    const begun = claim && (await this.begin(claim));
    if (begun !== undefined) {
      this.note('freezes');
      this.frozen.push(begun);
    }
  }

  /** A process that slept between gate and socket; the POST goes out, its answer reaches nobody. */
  private async thaw(): Promise<void> {
    const begun = this.frozen.pop();
    if (begun !== undefined) {
      this.note('thaws');
      await sendTransfer(bed.dependencies.stripe, begun);
    }
  }

  private async recordOldClaim(): Promise<void> {
    const claim = this.claims[this.draw(Math.max(this.claims.length, 1))];
    if (claim !== undefined) {
      this.note('records an old claim', claim.claimNumber.toString());
      await bed.record(claim);
      await bed.send(claim);
    }
  }

  /** Nobody stays frozen for hours here: that a key is forgotten meanwhile is beyond any statement (M6). */
  private async pass(): Promise<void> {
    this.hours += 1 + this.draw(48);
    this.frozen = [];
    this.note('hours pass', `${this.hours.toString()} in all`);
    await bed.moveClocks({ hours: this.hours });
  }

  private async pause(): Promise<void> {
    this.note('paused');
    await bed.rows(
      `insert into payout_controls (settlement_id, cause, owner) values ($1, 'test', 'operator')
       on conflict do nothing`,
      [this.transfer.settlementId],
    );
  }

  private async resume(): Promise<void> {
    this.note('resumed');
    await bed.rows(
      `update payout_controls set lifted_at = now()
       where lifted_at is null and settlement_id = $1 and owner = 'operator'`,
      [this.transfer.settlementId],
    );
  }

  private async replaceAccount(): Promise<void> {
    this.note('new account');
    const stripeAccountId = newAccountId();
    await replaceUserStripeAccount(bed.database, { ...this.transfer, stripeAccountId });
  }

  /** No more faults; one run looks, day after day, until nothing changes any more. */
  async end(): Promise<PayoutTransfer> {
    await this.resume();
    await bed.endFaults();
    for (let day = 0; day < DAYS_TO_THE_END; day += 1) {
      this.hours += 25;
      await bed.moveClocks({ hours: this.hours });
      await lookAtPauses(bed.dependencies, this.transfer, () => Promise.resolve());
      await this.look('run-last');
      await this.look('run-last');
    }
    return bed.rowOf(this.transfer);
  }
}

test.each(Array.from({ length: SEEDS }, (_, index) => index + 1))('history %i', async (seed) => {
  const transfer = await givenTransfer(bed.database, { account: newAccountId(), maxAttempts: 4 });
  const history = new History(transfer, drawsOf(seed));
  for (let event = 0; event < EVENTS; event += 1) {
    await history.happen();
  }
  const end = await history.end();
  const told = history.log.join('\n');
  const { byPayoutTransferId } = await bed.sandbox.oracle();
  const paid = byPayoutTransferId[transfer.id]?.ids ?? [];
  expect([told, await brokenInvariants(bed)]).toEqual([told, []]);
  expect([told, paid]).toEqual([told, end.stripeTransferId === null ? [] : [end.stripeTransferId]]);
  // Two empty looks a day later free even a key that nothing is found under.
  expect([told, end.status]).toEqual([told, 'completed']);
});

(SEEDS < SEEDS_FOR_ALL ? test.skip : test)(
  'between them, the histories have tried everything',
  () => {
    expect([...happened].sort()).toEqual([...HAPPENINGS].sort());
  },
);

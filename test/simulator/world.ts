/**
 * One case: some debts, a world that goes wrong around them at random, and an end in which nothing goes wrong any more.
 * Every event draws from numbers of its own, so that a case can be told again without some of its events.
 */
import { settlementPosting } from '../../src/domain/ledger';
import type { SeenSends, TransferClaim } from '../../src/domain/contracts';
import { isHeldByRiskControl } from '../../src/domain/claim-rules';
import { claimTransfer, markDistrusted, type Run } from './claims';
import { Draws, mixSeeds } from './draws';
import { drawFault, tellFault } from './faults';
import { BrokenInvariant, checkEnds, checkInvariants, isAtEnd } from './invariants';
import { beginLook, beginReading, endLook, endReading, type ListReading, type Look } from './looks';
import {
  askPayeeReadiness,
  cancelByOperator,
  lookAtPauses,
  pauseByOperator,
  acceptByOperator,
  resolvePaid,
  resolveUnpaid,
  restoreByOperator,
  resumeByOperator,
  retryByOperator,
  voidByOperator,
} from './operator';
import { GuardError, Records, type Backup, type Guard, type TransferRow } from './records';
import { beginSend, keepAnswer, recordOutcome, type BegunSend } from './sends';
import type { StripeAnswer } from '../../src/domain/outcome';
import { HOUR_MS, MINUTE_MS, StripeModel, type AccountState, type Fault } from './stripe-model';
import { CURRENCY, RULES, type Rules, type System } from './system';

const BEGINNING_MS = Date.UTC(2026, 0, 1);
/**
 * The hour that M6 leaves between its own age of a key and Stripe's: for a process that sleeps between the gate and the
 * socket, and for a clock of Postgres's that is set back, together.
 */
const CLOCK_MARGIN_MS = HOUR_MS;
/** Long enough for two dead keys, one after the other, each of which takes a day. */
const LOOKS_TO_THE_END = 40;
/** More would be the last looks at something that does not change any more. */
const LOG_LINES = 150;
const END_LOOK_EVERY_MS = 3 * HOUR_MS;

/** What a process was about to do when it stopped; it may go on later, or never. */
type Stopped =
  | { readonly at: 'claimed'; readonly claim: TransferClaim }
  | { readonly at: 'begun'; readonly begun: BegunSend }
  | { readonly at: 'answered'; readonly begun: BegunSend; readonly answer: StripeAnswer }
  | { readonly at: 'looked'; readonly look: Look }
  | { readonly at: 'listed'; readonly reading: ListReading };

export interface CaseOptions {
  readonly rules?: Rules;
  readonly without?: readonly Guard[];
  /** Events, by their number, that do not happen. */
  readonly skipped?: ReadonlySet<number>;
  /** Whether the log is written; it costs most of the time. */
  readonly isTold?: boolean;
}

export class World {
  readonly log: string[] = [];
  readonly system: System;
  private readonly runs = new Map<string, Run[]>();
  /** Transfers with a closed run that says that they were paid. */
  private readonly paidRuns = new Set<string>();
  private stopped: Stopped[] = [];
  private backup: Backup | undefined;
  private isRestored = false;
  private isCalm = false;
  /** A job has to start: Temporal has lost its runs. */
  private isListOwed = false;
  /** Sends of which only the rows know, since the runs that made them are gone. */
  private areRunsForgotten = false;
  private made = 0;
  /** By how much Postgres's clock has been set back. */
  private setBackMs = 0;
  private readonly faultPercent: number;
  private readonly deathPercent: number;
  private readonly events: (() => void)[];
  private readonly eventsMax: number;
  private draws: Draws;

  constructor(
    private readonly seed: number,
    private readonly options: CaseOptions,
  ) {
    const draws = new Draws(seed);
    this.draws = draws;
    this.system = {
      records: new Records(options.without),
      stripe: new StripeModel({
        keyRetentionMs: draws.pick([24, 24, 24, 30, 72]) * HOUR_MS,
        listLagMs: draws.pick([0, 0, MINUTE_MS, 5 * MINUTE_MS]),
        balanceMinor: draws.pick([0, 1_000, 100_000, 100_000]),
      }),
      rules: options.rules ?? RULES,
      nowMs: BEGINNING_MS,
      stripeNowMs: BEGINNING_MS,
    };
    this.faultPercent = draws.pick([10, 40, 70, 95]);
    this.deathPercent = draws.pick([0, 5, 20, 50]);
    this.eventsMax = 6 + draws.below(30);
    this.addDebts(draws.pick([1, 1, 1, 1, 2, 4]));
    this.events = this.drawMixture();
  }

  private addDebts(count: number): void {
    const { nowMs, records } = this.system;
    let totalMinor = 0;
    for (let number = 1; number <= count; number += 1) {
      const userId = `user-${number.toString()}`;
      const row = newTransfer(`debt-${number.toString()}`, userId, 600 + number);
      totalMinor += row.amountMinor;
      records.transfers.push(row);
      this.runs.set(row.id, [{ runId: this.newId('run'), seen: undefined }]);
      if (this.draws.chance(85)) {
        this.importAccount(userId);
      }
    }
    records.post({
      key: 'ledger:settlement',
      kind: 'settlement',
      transferId: null,
      stripeTransferId: null,
      reason: null,
      postedAtMs: nowMs,
      entries: settlementPosting(totalMinor, CURRENCY),
    });
  }

  /** Which events happen in this case: a case in which everything happens shows less than many with a few each. */
  private drawMixture(): (() => void)[] {
    const look = () => this.look();
    const pass = () => this.pass();
    const goOn = () => this.goOn();
    const rare = [
      () => this.newRun(),
      () => this.loseRuns(),
      () => this.readList(),
      () => this.importNewAccount(),
      () => this.changeAccount(),
      () => this.changeAccount(),
      () => this.operatorPause(),
      () => this.liftPauses(),
      () => this.topUp(),
      () => this.operatorRetry(),
      () => this.operatorResolve(),
      () => this.reverse(),
    ];
    const chosen = rare.filter(() => this.draws.chance(45));
    if (this.draws.chance(40)) {
      const restore = () => this.restore();
      chosen.push(() => this.backUp(), restore, restore);
    }
    // Drawn last, so that the cases without it are those of before.
    if (this.draws.chance(25)) {
      const cancel = () => this.operatorCancel();
      chosen.push(
        cancel,
        cancel,
        () => this.operatorRestore(),
        () => this.operatorVoid(),
      );
    }
    if (this.draws.chance(15)) {
      chosen.push(() => this.setClockBack());
    }
    return [look, look, look, look, look, look, look, pass, pass, goOn, goOn, ...chosen];
  }

  /** Everything that happens in this case. @throws BrokenInvariant */
  run(): void {
    for (let number = 0; number < this.eventsMax; number += 1) {
      if (this.options.skipped?.has(number) === true) {
        continue;
      }
      this.draws = new Draws(mixSeeds(this.seed, number));
      const event = this.draws.pick(this.events);
      this.told(() => `-- event ${number.toString()}, hour ${this.hour()}`);
      this.happen(event);
    }
    this.draws = new Draws(mixSeeds(this.seed, -1));
    this.happen(() => this.end());
    checkEnds(this.truth());
  }

  get eventCount(): number {
    return this.eventsMax;
  }

  private happen(event: () => void): void {
    try {
      event();
    } catch (error) {
      if (error instanceof GuardError) {
        throw new BrokenInvariant('Postgres has nothing to refuse', error.message);
      }
      throw error;
    }
    checkInvariants(this.truth());
    this.tellRows();
  }

  private tellRows(): void {
    this.told(() => `   ${this.system.records.transfers.map(tellTransfer).join('\n   ')}`);
  }

  private truth() {
    const { records, stripe } = this.system;
    return { records, stripe, isRestored: this.isRestored };
  }

  private told(tell: () => string): void {
    if (this.options.isTold === true && this.log.length < LOG_LINES) {
      this.log.push(tell());
    }
  }

  private hour(): string {
    return ((this.system.nowMs - BEGINNING_MS) / HOUR_MS).toFixed(2);
  }

  private newId(what: string): string {
    this.made += 1;
    return `${what}_${this.made.toString()}`;
  }

  private anyDebt(): TransferRow {
    return this.draws.pick(this.system.records.transfers);
  }

  private fault(): Fault | undefined {
    return !this.isCalm && this.draws.chance(this.faultPercent) ? drawFault(this.draws) : undefined;
  }

  /** A process stops here, and may or may not go on later. */
  private stops(stopped: Stopped): boolean {
    const isStopped = !this.isCalm && this.draws.chance(this.deathPercent);
    if (isStopped) {
      this.told(() => `   a process stops: ${stopped.at}`);
      this.stopped.push(stopped);
    }
    return isStopped;
  }

  // What runs do.

  /** One turn of a TransferWorkflow. */
  private look(row = this.anyDebt()): void {
    if (this.isListOwed) {
      // A job that starts reads the list before it starts anybody.
      this.isListOwed = false;
      const reading = beginReading(this.system);
      this.told(() => `   the job begins and lists ${reading.listed.map(({ id }) => id).join()}`);
      endReading(this.system, reading);
    }
    if (this.draws.chance(10) && !this.isCalm) {
      this.lateClaimOfOldRun(row);
    }
    const run = this.newestRun(row);
    this.told(() => `   ${run.runId} looks at ${row.id}`);
    if (this.carryForward(row, run)) {
      run.seen = seenAfter(run.seen, { ...row, claimNumber: 0 });
      if (row.status === 'completed') {
        this.paidRuns.add(row.id);
      }
    }
  }

  private newestRun(row: TransferRow): Run {
    return this.runs.get(row.id)!.at(-1)!;
  }

  /** A claim that was on its way when its run was reset: nobody hears of it. */
  private lateClaimOfOldRun(row: TransferRow): void {
    const run = this.runs.get(row.id)!.at(-2);
    if (run === undefined) {
      return;
    }
    const claimed = claimTransfer(this.system, row, run);
    this.told(() => `   late claim of ${run.runId}: ${claimed.next}`);
    if (claimed.next === 'send') {
      this.stopped.push({ at: 'claimed', claim: claimed.claim });
    }
  }

  /** @returns whether the run came to see the row again afterwards */
  private carryForward(row: TransferRow, run: Run): boolean {
    const { system } = this;
    const claimed = claimTransfer(system, row, run);
    this.told(() => `   claim: ${claimed.next}`);
    // The answer of a claim stands in the run's history, whatever becomes of the step.
    const claimNumber = claimed.next === 'send' ? claimed.claim.claimNumber : 0;
    run.seen = seenAfter(run.seen, { ...row, claimNumber });
    switch (claimed.next) {
      case 'rest':
        if (claimed.wantsList && (this.isCalm || this.draws.chance(70))) {
          this.readList();
        }
        return true;
      case 'ask':
        askPayeeReadiness(system, row);
        return true;
      case 'reconcile': {
        const look = beginLook(system, row, run.runId);
        if (look !== undefined && this.stops({ at: 'looked', look })) {
          return false;
        }
        if (look !== undefined) {
          endLook(system, look);
        }
        return true;
      }
      case 'send':
        return this.sendAndRecord(claimed.claim);
    }
  }

  private sendAndRecord(claim: TransferClaim): boolean {
    if (this.stops({ at: 'claimed', claim })) {
      return false;
    }
    let tries = 0;
    while (this.send(claim) && tries < 3 && this.draws.chance(50)) {
      tries += 1;
    }
    if (this.stops({ at: 'claimed', claim })) {
      return false;
    }
    recordOutcome(this.system, claim);
    return true;
  }

  /** One try of createStripeTransfer. @returns whether Temporal tries it again */
  private send(claim: TransferClaim): boolean {
    const begun = beginSend(this.system, claim);
    if (begun === undefined) {
      this.told(() => '   the gate is shut');
      return false;
    }
    return this.stops({ at: 'begun', begun }) ? true : this.post(begun);
  }

  private post(begun: BegunSend): boolean {
    const fault = this.fault();
    const { key, request } = begun;
    const answer = this.system.stripe.post(key, request, this.system.stripeNowMs, fault);
    this.told(
      () =>
        `   POST ${key} to ${request.destination}, ${tellFault(fault)}: ${JSON.stringify(answer)}`,
    );
    return this.stops({ at: 'answered', begun, answer }) ? true : this.keep(begun, answer);
  }

  private keep(begun: BegunSend, answer: StripeAnswer): boolean {
    const outcome = keepAnswer(this.system, begun, answer);
    return (
      outcome.kind === 'unknown' ||
      (outcome.kind === 'not_created' && outcome.leadsTo === 'retryable')
    );
  }

  /** A process that had stopped goes on where it was, whatever happened since. */
  private goOn(): void {
    if (this.stopped.length === 0) {
      return;
    }
    const [stopped] = this.stopped.splice(this.draws.below(this.stopped.length), 1);
    if (stopped === undefined) {
      return;
    }
    this.told(() => `   a process goes on: ${stopped.at}`);
    switch (stopped.at) {
      case 'claimed':
        if (this.draws.chance(50)) {
          this.send(stopped.claim);
        }
        recordOutcome(this.system, stopped.claim);
        return;
      case 'begun':
        this.post(stopped.begun);
        return;
      case 'answered':
        this.keep(stopped.begun, stopped.answer);
        return;
      case 'looked':
        endLook(this.system, stopped.look);
        return;
      case 'listed':
        endReading(this.system, stopped.reading);
    }
  }

  /** A reset, which has seen what the old run had, or a run started anew, which looks at once. */
  private newRun(): void {
    const row = this.anyDebt();
    const isReset = this.isRestored || this.draws.chance(50);
    const seen = isReset ? this.newestRun(row).seen : undefined;
    this.areRunsForgotten ||= !isReset;
    const run = { runId: this.newId('run'), seen };
    this.told(() => `   ${run.runId} begins for ${row.id}`);
    this.runs.get(row.id)!.push(run);
    this.look(row);
  }

  private loseRuns(): void {
    this.told(() => '   Temporal loses all runs');
    for (const id of this.runs.keys()) {
      this.runs.set(id, [{ runId: this.newId('run'), seen: undefined }]);
    }
    this.paidRuns.clear();
    this.isListOwed = true;
    this.areRunsForgotten = true;
    if (this.isRestored) {
      this.waitUntilStripeRests();
    }
  }

  private readList(): void {
    const reading = beginReading(this.system);
    this.told(() => `   the job lists ${reading.listed.map(({ id }) => id).join()}`);
    if (!this.stops({ at: 'listed', reading })) {
      endReading(this.system, reading);
    }
  }

  // What time, payees, people and disasters do.

  private pass(): void {
    const { draws } = this;
    switch (draws.below(4)) {
      case 0: {
        this.passMs((1 + draws.below(59)) * MINUTE_MS);
        return;
      }
      case 1: {
        this.passMs((1 + draws.below(12)) * HOUR_MS);
        return;
      }
      case 2: {
        this.passMs(22 * HOUR_MS + draws.below(180) * MINUTE_MS);
        return;
      }
      default: {
        this.passMs(draws.below(72) * HOUR_MS);
        return;
      }
    }
  }

  private passMs(ms: number): void {
    const { system } = this;
    system.nowMs += ms;
    system.stripeNowMs += ms;
    system.stripe.moveOn(system.stripeNowMs);
    const begunSinceMs = system.stripeNowMs - (CLOCK_MARGIN_MS - this.setBackMs);
    this.stopped = this.stopped.filter(
      (stopped) => stopped.at !== 'begun' || begunSinceMs <= stopped.begun.begunAtMs,
    );
    this.told(() => `   it is hour ${this.hour()}`);
  }

  /** Once a case, and so little that it and a late POST stay within the hour. */
  private setClockBack(): void {
    if (this.setBackMs > 0) {
      return;
    }
    this.setBackMs = (1 + this.draws.below(60)) * MINUTE_MS;
    this.system.nowMs -= this.setBackMs;
    this.passMs(0);
    this.told(() => '   the clock of Postgres is set back');
  }

  private importAccount(userId: string): void {
    const stripeAccountId = this.newId('acct');
    const states: AccountState[] = ['active', 'active', 'active', 'inactive'];
    const state = this.isCalm ? 'active' : this.draws.pick(states);
    this.system.stripe.accounts.set(stripeAccountId, state);
    this.system.records.accounts.set(userId, {
      stripeAccountId,
      readiness: 'not_asked',
      nextAskAtMs: null,
      askCount: 0,
    });
    this.told(() => `   ${userId} has ${stripeAccountId}, ${state}`);
  }

  private importNewAccount(): void {
    this.importAccount(this.anyDebt().userId);
  }

  private changeAccount(): void {
    const { accounts } = this.system.stripe;
    if (accounts.size === 0) {
      return;
    }
    const id = this.draws.pick([...accounts.keys()]);
    const states: (AccountState | undefined)[] = [
      'active',
      'active',
      'active',
      'inactive',
      'closed',
      'restricted',
      'disconnected',
      undefined,
    ];
    const state = this.draws.pick(states);
    this.told(() => `   ${id} is ${state ?? 'gone'}`);
    if (state === undefined) {
      accounts.delete(id);
    } else {
      accounts.set(id, state);
    }
  }

  private operatorPause(): void {
    this.told(() => '   an operator pauses');
    pauseByOperator(this.system);
  }

  private liftPauses(): void {
    if (this.draws.chance(50)) {
      this.told(() => '   an operator resumes');
      resumeByOperator(this.system);
    } else {
      lookAtPauses(this.system);
    }
  }

  private topUp(): void {
    this.system.stripe.balanceMinor += 100_000;
  }

  private operatorRetry(): void {
    const row = this.anyDebt();
    const isRetried = retryByOperator(this.system, row);
    this.told(() => `   an operator retries ${row.id}: ${isRetried.toString()}`);
  }

  private operatorResolve(): void {
    const row = this.anyDebt();
    const isResolved = this.draws.chance(60)
      ? resolveUnpaid(this.system, row)
      : resolvePaid(this.system, row);
    this.told(() => `   an operator resolves ${row.id}: ${isResolved.toString()}`);
  }

  private operatorCancel(): void {
    const row = this.anyDebt();
    const answer = cancelByOperator(this.system, row);
    this.told(() => `   an operator cancels ${row.id}: ${answer}`);
  }

  private operatorRestore(): void {
    const row = this.anyDebt();
    const answer = restoreByOperator(this.system, row);
    this.told(() => `   an operator restores ${row.id}: ${answer}`);
  }

  private operatorVoid(): void {
    const row = this.anyDebt();
    const answer = voidByOperator(this.system, row);
    this.told(() => `   an operator voids ${row.id}: ${answer}`);
  }

  private backUp(): void {
    this.told(() => '   a backup is made');
    this.backup = this.system.records.backup();
  }

  /** The workers are stopped for it, so nobody who was on the way goes on after it; what Stripe has, it keeps. */
  private restore(): void {
    const { records } = this.system;
    if (this.backup === undefined) {
      this.backUp();
      return;
    }
    if (this.isRestored) {
      // Once a case: a second restore takes away what the first one had found out.
      return;
    }
    // Nobody restores a database faster than Stripe's list shows what was paid.
    this.passMs((10 + this.draws.below(240)) * MINUTE_MS);
    this.told(() => '   Postgres comes back as it was at the backup');
    records.restore(this.backup);
    this.isRestored = true;
    this.stopped = [];
    if (this.draws.chance(50)) {
      this.loseRuns();
      return;
    }
    if (this.areRunsForgotten) {
      this.waitUntilStripeRests();
    }
    this.sweepPaidRuns();
  }

  /**
   * Where neither Postgres nor Temporal knows of a call that Stripe answered with 500, nothing but time shows whether
   * Stripe completes it after all: whoever has lost both waits.
   */
  private waitUntilStripeRests(): void {
    this.passMs(Math.max(this.system.stripe.restsAtMs() - this.system.stripeNowMs, 0));
  }

  /** The sweep finds closed runs that say of unpaid rows that they were paid (M11). */
  private sweepPaidRuns(): void {
    for (const id of this.paidRuns) {
      const row = this.system.records.transfer(id);
      if (row.status !== 'completed') {
        markDistrusted(this.system, row, 'unknown_paid_run');
        this.runs.get(id)!.push({ runId: this.newId('run'), seen: undefined });
      }
    }
  }

  /** A person takes money back at Stripe. */
  private reverse(): void {
    const made = this.system.stripe.transfers.at(-1);
    if (made !== undefined && this.draws.chance(50)) {
      made.amountReversedMinor = made.request.amountMinor;
      this.told(() => `   ${made.id} is reversed`);
    }
  }

  /** Nothing goes wrong any more; people mend what only people can, and a fresh run looks often enough. */
  private end(): void {
    const { records, stripe } = this.system;
    this.isCalm = true;
    this.stopped = [];
    stripe.balanceMinor += 1_000_000;
    for (const row of records.transfers) {
      this.mendAccount(row.userId);
      if (row.cancelledAtAttempt !== null && this.draws.chance(50)) {
        restoreByOperator(this.system, row);
      }
      this.runs.set(row.id, [{ runId: this.newId('run'), seen: this.newestRun(row).seen }]);
    }
    for (let count = 0; count < LOOKS_TO_THE_END && !records.transfers.every(isAtEnd); count += 1) {
      this.passMs(END_LOOK_EVERY_MS);
      for (const row of records.transfers) {
        acceptByOperator(this.system, row);
      }
      resumeByOperator(this.system);
      this.readList();
      for (const row of records.transfers) {
        this.look(row);
        if (row.status === 'failed_terminal' || isHeldByRiskControl(row)) {
          restoreByOperator(this.system, row);
          retryByOperator(this.system, row);
        }
        checkInvariants(this.truth());
      }
    }
  }

  private mendAccount(userId: string): void {
    const account = this.system.records.accounts.get(userId);
    if (account === undefined) {
      this.importAccount(userId);
    } else {
      this.system.stripe.accounts.set(account.stripeAccountId, 'active');
    }
  }
}

function newTransfer(id: string, userId: string, amountMinor: number): TransferRow {
  return {
    id,
    userId,
    amountMinor,
    status: 'pending',
    failureReason: null,
    generation: 0,
    claimNumber: 0,
    claimRunId: null,
    attemptCount: 0,
    countedAttemptCount: 0,
    maxAttempts: 3,
    stripeTransferId: null,
    payeeWaitSinceMs: null,
    notSeenSinceMs: null,
    cancelledAtAttempt: null,
    generations: [],
    attempts: [],
  };
}

/** What transfer.ts remembers: never less than before, until a claim has said that the row tells less. */
function seenAfter(
  seen: SeenSends | undefined,
  {
    attemptCount,
    claimNumber,
    failureReason,
    generation,
  }: Pick<TransferRow, 'attemptCount' | 'claimNumber' | 'failureReason' | 'generation'>,
): SeenSends {
  return seen === undefined || failureReason === 'unknown_records_older'
    ? { generation, attemptCount, claimNumber }
    : {
        generation: Math.max(generation, seen.generation),
        attemptCount: Math.max(attemptCount, seen.attemptCount),
        claimNumber: Math.max(claimNumber, seen.claimNumber ?? 0),
      };
}

function tellTransfer(row: TransferRow): string {
  const { attemptCount, claimNumber, failureReason, generation, id, status } = row;
  const open = row.attempts.filter(({ resolution }) => resolution === null).length;
  return (
    `${id} ${status} ${failureReason ?? ''} g${generation.toString()} claim ${claimNumber.toString()} ` +
    `attempts ${attemptCount.toString()} (${open.toString()} unresolved) ${row.stripeTransferId ?? ''}`
  );
}
